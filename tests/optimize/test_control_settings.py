"""Every setting of lme4's lmerControl is known by its name."""

from __future__ import annotations

import pytest

from pylmer import _makeCC, datasets, lmer, lmerControl, nloptwrap
from pylmer.errors import ConvergenceWarning, ModelError
from rcompare.engines.r import RSession


def test_every_setting_of_r_is_known(R: RSession) -> None:
    for name in R.strings("names(formals(lmerControl))"):
        known = name.replace(".", "_")
        assert hasattr(lmerControl(), known), name
    assert lmerControl(nloptwrap).optimizer == "nloptwrap"


def test_checks_described_as_in_r() -> None:
    control = lmerControl(check_conv_grad=_makeCC("ignore", tol=0.5), check_conv_singular=_makeCC("stop", tol=0.25))
    assert (control.check_conv_grad, control.grad_tol) == ("ignore", 0.5)
    assert (control.check_conv_singular, control.singular_tol) == ("stop", 0.25)
    with pytest.raises(ModelError, match="relTol"):
        lmerControl(check_conv_grad=_makeCC("ignore", tol=0.5, relTol=1.0))


def test_a_check_may_be_switched_off() -> None:
    few = {"maxeval": 5}
    for judged in (True, False):
        control = lmerControl(nloptwrap, optCtrl=few, calc_derivs=judged)
        with pytest.warns(ConvergenceWarning) as caught:
            lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy(), control=control)
        assert any("gradient" in str(w.message) for w in caught) == judged


@pytest.mark.parametrize("name", ["use_last_params", "sparseX", "standardize_X"])
def test_settings_of_one_value(name: str) -> None:
    with pytest.raises(ModelError, match=f"{name}=True is not there"):
        lmerControl(**{name: True})
    with pytest.raises(ModelError, match="mod_type"):
        lmerControl(mod_type="glmer")
