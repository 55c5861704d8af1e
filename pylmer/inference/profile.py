"""Likelihood profiles of all parameters, and the intervals that they give."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Never

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtri, ndtri

from pylmer.arguments import check_arguments, numbers_from
from pylmer.errors import ModelError, RWarning
from pylmer.inference.boot_intervals import level_columns
from pylmer.inference.comparison import refitML
from pylmer.inference.parameters import Parm, chosen_parameters, parameter_names, parameters_of
from pylmer.inference.profile_focus import foci
from pylmer.inference.profile_tracks import Estimate, Point, Steps, walk
from pylmer.inference.profile_variances import as_variances, with_covariances
from pylmer.inference.splines import HermiteSpline, back_spline, interpolating_spline
from pylmer.model import MerMod
from pylmer.rcompat.printable import Printable
from pylmer.threads import one_thread

FloatArray = NDArray[np.float64]

__all__ = ["Parm", "Profile", "logProf", "profile", "varianceProf"]

#: zeta may fall by this between points before linear interpolation is given up too.
NON_MONOTONE = 0.01
#: What the squares of parameters are.
VARIANCES = {"sd": "var", "sigma": "sigma2"}


@dataclass(frozen=True)
class Curve:
    """The profile of one parameter.

    Parameters
    ----------
    kind
        ``"sd"``, ``"cor"``, ``"sigma"`` or ``"beta"``; ``"var"``, ``"cov"``, ``"sigma2"``.
    values, zeta
        ``(K,)``: the parameter, increasing, and the signed root of the deviance's increase.
    others
        ``(K, P)``: all parameters where the deviance is smallest.
    labels
        ``(K,)``: R's row names.
    lower, upper
        Bounds of the parameter; NaN where it has none.
    forward, backward
        zeta as a function of the parameter, and the inverse; None where there is none.
    """

    kind: str
    values: FloatArray
    zeta: FloatArray
    others: FloatArray
    labels: NDArray[np.intp]
    lower: float
    upper: float
    forward: HermiteSpline | None
    backward: HermiteSpline | None


@dataclass(frozen=True, eq=False, repr=False)
class Profile(Printable):
    """Profiles of some parameters of a fit (lme4's class ``thpr``); ``print`` shows R's data frame.

    Parameters
    ----------
    names
        All parameters of the model.
    curves
        Parameter to its profile.
    kinds
        What each parameter is: ``"sd"``, ``"cor"``, ``"sigma"`` or ``"beta"``; ``"var"``, ``"cov"``, ``"sigma2"``.
    """

    names: tuple[str, ...]
    curves: Mapping[str, Curve]
    kinds: tuple[str, ...]

    def as_data_frame(self) -> pd.DataFrame:
        """One row a point: ``.zeta``, all parameters, ``.par`` (which was held) and ``.focal`` (where)."""
        parts = list(self.curves.items())
        frame = pd.DataFrame(np.concatenate([c.others for _, c in parts]), columns=list(self.names))
        frame.insert(0, ".zeta", np.concatenate([c.zeta for _, c in parts]))
        held = [name for name, c in parts for _ in c.zeta]
        frame[".par"] = pd.Categorical(held, categories=[name for name, _ in parts])
        frame[".focal"] = np.concatenate([c.values for _, c in parts])
        return frame

    def confint(
        self,
        parm: Parm = None,
        level: float = 0.95,
        zeta: Sequence[float] | None = None,
        non_mono_tol: float = NON_MONOTONE,
    ) -> pd.DataFrame:
        """Intervals: where zeta is at the normal quantiles.

        Parameters
        ----------
        parm
            Which parameters: names, positions among those profiled counted from 0, ``"theta_"`` or ``"beta_"``.
        level
            Coverage.
        zeta
            The two values of zeta where an interval ends, instead of those of ``level``.
        non_mono_tol
            zeta may fall by this between points before linear interpolation is given up too.

        Returns
        -------
        DataFrame
            One row a parameter; an end that is not reached is the parameter's bound, or NaN where there is none.
        """
        names = list(self.curves)
        variance = sum(c.kind != "beta" for c in self.curves.values())
        chosen = [names[i] for i in chosen_parameters(parm, names, variance)]
        if zeta is not None and len(zeta) != 2:
            raise ModelError(f"zeta={zeta!r}: give two numbers, where an interval begins and ends")
        columns = level_columns(level) if zeta is None else ["[,1]", "[,2]"]
        ends = ndtri([(1 - level) / 2, (1 + level) / 2]) if zeta is None else numbers_from(zeta, "zeta")
        table = np.array([_interval(name, self.curves[name], ends, non_mono_tol) for name in chosen]).reshape(-1, 2)
        return pd.DataFrame(table, index=chosen, columns=columns)

    def log(self, base: float = np.e) -> Profile:
        """See :func:`logProf`."""
        return logProf(self, base)

    def logProf(self, base: float = np.e, ranef: bool = True, sigIni: str | None = None) -> Profile:
        """See :func:`logProf`."""
        return logProf(self, base, ranef, sigIni)

    def varianceProf(self, ranef: bool = True) -> Profile:
        """See :func:`varianceProf`."""
        return varianceProf(self, ranef)


def profile(
    model: MerMod,
    which: Parm = None,
    alphamax: float = 0.01,
    maxpts: int = 100,
    delta: float | None = None,
    delta_cutoff: float = 1 / 8,
    devtol: float = 1e-9,
    maxmult: float = 10.0,
    signames: bool = True,
    prof_scale: Literal["sdcor", "varcov"] = "sdcor",
    **unused: Never,
) -> Profile:
    """Profile the deviance of the ML fit in each standard deviation, correlation, sigma and fixed effect.

    Parameters
    ----------
    model
        A fit; one by REML is refitted by ML.
    which
        Parameters to profile: names, positions counted from 0, ``"theta_"`` or ``"beta_"``; None profiles all.
    alphamax
        A profile ends where a likelihood-ratio test of all parameters together would have this level.
    maxpts
        Most points on one side of the estimate.
    delta, delta_cutoff
        Step in zeta that is aimed at; default ``delta_cutoff`` of where profiles end.
    devtol
        A deviance lower than the fit's by more than this is an error.
    maxmult
        A step is at most this many times as long as the one before.
    signames
        ``.sig01`` ... (the default) or ``sd_(Intercept)|g`` ...
    prof_scale
        ``"sdcor"`` (the default); ``"varcov"``: variances, ``.sigma`` squared among them, and covariances, under the
        same names (or ``var_(Intercept)|g``, ``cov_x.(Intercept)|g``).

    Returns
    -------
    Profile
        With ``.confint()``, ``.as_data_frame()``, ``.log()``, ``.varianceProf()``.

    Raises
    ------
    ModelError
        If the fit was not at the optimum: a lower deviance is met on the way.

    Notes
    -----
    The deviance with one parameter held is minimized over the others by Newton's method with its exact gradient
    (Bates et al. 2015, section 5.1, for the profile itself).

    With ``prof_scale="varcov"`` the profile of a variance is that of the standard deviation at squared values, as it
    must be: what :func:`varianceProf` gives. That of lme4 1.1-31 is not: its intervals differ by some percent, one of
    sleepstudy's begins at 0, and sigma squared has none. Those of covariances agree.

    Examples
    --------
    >>> from pylmer import datasets, lmer, profile
    >>> m = lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff(), REML=False)
    >>> profile(m).confint().round(3).loc[".sig01"].tolist()
    [12.199, 84.063]
    """
    check_arguments(profile, locals())
    _refuse_unusable_steps(alphamax=alphamax, maxpts=maxpts, delta=delta, delta_cutoff=delta_cutoff, maxmult=maxmult)
    fit = refitML(model)
    names = parameter_names(fit, signames)
    m, variances = len(fit.theta), prof_scale == "varcov"
    all_foci = foci(fit.criterion, variances)
    values = parameters_of(fit)
    if variances:
        values = with_covariances(fit, values, all_foci)
        names = [_variance_name(name) for name in names]
    wanted = sorted(set(chosen_parameters(which, names, m + 1)))
    if not wanted:
        raise ModelError(f"which={which!r} chooses no parameter: choose among {', '.join(names)}")
    cutoff = float(np.sqrt(chdtri(len(names), alphamax)))
    steps = Steps(cutoff, cutoff * delta_cutoff if delta is None else delta, maxpts, maxmult, devtol)
    undefined = [i for i in wanted if np.isnan(values[i])]
    for i in undefined:
        warnings.warn(f"bad profile for {names[i]}: it has no estimate", RWarning, stacklevel=2)
    defined = [all_foci[i] for i in wanted if i not in undefined]
    errors = np.sqrt(np.diagonal(fit.vcov_beta))
    estimate = Estimate(fit.value, fit.theta, fit.residual_sd, values, errors)
    with one_thread(fit.design.cells):
        tracks = walk(fit.criterion, estimate, defined, names, steps)
    found = dict(zip([f.place for f in defined], tracks, strict=True))
    kinds = tuple(VARIANCES.get(f.kind, f.kind) if variances else f.kind for f in all_foci)
    curves: dict[str, Curve] = {}
    for i in wanted:
        f, points = all_foci[i], found.get(i, [])
        if variances:
            points = as_variances(fit, points, f)
        bounds = (f.lower, f.upper) if np.isfinite(f.lower) else (np.nan, np.nan)
        before = sum(len(c.zeta) for c in curves.values())
        curves[names[i]] = _curve(names[i], kinds[i], points, bounds, len(names), before)
    return Profile(tuple(names), curves, kinds)


def _variance_name(name: str) -> str:
    """The name of a variance or covariance, where it says what it is."""
    for old, new in (("sd_", "var_"), ("cor_", "cov_")):
        if name.startswith(old) and "|" in name:
            return new + name.removeprefix(old)
    return name


def _curve(
    name: str, kind: str, points: Sequence[Point], bounds: tuple[float, float], n_names: int, before: int
) -> Curve:
    values, zeta = np.array([p.value for p in points]), np.array([p.zeta for p in points])
    others = np.array([p.parameters for p in points]).reshape(-1, n_names)
    labels = np.arange(before + 1, before + len(points) + 1)
    curve = Curve(kind, values, zeta, others, labels, *bounds, None, None)
    return _with_splines(name, curve) if points else curve


def _with_splines(name: str, curve: Curve) -> Curve:
    """Interpolate, both ways."""
    known = np.isfinite(curve.zeta) & np.isfinite(curve.values)
    forward = backward = None
    try:
        forward = interpolating_spline(curve.values[known], curve.zeta[known])
        backward = back_spline(forward)
    except ModelError:
        warnings.warn(f"non-monotonic profile for {name}", RWarning, stacklevel=4)
    return replace(curve, forward=forward, backward=backward)


def _interval(name: str, curve: Curve, zeta: FloatArray, non_mono_tol: float) -> FloatArray:
    ends = np.full(2, np.nan)
    if curve.backward is not None:
        ends = curve.backward(zeta)
    else:
        known = np.isfinite(curve.zeta)
        if not known.any():
            warnings.warn(f"bad profile for {name}", RWarning, stacklevel=3)
            return ends
        if (np.diff(curve.zeta[known]) < -non_mono_tol).any():
            warnings.warn(f"non-monotonic profile for {name}", RWarning, stacklevel=3)
            return ends
        warnings.warn(f"bad spline fit for {name}: falling back to linear interpolation", RWarning, stacklevel=3)
        order = np.argsort(curve.zeta[known], kind="stable")
        ends = np.interp(zeta, curve.zeta[known][order], curve.values[known][order], np.nan, np.nan)
    bounds = np.array([curve.lower, curve.upper])
    return np.where(np.isnan(ends), bounds, ends)


def _refuse_unusable_steps(*, alphamax: float, **positive: float | None) -> None:
    """Steps of nothing, or back, would never end."""
    if not 0 < alphamax < 1:
        raise ModelError(f"alphamax={alphamax!r}: give a probability between 0 and 1")
    for name, value in positive.items():
        if value is not None and value <= 0:
            raise ModelError(f"{name}={value!r}: give a number above 0")


def logProf(x: Profile, base: float = np.e, ranef: bool = True, sigIni: str | None = None) -> Profile:
    """Return the profiles of the logarithms of standard deviations: ``.sig01`` becomes ``.lsig01``.

    Parameters
    ----------
    x
        Profiles.
    base
        Of the logarithm.
    ranef
        Whether the random effects' standard deviations are transformed too, or sigma only.
    sigIni
        How the names of those to be transformed begin, behind their dot: default ``"sig"``, or ``"sigma"`` with
        ``ranef=False``.

    Notes
    -----
    Correlations stay as they are (lme4 takes logarithms of them too, and loses the points where they are negative).
    Points where a standard deviation is 0 are left out, and an end that is not reached is minus infinity.
    """
    check_arguments(logProf, locals())

    def to(values: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            logs: FloatArray = np.log(values) / np.log(base)
            return logs

    return _transformed(x, to, "l", ranef if sigIni is None else sigIni)


def varianceProf(x: Profile, ranef: bool = True) -> Profile:
    """Return the profiles of variances: ``.sig01`` becomes ``.sigsq01``, ``.sigma`` becomes ``.sigmasq``.

    Parameters
    ----------
    x
        Profiles.
    ranef
        Whether the random effects' standard deviations are transformed too, or sigma only.

    Notes
    -----
    Correlations stay as they are (lme4 squares them too, and stops).
    """
    check_arguments(varianceProf, locals())
    return _transformed(x, np.square, "sq", ranef)


def _renamed(name: str, what: str) -> str:
    """lme4's names after a transformation."""
    if what == "l":
        return f".l{name.removeprefix('.')}"
    stem = ".sigma" if name.startswith(".sigma") else ".sig"
    return f"{stem}sq{name.removeprefix(stem)}" if name.startswith(stem) else f"{name}sq"


