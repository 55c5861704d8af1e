"""Bootstraps of every kind, with and without workers, saved and put together."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from lme4_fits import by_id, pair

from pylmer import bootMer, datasets, fixef, lmer
from pylmer.errors import ModelError
from pylmer.inference import BootMer
from pylmer.model import MerMod
from rcompare.engines.r import RSession


def spread(m: MerMod) -> Any:
    return np.append(m.theta, m.residual_sd)


KINDS: list[tuple[str, dict[str, Any]]] = [
    ("type = 'semiparametric', use.u = TRUE", {"type": "semiparametric", "use_u": True}),
    ("use.u = TRUE", {"use_u": True}),
    ("re.form = ~(1 | sample)", {"re_form": "~(1 | sample)"}),
    ("re.form = ~0", {"re_form": "~0"}),
]


@pytest.mark.parametrize(("r", "settings"), KINDS, ids=[r for r, _ in KINDS])
def test_the_replicates_of_r(R: RSession, r: str, settings: dict[str, Any]) -> None:
    both = pair(by_id("penicillin"), R)
    assert len(both.data)
    R(f"boot_m <- {both.fit.r_call.replace('data', both.table)}")
    R(f"boot_t <- suppressMessages(suppressWarnings(bootMer(boot_m, fixef, nsim = 4, seed = 5, {r})))$t")
    ours = bootMer(both.there, fixef, 4, 5, **settings)
    np.testing.assert_allclose(ours.t, R.num("boot_t"), rtol=1e-5)


def test_what_makes_no_sense_is_refused() -> None:
    m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    with pytest.raises(ModelError, match=r"use.u=FALSE not yet implemented"):
        m.bootMer(fixef, type="semiparametric")
    with pytest.raises(ModelError, match="type='other'"):
        m.bootMer(fixef, type="other")


def test_the_same_result_for_any_number_of_workers() -> None:
    m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    alone = bootMer(m, spread, 120, 1)
    with ThreadPoolExecutor(3) as threads:
        np.testing.assert_array_equal(bootMer(m, spread, 120, 1, executor=threads).t, alone.t)
    with ProcessPoolExecutor(1) as processes:
        np.testing.assert_array_equal(bootMer(m, fixef, 60, 1, executor=processes).t, bootMer(m, fixef, 60, 1).t)


def test_saved_and_put_together() -> None:
    m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff())
    first, second = bootMer(m, fixef, 5, 1), bootMer(m, fixef, 4, 2)
    first.t[2] = np.nan
    again = BootMer.from_json(first.to_json())
    np.testing.assert_array_equal(again.t, first.t)
    assert again.t0.equals(first.t0)
    assert (again.R, again.seed) == (5, 1)
    whole = again.concatenate(second)
    assert whole.R == 9
    np.testing.assert_array_equal(whole.t[5:], second.t)
    with pytest.raises(ModelError, match="t0 differ"):
        first.concatenate(bootMer(m, spread, 2, 1))
