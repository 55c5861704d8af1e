"""Simulated responses: R's own numbers for R's own seed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.errors import ModelError
from pylmer.linalg.one_factor import Responses
from pylmer.methods.residuals import row_series
from pylmer.model import MerMod
from pylmer.rcompat.missing import NA, NAType
from pylmer.rcompat.random import RStream, default_stream

FloatArray = NDArray[np.float64]

__all__ = ["draw_responses", "no_random_effects", "simulate", "spherical_draws"]


def no_random_effects(re_form: str | NAType | None) -> bool:
    """Whether ``re_form`` says that no random effects are kept: NA or ``"~0"``; None keeps them all.

    Raises
    ------
    ModelError
        Another formula.
    """
    if re_form is None:
        return False
    if re_form is NA or (isinstance(re_form, str) and re_form.replace(" ", "") == "~0"):
        return True
    raise ModelError(f"re_form={re_form!r}: give None (all random effects), NA or '~0' (none)")


def stream_for(seed: int | None) -> RStream:
    """Return the process's stream, started anew when a seed is given, as R's ``set.seed`` does."""
    stream = default_stream()
    if seed is not None:
        stream.set_seed(seed)
    return stream


def simulate(
    model: MerMod,
    nsim: int = 1,
    seed: int | None = None,
    re_form: str | NAType | None = NA,
    use_u: bool = False,
) -> pd.DataFrame:
    """Simulate responses from a fit.

    Parameters
    ----------
    model
        A fit.
    nsim
        Number of responses.
    seed
        As R's ``set.seed``; None goes on with the stream as it stands.
    re_form
        NA or ``"~0"`` (the default): new random effects are drawn; None: those of the fit are kept.
    use_u
        The same as ``re_form=None``.

    Returns
    -------
    DataFrame
        ``(n, nsim)``, columns ``sim_1``, ``sim_2``, ...; the numbers that R draws from the same seed.

    Notes
    -----
    All spherical random effects are drawn first, replicate by replicate, then all residuals. With prior weights the
    residual of a row has variance sigma^2 / weight; lme4 1.1-31 leaves the weights out here.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> m = lmer("mathach ~ cses + (1 | school)", data=datasets.HSB())
    >>> simulate(m, 2, seed=1).iloc[0].round(5).tolist()
    [16.35178, 5.21965]
    """
    if nsim < 1:
        raise ModelError(f"nsim={nsim!r}: give a whole number of at least 1")
    stream = stream_for(seed)
    keep_u = use_u or not no_random_effects(re_form)
    if keep_u:
        eta = np.tile(model.mu, (nsim, 1))
    else:
        eta = model.residual_sd * _random_part(model, spherical_draws(model, nsim, stream))
        eta += model.mu - model.linear_random
    noise = stream.rnorm(out=np.empty((nsim, model.n)))
    eta += noise * _residual_sd(model)
    columns = [row_series(model, y) for y in eta]
    return pd.DataFrame({f"sim_{i + 1}": column for i, column in enumerate(columns)})


def _residual_sd(model: MerMod) -> FloatArray | float:
    weights = model.design.weights
    return model.residual_sd if weights is None else model.residual_sd / np.sqrt(weights)


def spherical_draws(model: MerMod, nsim: int, stream: RStream) -> tuple[FloatArray, ...]:
    """Spherical random effects per term, ``(nsim, J, k)``, in the order in which R draws them."""
    u = stream.rnorm(out=np.empty((nsim, model.q)))
    Gp = model.design.re.Gp
    return tuple(u[:, Gp[i] : Gp[i + 1]].reshape(nsim, t.J, t.k) for i, t in enumerate(model.design.re.terms))


def _random_part(model: MerMod, u: tuple[FloatArray, ...]) -> FloatArray:
    """Z Lambda u for many u: ``(nsim, n)``."""
    out = np.zeros((len(u[0]), model.n))
    for t, L, draws in zip(model.design.re.terms, model.L, u, strict=True):
        b = draws @ L.T
        for a in range(t.k):
            out += b[:, t.codes, a] * t.columns[:, a]
    return out


def draw_responses(model: MerMod, nsim: int, stream: RStream) -> Responses:
    """Simulate ``nsim`` responses and keep of each only its cross-products, less X beta.

    What ``simulate`` draws, in the same order, but the rows are summed block by block as they are drawn.  The random
    part needs no rows at all: ``Z'Z b`` comes from the cross-products.
    """
    criterion = model.criterion
    sigma, factors = model.residual_sd, criterion.factors
    u = spherical_draws(model, nsim, stream)
    b = [np.zeros((nsim, f.J, f.k)) for f in factors]
    for (f, columns), L, draws in zip(criterion.term_place, model.L, u, strict=True):
        b[f][..., columns] = sigma * (draws @ L.T) * criterion.maps[f].scale[columns]
    ZZb, XZb = criterion.sums.times_Z(b)
    noise = [criterion.sum_responses(e) for e in _residual_blocks(model.n, nsim, sigma, stream)]
    Ze = [np.concatenate([part.Zy[f] for part in noise]) for f in range(len(factors))]
    bZy = sum(np.einsum("rjk,rjk->r", part, g + 2.0 * z) for part, g, z in zip(b, ZZb, Ze, strict=True))
    return Responses(
        tuple(g + z for g, z in zip(ZZb, Ze, strict=True)),
        XZb + np.concatenate([part.Xy for part in noise]),
        np.concatenate([part.yy for part in noise]) + bZy,
    )


def _residual_blocks(n: int, nsim: int, sigma: float, stream: RStream) -> Iterator[FloatArray]:
    """Residuals, a few replicates at a time: about half a megabyte."""
    size = max(1, min(nsim, 65_536 // n))
    buffer = np.empty((size, n))
    for first in range(0, nsim, size):
        e = stream.rnorm(out=buffer[: min(size, nsim - first)])
        e *= sigma
        yield e