def _transformed(x: Profile, to: Callable[[FloatArray], FloatArray], what: str, which: bool | str) -> Profile:
    """Transform standard deviations; points where one is then infinite are dropped."""
    if "sigma2" in x.kinds:
        raise ModelError('the profile is one of variances already: profile(..., prof_scale="sdcor") can be transformed')
    kinds, start = ("sd", "sigma") if which else ("sigma",), f".{which}" if isinstance(which, str) else ""
    changed = [i for i, name in enumerate(x.names) if x.kinds[i] in kinds and name.startswith(start)]
    names = [_renamed(name, what) if i in changed else name for i, name in enumerate(x.names)]
    curves = {}
    for old, curve in x.curves.items():
        i = x.names.index(old)
        others = curve.others.copy()
        others[:, changed] = to(others[:, changed])
        kept = np.isfinite(others[:, changed]).all(axis=1)
        new = replace(
            curve,
            others=others[kept],
            zeta=curve.zeta[kept],
            values=curve.values[kept],
            labels=curve.labels[kept],
        )
        if i in changed:
            new = _remade(names[i], curve, to, new)
        curves[names[i]] = new
    return Profile(tuple(names), curves, x.kinds)


def _remade(name: str, old: Curve, to: Callable[[FloatArray], FloatArray], new: Curve) -> Curve:
    """A transformed parameter: its own values, bounds and splines, all of its own points used."""
    values = to(old.values)
    lower, upper = to(np.array([old.lower, old.upper])).tolist()
    whole = _with_splines(name, replace(old, values=values))
    return replace(new, values=to(new.values), lower=lower, upper=upper, forward=whole.forward, backward=whole.backward)
