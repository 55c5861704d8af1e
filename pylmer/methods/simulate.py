"""Simulated responses: R's own numbers for R's own seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Never

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.arguments import check_arguments
from pylmer.errors import ModelError
from pylmer.formula.newdata import matching_terms, own_groups, random_terms
from pylmer.linalg.one_factor import Responses
from pylmer.methods.new_parameters import model_of_formula, with_parameters
from pylmer.methods.predict import NA_ACTIONS, handle_missing, predict
from pylmer.methods.residuals import row_series
from pylmer.model import MerMod
from pylmer.rcompat.missing import NA, NAType
from pylmer.rcompat.random import RStream, default_stream

FloatArray = NDArray[np.float64]

#: Gives as many spherical random effects as it is asked for.
Draw = Callable[[int], FloatArray]

__all__ = ["Draw", "draw_responses", "no_random_effects", "simulate", "spherical_draws"]


def no_random_effects(re_form: str | NAType | None) -> bool:
    """Whether ``re_form`` says that no random effects are kept, NA or ``"~0"``; None keeps them all, a formula some.

    Raises
    ------
    ModelError
        Anything else.
    """
    if re_form is NA or (isinstance(re_form, str) and re_form.replace(" ", "") == "~0"):
        return True
    if re_form is None or isinstance(re_form, str):
        return False
    raise ModelError(f"re_form={re_form!r}: give None (all random effects), NA or '~0' (none), or a formula")


def stream_for(seed: int | None) -> RStream:
    """Return the process's stream, started anew when a seed is given, as R's ``set.seed`` does."""
    stream = default_stream()
    if seed is not None:
        stream.set_seed(seed)
    return stream


def simulate(
    model: MerMod | str,
    nsim: int = 1,
    seed: int | None = None,
    re_form: str | NAType | None = NA,
    use_u: bool = False,
    newdata: object = None,
    newparams: Mapping[str, object] | None = None,
    allow_new_levels: bool = False,
    cluster_rand: Draw | None = None,
    weights: object = None,
    na_action: str = "na.pass",
    cond_sim: bool = True,
    **unused: Never,
) -> pd.DataFrame:
    """Simulate responses from a fit, or from a formula, data and parameters.

    Parameters
    ----------
    model
        A fit; or a formula, for which ``newdata`` and all of ``newparams`` are needed (its response is not).
    nsim
        Number of responses.
    seed
        As R's ``set.seed``; None goes on with the stream as it stands.
    re_form
        NA or ``"~0"`` (the default): new random effects are drawn; None: those of the fit are kept; a formula such as
        ``"~(1 | g)"``: these are kept, and those of all other terms drawn.
    use_u
        The same as ``re_form=None``.
    newdata
        A table: responses are simulated for its rows.
    newparams
        ``beta``, ``theta``, ``sigma`` instead of the fit's; named values (a Series, a dict) go by their names.
    allow_new_levels
        Whether ``newdata`` may have levels that the fit did not see.
    cluster_rand
        Takes a number of values and draws so many spherical random effects; default standard normal.
    weights
        For a formula: prior weights, as in ``lmer``.
    na_action
        For rows of ``newdata`` with a missing value, as in :func:`pylmer.predict`.
    cond_sim
        False leaves the residuals out: what is simulated is the mean of the response given the random effects.

    Returns
    -------
    DataFrame
        ``(n, nsim)``, columns ``sim_1``, ``sim_2``, ...; the numbers that R draws from the same seed.

    Notes
    -----
    All spherical random effects are drawn first, replicate by replicate, then all residuals. With prior weights the
    residual of a row has variance sigma^2 / weight; lme4 1.1-31 leaves the weights out here.  Where not
    all terms are drawn, or the grouping factors of new data stand in another order of size than in the fit, lme4 1.1-31
    takes the theta of one term for another; here each keeps its own.

    Examples
    --------
    >>> from pylmer import datasets, lmer
    >>> m = lmer("mathach ~ cses + (1 | school)", data=datasets.HSB())
    >>> simulate(m, 2, seed=1).iloc[0].round(5).tolist()
    [16.35178, 5.21965]
    >>> design = {"x": [0.0, 1.0] * 6, "g": list("aaabbbcccddd")}
    >>> truth = {"beta": {"(Intercept)": 1.0, "x": 0.5}, "theta": {"g.(Intercept)": 1.0}, "sigma": 2.0}
    >>> simulate("~ x + (1 | g)", 3, seed=1, newdata=design, newparams=truth).shape
    (12, 3)
    """
    check_arguments(simulate, locals())
    if nsim < 1:
        raise ModelError(f"nsim={nsim!r}: give a whole number of at least 1")
    if na_action not in NA_ACTIONS:
        raise ModelError(f"na_action={na_action!r}: choose {', '.join(NA_ACTIONS)}")
    if isinstance(model, str):
        if newdata is None or newparams is None or set(newparams) != {"beta", "theta", "sigma"}:
            raise ModelError("simulate of a formula needs newdata= and newparams= with beta, theta and sigma")
        model, newdata = model_of_formula(model, newdata, weights), None
    elif weights is not None:
        raise ModelError("unused argument (weights): simulate of a fit uses the fit's")
    if newparams is not None:
        model = with_parameters(model, newparams)
    stream = stream_for(seed)
    draw = stream.rnorm if cluster_rand is None else cluster_rand
    kept: str | NAType | None = None if use_u else re_form
    if newdata is not None or (isinstance(kept, str) and not no_random_effects(kept)):
        drawn = _simulate_rows(model, nsim, stream, draw, kept, newdata, allow_new_levels, cond_sim)
        return drawn if newdata is None else handle_missing(drawn, na_action)
    if not no_random_effects(kept):
        eta = np.tile(model.mu, (nsim, 1))
    else:
        eta = model.residual_sd * _random_part(model, spherical_draws(model, nsim, stream, cluster_rand))
        eta += model.mu - model.linear_random
    if cond_sim:
        eta += stream.rnorm(out=np.empty((nsim, model.n))) * _residual_sd(model)
    columns = [row_series(model, y) for y in eta]
    return pd.DataFrame({f"sim_{i + 1}": column for i, column in enumerate(columns)})


def _simulate_rows(
    model: MerMod,
    nsim: int,
    stream: RStream,
    draw: Draw,
    re_form: str | NAType | None,
    newdata: object,
    allow_new_levels: bool,
    cond_sim: bool,
) -> pd.DataFrame:
    """Responses for new rows, or with the random effects of some terms only."""
    expected = predict(model, newdata, re_form, allow_new_levels)
    eta = np.tile(expected.to_numpy(), (nsim, 1))
    rows = np.flatnonzero(~np.isnan(eta[0]))
    place = rows if newdata is None else np.arange(eta.shape[1])
    blocks = _drawn_blocks(model, newdata, re_form, allow_new_levels)
    ends = np.cumsum([0] + [J * len(L) for _, _, L, J in blocks])
    u = _asked(draw, nsim * int(ends[-1])).reshape(nsim, int(ends[-1]))
    for (codes, columns, L, J), first, last in zip(blocks, ends[:-1], ends[1:], strict=True):
        b = model.residual_sd * (u[:, first:last].reshape(nsim, J, len(L)) @ L.T)
        for a in range(len(L)):
            eta[:, place] += b[:, codes, a] * columns[:, a]
    if cond_sim:
        noise = stream.rnorm(out=np.empty((nsim, len(place))))
        eta[:, place] += noise * (_residual_sd(model) if newdata is None else model.residual_sd)
    return pd.DataFrame(eta.T, index=expected.index, columns=[f"sim_{i + 1}" for i in range(nsim)])


def _residual_sd(model: MerMod) -> FloatArray | float:
    weights = model.design.weights
    return model.residual_sd if weights is None else model.residual_sd / np.sqrt(weights)


def spherical_draws(model: MerMod, nsim: int, stream: RStream, draw: Draw | None = None) -> tuple[FloatArray, ...]:
    """Spherical random effects per term, ``(nsim, J, k)``, in the order in which R draws them.

    ``draw``, where there is one, takes the place of standard normals.
    """
    u = stream.rnorm(out=np.empty((nsim, model.q))) if draw is None else _asked(draw, nsim * model.q)
    u = u.reshape(nsim, model.q)
    Gp = model.design.re.Gp
    return tuple(u[:, Gp[i] : Gp[i + 1]].reshape(nsim, t.J, t.k) for i, t in enumerate(model.design.re.terms))


def _asked(draw: Draw, n: int) -> FloatArray:
    """What ``cluster_rand`` gives for n values."""
    values = np.asarray(draw(n), dtype=np.float64)
    if values.shape != (n,):
        raise ModelError(f"cluster_rand was asked for {n} values and gave an array of shape {values.shape}")
    return values


def _drawn_blocks(
    model: MerMod, newdata: object, re_form: str | NAType | None, allow_new_levels: bool
) -> list[tuple[NDArray[np.intp], FloatArray, FloatArray, int]]:
    """Terms whose random effects are drawn anew: codes, columns, L, number of levels; in R's order of drawing."""
    schema, terms = model.design.schema, model.design.re.terms
    if re_form is None:
        return []
    kept: set[int] = set()
    if isinstance(re_form, str) and not no_random_effects(re_form):
        kept = {i for i, columns in matching_terms(schema, re_form) if len(columns) == terms[i].k}
    drawn = [i for i in range(len(terms)) if i not in kept]
    if newdata is None:
        return [(terms[i].codes, terms[i].columns, model.L[i], terms[i].J) for i in drawn]
    found = random_terms(schema, newdata, allow_new_levels, drawn)
    own = [own_groups(schema, newdata, i) for i in drawn]
    blocks = [(own[j][0], t.columns, model.L[t.index], own[j][1]) for j, t in enumerate(found)]
    sizes = [J for _, _, _, J in blocks]
    if sizes == sorted(sizes, reverse=True):
        return blocks
    return [blocks[j] for j in np.argsort(sizes, kind="stable")[::-1]]


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
