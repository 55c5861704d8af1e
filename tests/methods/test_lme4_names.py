"""What lme4 exports beside the fit itself: its helpers, against live R."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lme4_fits import by_id, pair

import pylmer
from pylmer import (
    GQN,
    GHrule,
    GQdk,
    VarCorr,
    datasets,
    factorize,
    formatVC,
    fortify,
    getME,
    isGLMM,
    isNLMM,
    llikAIC,
    lmer,
    lmerResp,
    methTitle,
    mkDataTemplate,
    mkNewReTrms,
    mkParsTemplate,
    mkRespMod,
    mkVarCorr,
    model_frame,
    predict,
    rePos,
    rnorm,
    set_seed,
    simulate,
    vec2STlist,
)
from pylmer.errors import DataError, FormulaError, ModelError, PylmerError
from rcompare.engines.r import RSession

IDS = ["slopes", "uncorrelated", "weights", "pastes-slash", "machines", "no-fixed-effects", "dyestuff2"]
each_model = pytest.mark.parametrize("name", IDS)


@pytest.mark.parametrize("order", [0, 1, 2, 5, 25, 100])
def test_gauss_hermite_rules(R: RSession, order: int) -> None:
    theirs = R.num(f"GHrule({order})").reshape(order, 3)
    np.testing.assert_allclose(GHrule(order), theirs, rtol=1e-9, atol=1e-13)
    assert GHrule(order, asMatrix=False).index.tolist() == list(range(1, order + 1))


@pytest.mark.parametrize(("d", "k"), [(1, 1), (1, 25), (2, 3), (2, 25), (3, 7), (4, 12), (6, 8), (12, 6), (20, 5)])
def test_sparse_rules(R: RSession, d: int, k: int) -> None:
    theirs = R.num(f"matrix(GQN[[{d}]][[{k}]], ncol = {d + 1})")
    ours = GQN[d - 1][k - 1]
    np.testing.assert_allclose(ours, theirs.reshape(ours.shape), rtol=1e-9, atol=1e-10)
    if 1 < d * k < 50:  # GQdk(1, 1) fails in lme4: "subscript out of bounds"
        whole, expanded = GQdk(d, k), R.num(f"GQdk({d}, {k})")
        expanded = expanded.reshape(whole.shape)
        order = np.lexsort(np.round(expanded[:, :0:-1], 9).T)
        np.testing.assert_allclose(whole, expanded[order], rtol=1e-9, atol=1e-10)


def test_rules_that_are_not_there() -> None:
    for d, k in ((21, 3), (2, 26), (0, 1), (20, 6)):
        with pytest.raises(ModelError, match="is not TRUE"):
            GQdk(d, k)
    with pytest.raises(ModelError, match="101L"):
        GHrule(101)
    assert len(GQN) == 20
    assert [len(rules) for rules in GQN][:4] == [25, 25, 25, 20]
    with pytest.raises(IndexError, match="1 to 25"):
        GQN[0][25]


@each_model
def test_title_likelihood_and_criteria(R: RSession, name: str) -> None:
    both = pair(by_id(name), R)
    m = both.there
    assert methTitle(getME(m, "devcomp")["dims"]) == both.strings("methTitle({m}@devcomp$dims)")[0]
    for check in (True, False):
        ours = llikAIC(m, chkREML=check)
        theirs = f"llikAIC({{m}}, chkREML = {str(check).upper()})"
        assert list(ours["AICtab"]) == both.strings(f"names({theirs}$AICtab)")
        np.testing.assert_allclose(list(ours["AICtab"].values()), both.num(f"{theirs}$AICtab"), rtol=1e-9)
        assert float(ours["logLik"]) == pytest.approx(both.num(f"{theirs}$logLik").item(), rel=1e-9)
    assert not isGLMM(m)
    assert not isNLMM(m)


@each_model
def test_positions_of_random_effects(R: RSession, name: str) -> None:
    both = pair(by_id(name), R)
    ours = rePos(both.there)
    R(both.code("re_positions <- rePos$new({m})"))
    for field in ("ncols", "nctot", "nlevs", "offsets"):
        np.testing.assert_array_equal(getattr(ours, field), R.num(f"re_positions${field}"))
    assert [i for of in ours.terms for i in of] == R.num("unlist(re_positions$terms)").tolist()
    assert list(ours.flist) == R.strings("names(re_positions$flist)")
    assert list(ours.cnms) == R.strings("names(re_positions$cnms)")


@each_model
def test_variances_from_parameters(R: RSession, name: str) -> None:
    both = pair(by_id(name), R)
    m = both.there
    cnms = getME(m, "cnms")
    made = mkVarCorr(m.residual_sd, cnms, [len(names) for names in cnms.values()], m.theta, list(cnms))
    assert str(made) == str(VarCorr(m))
    blocks = vec2STlist(m.theta, [len(names) for names in cnms.values()])
    R(both.code("st_made <- vec2STlist(getME({m}, 'theta'), lengths(getME({m}, 'cnms')))"))
    for i, block in enumerate(blocks):
        np.testing.assert_allclose(block.ravel(), R.num(f"st_made[[{i + 1}]]").ravel(), rtol=1e-12)


@each_model
@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        ("", {}),
        (', comp = c("Variance", "Std.Dev."), digits = 3', {"comp": ["Variance", "Std.Dev."], "digits": 3}),
        (', comp = c("S", "V")', {"comp": ["S", "V"]}),
        (", useScale = FALSE", {"useScale": False}),
    ],
    ids=str,
)
def test_the_table_of_variances(R: RSession, name: str, arguments: str, settings: dict[str, object]) -> None:
    both = pair(by_id(name), R)
    ours = formatVC(VarCorr(both.there), **settings)  # type: ignore[arg-type]
    theirs = f"formatVC(VarCorr({{m}}){arguments})"
    assert list(ours) == both.strings(f"colnames({theirs})")
    assert [text for column in ours.values() for text in column] == both.strings(f"as.vector({theirs})")


def test_print_of_variances(R: RSession) -> None:
    both = pair(by_id("machines"), R)
    vc = VarCorr(both.there)
    cases: list[tuple[str, dict[str, object]]] = [
        ('comp = "Variance"', {"comp": "Variance"}),
        ('comp = c("Std.Dev.", "Variance"), digits = 4', {"comp": ["Std.Dev.", "Variance"], "digits": 4}),
        ('formatter = function(x, digits, ...) sprintf("%.2f", x)',
         {"formatter": lambda x, digits: [f"{v:.2f}" for v in x]}),
    ]  # fmt: skip
    for code, settings in cases:
        assert vc.text(**settings).splitlines() == R.output(both.code(f"print(VarCorr({{m}}), {code})"))
    with pytest.raises(PylmerError, match="Illegal 'comp': foo"):
        vc.text(comp="foo")
    with pytest.raises(PylmerError, match=r"Must \*either\* show"):
        vc.text(comp=[])


def test_templates(R: RSession) -> None:
    data = datasets.sleepstudy()
    R("pars_made <- mkParsTemplate(Reaction ~ Days + (Days | Subject), sleepstudy)")
    made = mkParsTemplate("Reaction ~ Days + (Days | Subject)", data)
    assert list(made) == R.strings("names(pars_made)")
    for name in ("beta", "theta"):
        part = made[name]
        assert isinstance(part, pd.Series)
        assert part.index.tolist() == R.strings(f"names(pars_made${name})")
        np.testing.assert_array_equal(part, R.num(f"pars_made${name}"))
    assert made["sigma"] == R.num("pars_made$sigma").item()
    for formula, code in (
        ("~ x + (1 | g) + (x | h)", "nGrps = 3, nPerGrp = 2"),
        ("y ~ x + (1 | g/h)", "nGrps = 2, nPerGrp = 1"),
        ("y ~ x + (1 | g)", "nGrps = 4"),
    ):
        R(f"data_made <- mkDataTemplate({formula}, {code})")
        settings = {k: int(v) for k, v in (part.split(" = ") for part in code.split(", "))}
        ours = mkDataTemplate(formula, **settings)  # type: ignore[arg-type]
        assert list(ours.columns) == R.strings("names(data_made)")
        numbers = ours.apply(lambda column: column.astype(float)).to_numpy()
        theirs = R.num("vapply(data_made, function(v) as.numeric(as.character(v)), numeric(nrow(data_made)))")
        np.testing.assert_array_equal(numbers, theirs.reshape(numbers.shape))
    set_seed(3)
    ours = mkDataTemplate("y ~ x + (1 | g)", rfunc=rnorm)
    R("set.seed(3); data_made <- mkDataTemplate(y ~ x + (1 | g), rfunc = rnorm)")
    np.testing.assert_allclose(ours[["y", "x"]], R.num("as.matrix(data_made[2:3])").reshape(2, 2), rtol=1e-14)
    with pytest.raises(FormulaError, match="No random effects"):
        mkDataTemplate("y ~ x")


def test_templates_can_be_simulated_from() -> None:
    formula = "y ~ x + (1 | g)"
    data = mkDataTemplate(formula, nGrps=5, nPerGrp=4, rfunc=rnorm)
    assert simulate(formula, 2, seed=1, newdata=data, newparams=mkParsTemplate(formula, data)).shape == (20, 2)


def test_terms_over_new_data(R: RSession) -> None:
    both = pair(by_id("slopes"), R)
    for levels, form in (
        (["308", "310", "309"], "~(Days | Subject)"),
        (["308", "new", "309"], "~(0 + Days | Subject)"),
    ):
        new = {"Days": [1.0, 2.0, 3.0], "Subject": levels}
        ours = mkNewReTrms(both.there, new, form, allow_new_levels=True)
        spelled = ", ".join(f'"{v}"' for v in levels)
        asked = f"data.frame(Days = 1:3, Subject = c({spelled})), re.form = {form}, allow.new.levels = TRUE"
        R(both.code(f"new_terms <- mkNewReTrms({{m}}, {asked})"))
        np.testing.assert_allclose(ours.b, R.num("new_terms$b"), rtol=1e-9)
        np.testing.assert_array_equal(ours.Zt.toarray(), R.num("as.matrix(new_terms$Zt)").reshape(ours.Zt.shape))
        assert ours.b.index.tolist() == R.strings("names(new_terms$b)")
        if form == "~(Days | Subject)":
            Lambdat = R.num("as.matrix(new_terms$Lambdat)").reshape(ours.Lambdat.shape)
            np.testing.assert_allclose(ours.Lambdat.toarray(), Lambdat, rtol=1e-12)
        else:  # of a part of a term lme4 takes the first elements of theta, whatever part it is
            assert ours.Lambdat.toarray()[0, 0] == pytest.approx(both.there.theta[2])
            assert R.num("new_terms$Lambdat[1, 1]").item() == pytest.approx(both.there.theta[0])
    with pytest.raises(DataError, match="new levels"):
        mkNewReTrms(both.there, new, None)
    whole = mkNewReTrms(both.there, both.data)
    np.testing.assert_allclose(
        whole.Zt.T @ whole.b.to_numpy(), predict(both.there, both.data, random_only=True), atol=1e-10
    )


@each_model
def test_the_modules(R: RSession, name: str) -> None:
    both = pair(by_id(name), R)
    m = both.there
    for field in ("mu", "y", "weights", "offset", "sqrtrwt", "sqrtXwt", "wtres"):
        np.testing.assert_allclose(getattr(m.resp, field), both.num(f"{{m}}@resp${field}"), rtol=1e-8, atol=1e-8)
    assert both.num("{m}@resp$REML").item() == m.resp.REML
    assert m.resp.wrss() == pytest.approx(both.num("{m}@resp$wrss()").item(), rel=1e-9)
    pp = m.pp
    for code, ours in (
        ("theta", pp.theta), ("X", pp.X), ("Lind", pp.Lind), ("V", pp.V), ("Xwts", pp.Xwts), ("beta(2)", pp.beta(2)),
        ("u(1)", pp.u(1)), ("b(0.5)", pp.b(0.5)), ("sqrL(1)", pp.sqrL(1)), ("ldL2()", pp.ldL2()),
        ("linPred(1)", pp.linPred(1)),
    ):  # fmt: skip
        np.testing.assert_allclose(np.ravel(ours), both.num(f"{{m}}@pp${code}").ravel(), rtol=1e-8, atol=1e-8)
    if m.p:
        for code, ours in (
            ("ldRX2()", pp.ldRX2()), ("unsc()", pp.unsc()), ("RX()", pp.RX()), ("RXi()", pp.RXi()),
            ("RXdiag()", pp.RXdiag()), ("VtV[1, 1]", pp.VtV[0, 0]),
        ):  # fmt: skip
            np.testing.assert_allclose(np.ravel(ours), both.num(f"{{m}}@pp${code}").ravel(), rtol=1e-8, atol=1e-8)
    assert m.resp.objective(pp.ldL2(), pp.ldRX2(), pp.sqrL(1)) == pytest.approx(m.value, rel=1e-10)
    made = mkRespMod(model_frame(m), m.resp.REML)
    assert made.objective(1.0, 1.0, 1.0, sigma_sq=2.0) == pytest.approx(
        both.num("mkRespMod(model.frame({m}), REML = {m}@resp$REML)$objective(1, 1, 1, 2)").item(), rel=1e-9
    )
    assert mkRespMod(m).wrss() == m.resp.wrss()


def test_modules_refuse_what_they_do_not_have() -> None:
    with pytest.raises(ModelError, match="weights has 1 values"):
        lmerResp([1.0, 2.0], weights=[1.0])
    with pytest.raises(AttributeError, match="setTheta"):
        lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff()).pp.setTheta([1.0])
    with pytest.raises(ModelError, match="model frame"):
        mkRespMod(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["slopes", "weights", "holes", "pastes-slash"])
def test_fortified_data(R: RSession, name: str) -> None:
    both = pair(by_id(name), R)
    ours = fortify(both.there)
    R(both.code("fortified <- lme4:::fortify.merMod({m}, data = " + both.table + ")"))
    assert list(ours.columns) == R.strings("names(fortified)")
    for column in (".fitted", ".resid", ".scresid"):
        np.testing.assert_allclose(ours[column], R.num(f"fortified${column}"), rtol=1e-8, atol=1e-8)


def test_rows_left_out_cannot_be_fortified() -> None:
    data = datasets.sleepstudy()
    data.loc[data.index[3], "Reaction"] = np.nan
    with pytest.raises(DataError, match="replacement has 179 rows, data has 180"):
        fortify(lmer("Reaction ~ 1 + (1 | Subject)", data))


def test_factorized_variables(R: RSession) -> None:
    frame = pd.DataFrame({"a": [2.0, 10.0, 2.5], "b": ["y", "x", "y"], "c": [True, False, True], "d": [1, 2, 3]})
    R('factored <- factorize(~ a:b + c, data.frame(a = c(2, 10, 2.5), b = c("y", "x", "y"), c = c(TRUE, FALSE, TRUE), '
      "d = 1:3))")  # fmt: skip
    ours = factorize("~ a:b + c", frame)
    for name in "abc":
        assert ours[name].cat.categories.tolist() == R.strings(f"levels(factored${name})")
        assert (ours[name].cat.codes + 1).tolist() == R.num(f"as.integer(factored${name})").tolist()
    assert ours["d"].tolist() == [1, 2, 3]
    assert frame["b"].tolist() == ["y", "x", "y"]
    assert factorize("a | b", frame, char_only=True).dtypes["a"].kind == "f"


def test_helpers_that_print(R: RSession, capsys: pytest.CaptureFixture[str]) -> None:
    both = pair(by_id("dyestuff2"), R)
    m = both.there
    cases = [
        (lambda: pylmer._prt_methTit(methTitle(getME(m, "devcomp")["dims"]), "lmerMod"),
         '.prt.methTit(methTitle({m}@devcomp$dims), "lmerMod")'),
        (lambda: pylmer._prt_family(pylmer.family(m)), ".prt.family(family({m}))"),
        (lambda: pylmer._prt_resids(m.scaled_residuals(), 4), ".prt.resids(resid({m}, scaled = TRUE), digits = 4)"),
        (lambda: pylmer._prt_VC(VarCorr(m), 3, "Variance"),
         '.prt.VC(VarCorr({m}), digits = 3, comp = "Variance")'),
        (lambda: pylmer._prt_grps(pylmer.ngrps(m).to_dict(), m.n), ".prt.grps(ngrps({m}), nobs({m}))"),
        (lambda: pylmer._prt_aictab(llikAIC(m)["AICtab"], 2), ".prt.aictab(llikAIC({m})$AICtab, 2)"),
    ]  # fmt: skip
    with pylmer.options(lme4="1.1-31"):
        for ours, theirs in cases:
            ours()
            assert capsys.readouterr().out.splitlines() == R.output(both.code(f"lme4::{theirs}"))
    pylmer._prt_call(m.design.call)
    assert capsys.readouterr().out.splitlines()[0] == "Formula: Yield ~ 1 + (1 | Batch)"
    pylmer._prt_warn(m.summary().optinfo, summary=True)
    assert capsys.readouterr().out.endswith("0 optimizer warnings; 1 lme4 warnings \n")


GENERALIZED = [
    "glmer",
    "glmer_nb",
    "nlmer",
    "glFormula",
    "glmerControl",
    "nlmerControl",
    "mkGlmerDevfun",
    "optimizeGlmer",
    "updateGlmerDevfun",
    "glmerLaplaceHandle",
    "glmFamily",
    "glmResp",
    "nlsResp",
    "nlformula",
    "negative_binomial",
]


@pytest.mark.parametrize("name", GENERALIZED)
def test_generalized_models_say_that_they_are_not_there(name: str) -> None:
    with pytest.raises(NotImplementedError, match=rf"{name}\(\) is not there: .*only linear ones"):
        getattr(pylmer, name)("y ~ x + (1 | g)", family="binomial")
    assert issubclass(pylmer.AbsentError, PylmerError)
