"""What the chapter shows, in its order: each block with the call, its words, and the quantities that are compared."""

from __future__ import annotations

from dataclasses import dataclass

from rcompare.chapter.rows import Ask

__all__ = ["BLOCKS", "Block", "Piece"]

SCHOOLS = ("1224", "1288", "1296", "1308", "1317", "1358", "1374", "1433", "1436", "1461")
MODEL = ("criterion", "scaled.residual.quantiles", "varcor.vcov", "varcor.sdcor", "beta", "se", "t.value", "theta")
TITLES = {
    "scaled.residual.quantiles": "scaled residuals",
    "varcor.vcov": "variance",
    "varcor.sdcor": "SD or correlation",
    "beta": "estimate",
    "se": "standard error",
    "t.value": "t value",
    "theta": "theta",
}


@dataclass(frozen=True)
class Piece:
    """Something printed in a block: the Python that asks for it, and what makes its text.

    Parameters
    ----------
    code
        As a reader would type it.
    maker
        Name of a function of :mod:`rcompare.chapter.texts`.
    case
        The case it is about.
    picture
        Name of a picture to draw instead of text.
    """

    code: str
    maker: str = ""
    case: str = ""
    picture: str = ""


@dataclass(frozen=True)
class Block:
    """One block of the chapter."""

    title: str
    words: str
    pieces: tuple[Piece, ...]
    asks: tuple[Ask, ...]


def _model(case: str, *quantities: str, criterion: str = "REML criterion") -> tuple[Ask, ...]:
    return tuple(Ask(case, q, criterion if q == "criterion" else TITLES.get(q, q)) for q in quantities or MODEL)


