from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylmer.classical.strata import ErrorModel, project, project_by_qr
from pylmer.formula.plan import layout_of
from pylmer.formula.terms import terms
from pylmer.formula.values import Value, Vector
from pylmer.rcompat.factors import Factor, drop_unused


def _model(seed: int, n: int, formula: str) -> tuple[ErrorModel, np.ndarray]:
    rng = np.random.default_rng(seed)
    variables: dict[str, Value] = {"x": Vector(rng.normal(size=n))}
    for name, levels in (("a", 3), ("b", 4), ("c", 2)):
        codes = np.append(np.arange(levels), rng.integers(levels, size=n - levels)).astype(np.intp)
        variables[name] = drop_unused(Factor(codes, tuple(f"{name}{i}" for i in range(levels))))
    return ErrorModel(layout_of(terms(formula)), variables, n), rng.normal(size=(n, 3))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(8, 40), st.sampled_from(["~a", "~a/b", "~a/b/c", "~a:b", "~b/c", "~1"]))
def test_means_agree_with_their_plain_twin(seed: int, n: int, formula: str) -> None:
    model, columns = _model(seed, n, formula)
    fast, plain = project(model, columns), project_by_qr(model, columns)
    assert fast.dims == plain.dims
    assert fast.singular == plain.singular
    for ours, theirs in zip(fast.parts, plain.parts, strict=True):
        np.testing.assert_allclose(ours.T @ ours, theirs.T @ theirs, atol=1e-10)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**31), st.integers(8, 40), st.sampled_from(["~a*b", "~a+b", "~a/x", "~0+a", "~x", "~a/b", "~a:b"])
)
def test_strata_are_orthogonal_and_complete(seed: int, n: int, formula: str) -> None:
    model, columns = _model(seed, n, formula)
    projected = project(model, columns)
    assert sum(projected.dims) == n
    np.testing.assert_allclose(sum(part.T @ part for part in projected.parts), columns.T @ columns, atol=1e-10)


@pytest.mark.parametrize(("formula", "fast"), [("~a", True), ("~a/b", True), ("~a*b", False), ("~a/x", False)])
def test_which_models_need_no_matrix(formula: str, fast: bool) -> None:
    model, columns = _model(1, 20, formula)
    within = project(model, columns).parts[-1]
    assert (len(within) == 20) is fast
