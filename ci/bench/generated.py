"""Tables made for timing, always the same from their seed; levels are text, so that both languages see factors."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["growing", "maximal"]


def maximal() -> pd.DataFrame:
    """56 subjects by 32 items, three two-level conditions, 1,792 rows: as Kronmueller and Barr (2007).

    Intercepts vary a lot, condition effects a little and not in all directions: the maximal model is singular.
    """
    rng = np.random.default_rng(20070301)
    subject, item = (x.ravel() for x in np.meshgrid(np.arange(56), np.arange(32), indexing="ij"))
    cell = (subject + item) % 8
    S, P, L = (np.where(cell >> bit & 1, 1.0, -1.0) for bit in range(3))
    X = np.column_stack([np.ones(len(cell)), S, P, L])
    by_subject = rng.normal(size=(56, 2)) @ np.array([[300.0, 20.0, -60.0, 10.0], [0.0, 40.0, 30.0, 0.0]])
    by_item = rng.normal(size=(32, 2)) @ np.array([[360.0, 0.0, -250.0, 20.0], [0.0, 20.0, 40.0, 10.0]])
    mean = X @ np.array([2180.0, -67.0, -334.0, 78.0])
    y = mean + np.sum(X * (by_subject[subject] + by_item[item]), axis=1) + 670.0 * rng.normal(size=len(cell))
    return pd.DataFrame(
        {
            "rt": y,
            "S": S,
            "P": P,
            "L": L,
            "subj": pd.Categorical([f"s{i:02d}" for i in subject]),
            "item": pd.Categorical([f"i{i:02d}" for i in item]),
        }
    )


def growing(rows: int, levels: int, covariates: int = 4, second: int = 0) -> pd.DataFrame:
    """Rows spread over the levels of ``g``, and of ``h`` when ``second`` is not 0; covariates ``x1, x2, ...``."""
    rng = np.random.default_rng(1)
    g = rng.integers(levels, size=rows)
    X = rng.normal(size=(rows, covariates))
    slopes = rng.normal(size=(levels, covariates))
    y = rng.normal(size=rows) + X.sum(axis=1) + np.sum(X * slopes[g], axis=1) * 0.3 + rng.normal(size=levels)[g]
    columns = {"y": y} | {f"x{j + 1}": X[:, j] for j in range(covariates)}
    columns["g"] = pd.Categorical.from_codes(g, [f"g{i}" for i in range(levels)]).remove_unused_categories()
    if second:
        h = rng.integers(second, size=rows)
        columns["y"] = y + rng.normal(size=second)[h]
        columns["h"] = pd.Categorical.from_codes(h, [f"h{i}" for i in range(second)]).remove_unused_categories()
    return pd.DataFrame(columns)