BLOCKS: tuple[Block, ...] = (
    Block(
        "The data",
        "High School and Beyond: pupils in schools, built from MathAchieve and MathAchSchool. cses is a pupil's "
        "socio-economic status less the mean of the school.",
        (Piece("hsb = datasets.HSB()\nprint(r_str(hsb))", "structure", "hsb-data"),),
        (
            Ask("hsb-data", "data.types", "columns and their types", None),
            Ask("hsb-data", "data.levels", "levels of the factors, in order", None),
            Ask("hsb-data", "data.head", "first ten rows", None),
            Ask("hsb-data", "data.means", "mean", ("mathach", "ses", "size")),
            Ask("hsb-data", "data.group.sizes", "pupils in a school"),
            Ask("hsb-data", "text.str", "text of str"),
        ),
    ),
    Block(
        "Model 1: schools differ",
        "An intercept, and a random deviation for each school, by REML. The intercept is not the plain mean of all "
        "pupils: it weighs the school means by their precision.",
        (
            Piece('m1 = lmer("mathach ~ 1 + (1 | school)", data=hsb)\nprint(summary(m1))', "summary", "hsb-m1-reml"),
            Piece('hsb["mathach"].mean()', "mean", "hsb-m1-reml"),
        ),
        (
            *_model("hsb-m1-reml"),
            Ask("hsb-m1-reml", "dims", "observations", ("n",)),
            Ask("hsb-m1-reml", "ngrps", "schools"),
            Ask("hsb-m1-reml", "response.mean", "plain mean of mathach"),
            Ask("hsb-m1-reml", "text.summary", "text of summary"),
        ),
    ),
    Block(
        "The ANOVA estimator",
        "The same variance components as sums of squares: between schools and within.",
        (Piece('print(summary(aov("mathach ~ 1 + Error(school)", data=hsb)))', "summary", "hsb-aov"),),
        (
            Ask("hsb-aov", "aov.df", "degrees of freedom"),
            Ask("hsb-aov", "aov.ss", "sum of squares"),
            Ask("hsb-aov", "aov.ms", "mean square"),
            Ask("hsb-aov", "text.summary", "text of summary"),
        ),
    ),
    Block(
        "Model 1 by maximum likelihood",
        "With REML=False the heading has AIC, BIC and the log-likelihood. Up to lme4 1.1-35 the column of -2*log(L) is "
        "called deviance; the text is compared under that name, because the recording R is older.",
        (
            Piece(
                'm1_ml = lmer("mathach ~ 1 + (1 | school)", data=hsb, REML=False)\nprint(summary(m1_ml))',
                "summary",
                "hsb-m1-ml",
            ),
        ),
        (
            *_model("hsb-m1-ml", criterion="-2 log-likelihood"),
            *_model("hsb-m1-ml", "AIC", "BIC", "logLik", "df.residual"),
            Ask("hsb-m1-ml", "text.summary", "text of summary"),
        ),
    ),
    Block(
        "The intraclass correlation",
        "The share of the variance that lies between schools, from the REML fit.",
        (Piece("icc(m1)", "icc", "hsb-m1-reml"),),
        (Ask("hsb-m1-reml", "icc", "intraclass correlation"),),
    ),
    Block(
        "Bootstrap intervals",
        "500 responses simulated from the fit, each fitted again; percentile intervals. The seed is R's: the same "
        "draws, the same interval. .sig01 is the SD between schools, .sigma the SD within.",
        (
            Piece('confint(m1, method="boot", nsim=500, seed=42)', "bootstrap", "hsb-m1-reml"),
            Piece("plot_distribution(m1)", picture="distribution", case="hsb-m1-reml"),
        ),
        (
            Ask("hsb-m1-reml", "boot.ci", "interval"),
            Ask("hsb-m1-reml", "text.boot.ci", "text of the interval"),
            Ask("hsb-m1-reml", "boot.t", "the 500 replicates", None),
            Ask("hsb-m1-reml", "band", "band"),
            Ask("hsb-m1-reml", "confint.profile", "profile interval"),
            Ask("hsb-m1-reml", "confint.wald", "Wald interval", ("(Intercept), 2.5 %", "(Intercept), 97.5 %")),
        ),
    ),
    Block(
        "Model 2: one predictor",
        "cses is centred by school, so its slope says what happens within schools. Beside it the ordinary regression: "
        "the same slope, but it takes pupils of one school for strangers, so its standard errors cannot be trusted.",
        (
            Piece('m2 = lmer("mathach ~ cses + (1 | school)", data=hsb)\nprint(summary(m2))', "summary", "hsb-m2-reml"),
            Piece('print(summary(lm("mathach ~ cses", data=hsb)))', "summary", "hsb-lm"),
            Piece("# the two beside each other", "contrast", "hsb-m2-reml"),
        ),
        (
            *_model("hsb-m2-reml"),
            Ask("hsb-m2-reml", "correlation", "correlation of fixed effects", ("cses, (Intercept)",)),
            Ask("hsb-m2-reml", "text.summary", "text of summary"),
            Ask("hsb-lm", "residual.quantiles", "lm residuals"),
            Ask("hsb-lm", "beta", "lm estimate"),
            Ask("hsb-lm", "se", "lm standard error"),
            Ask("hsb-lm", "t.value", "lm t value"),
            Ask("hsb-lm", "p.value", "lm p value"),
            Ask("hsb-lm", "sigma", "lm residual standard error"),
            Ask("hsb-lm", "df.residual", "lm residual degrees of freedom"),
            Ask("hsb-lm", "r.squared", "lm R squared"),
            Ask("hsb-lm", "f.statistic", "lm"),
            Ask("hsb-lm", "text.summary", "text of summary(lm)"),
        ),
    ),
    Block(
        "The schools",
        "Random effects are shrunken towards zero, the more so the fewer pupils a school has. School 1308: its "
        "estimate beside the plain mean of its pupils.",
        (
            Piece('ranef(m1)["school"].head(10)', "ranef", "hsb-m1-reml"),
            Piece('coef(m1)["school"].head(10)', "coef", "hsb-m1-reml"),
            Piece('coef(m1)["school"].loc["1308"]  # beside the plain mean', "shrinkage", "hsb-m1-reml"),
            Piece("caterpillar(m1)", picture="caterpillar", case="hsb-m1-reml"),
        ),
        (
            Ask("hsb-m1-reml", "ranef", "random effect", tuple(f"school | {s} | (Intercept)" for s in SCHOOLS)),
            Ask("hsb-m1-reml", "coef", "coefficient", tuple(f"school | {s} | (Intercept)" for s in SCHOOLS)),
            Ask("hsb-m1-reml", "text.ranef.head", "text of the ten random effects"),
            Ask("hsb-m1-reml", "text.coef.head", "text of the ten coefficients"),
            Ask("hsb-m1-reml", "group.means", "plain mean of school 1308", ("1308",)),
        ),
    ),
    Block(
        "One step further: slopes that vary",
        "The model that the chapter's book builds to: school means and sector explain intercepts and slopes, and both "
        "vary between schools. The likelihood is flat here, and R's own optimizer stops a little short of the optimum; "
        "R's tight optimum, recorded too, says which digits are right.",
        (
            Piece(
                'lmer("mathach ~ mean.ses * cses + sector * cses + (cses | school)", data=hsb)', "summary", "hsb-sector"
            ),
            Piece('lmer("mathach ~ cses + (cses | school)", data=hsb)', "summary", "hsb-slopes"),
        ),
        (
            *_model("hsb-sector"),
            Ask("hsb-sector", "satterthwaite.df", "Satterthwaite df"),
            Ask("hsb-sector", "text.summary", "text of summary"),
            *_model("hsb-slopes"),
            Ask("hsb-slopes", "satterthwaite.df", "Satterthwaite df, slopes only"),
            Ask("hsb-slopes", "text.summary", "text of summary, slopes only"),
        ),
    ),
    Block(
        "One step further: questions to Model 2",
        "Responses simulated from R's own stream, leverage, influence, and tests.",
        (
            Piece("simulate(m2, nsim=2, seed=1).head(3)", "simulate", "hsb-m2-reml"),
            Piece('summary(m2, ddf="Satterthwaite").coefficients', "satterthwaite", "hsb-m2-reml"),
            Piece("anova(m2)", "anova", "hsb-m2-reml"),
            Piece('drop1(m2, test="Chisq")', "drop1", "hsb-m2-reml"),
            Piece("anova(m1, m2)", "against", "hsb-m2-reml"),
        ),
        (
            Ask("hsb-m2-reml", "simulate", "simulated", tuple(f"{i}, sim_{j}" for j in (1, 2) for i in (1, 2, 3))),
            Ask("hsb-m2-reml", "satterthwaite.df", "Satterthwaite df"),
            Ask("hsb-m2-reml", "hatvalues", "leverage of row", first=3),
            Ask("hsb-m2-reml", "cooks", "Cook's distance of row", first=3),
            Ask("hsb-m2-reml", "anova", "anova(m2)"),
            Ask("hsb-m2-reml", "text.anova", "text of anova(m2)"),
            Ask("hsb-m2-reml", "drop1", "drop1(m2)"),
            Ask("hsb-m2-reml", "text.drop1", "text of drop1(m2)"),
            Ask("hsb-m2-reml", "against", "anova(m1, m2)"),
            Ask("hsb-m2-reml", "text.against", "text of anova(m1, m2)"),
        ),
    ),
)
"""The chapter."""
