"""Cases for the comparison of model matrices and random-effects terms with R: a list of tricky ones, and seeded ones.

``python tests/formula/generate_frames.py SEED N`` writes the tricky cases and N seeded ones as JSON, for the recording
script in fixtures/formula.
"""

from __future__ import annotations

import json
import random
import sys
from typing import Any

Case = dict[str, Any]

NUMERIC = """x|z|k|log(z)|sqrt(z)|I(x^2)|I(x * z)|scale(x)|scale(z, scale = FALSE)|exp(x / 4)|abs(x)|poly(x, 2)
poly(z, 3, raw = TRUE)|ns(x, 3)|bs(z, df = 4)|pmin(x, z)|pmax(x, 2)|ifelse(x > 2, 1, 0)|round(x, 1)|cumsum(z)|rank(x)
ave(x, b)|rev(x)|I(x %% 2)|I(k %/% 2L)|as.numeric(a)|log(z, 2)|log1p(z)|log2(z)|log10(z)|expm1(x)|sin(x)|cos(x)|tan(z)
floor(x)|ceiling(z)|sign(x - 2)|as.integer(x)|I(-x)|I(x / z)|poly(x, z, degree = 2)|cbind(x, z)|ns(z, knots = c(1, 2))
bs(x, degree = 2, knots = 2)|as.numeric(l)|I(as.integer(b) - 1)|scale(cbind(x, u = z))|poly(k, 2)|x:z|I(k^2L)
ns(x, df = 2, Boundary.knots = c(1, 3))|scale(x, center = 2, scale = 3)|as.numeric(as.character(id))
I(x - mean(x, na.rm = TRUE))|I(z / max(z, na.rm = TRUE))|I((x - median(x, na.rm = T)) / sd(x, TRUE))|asin(z / 9)
tanh(x)|sinh(x)|cosh(x)|acos(x / 9)|I(k - min(k, 3, na.rm = TRUE))|I(x / length(x))|I(z / sum(z, na.rm = TRUE))
plogis(x)|qlogis(z / 9)|atan(x)
I(x / var(x, na.rm = TRUE))""".replace("\n", "|").split("|")

FACTORS = """a|b|o|l|s|factor(k)|ordered(k)|relevel(a, ref = "mid")|interaction(b, l)|cut(x, 3)|cut(z, c(0, 1, 2, 5))
as.factor(l)|C(a, contr.sum)|C(a, contr.helmert)|C(o, contr.treatment)|as.character(k)|I(x > 2)|I(l & x > 1)
ifelse(l, "yes", "no")|factor(s, levels = c("u", "v", "B", "_w"))|I(a == "lo")|C(o, poly, 2)|C(a, sum)|factor(id)
cut(x, 2, labels = c("low", "high"))|factor(l, labels = c("no", "si"))|C(s, contr.SAS)|I(!l | x < 2)|factor(a)
interaction(b, l, sep = "_", lex.order = TRUE)|interaction(a, b, drop = TRUE)|I(s %in% c("u", "v"))|is.na(a)
cut(x, quantile(x, na.rm = TRUE), include.lowest = TRUE)|paste(b, l)|paste0(b, "_", l, k > 2)|paste(b, l, sep = "")
cut(z, c(-Inf, quantile(z, c(.3, .6), na.rm = TRUE), Inf))|I(x > mean(x, na.rm = TRUE))
factor(k, levels = c(5, 3, 2, 1))|C(a, contr.treatment, base = 2)|C(b, contr.sum(2))|dummy(a)|dummy(a, "hi")
cut(k, c(0, 2, 5), right = FALSE, include.lowest = TRUE)|ordered(a)|I(o > 2)|I(o >= "2")""".replace("\n", "|").split(
    "|"
)

LEFT = """1|x|0 + x|a|0 + a|x + z|x * b|poly(x, 2)|o|l|s|scale(x)|log(z)|0 + a:b|0 + b + x|x - 1|l + x|0 + l|k|I(x^2)
1 + a + x|0 + dummy(a, "hi")|C(a, contr.sum)|ns(x, 2)|factor(k)|b:x|0 + scale(z)|cut(x, 2)""".replace("\n", "|").split(
    "|"
)

GROUPS = ["g", "h", "id", "s", "k", "l", "g:h", "h:g", "g/h", "h/a", "h/a/b", "a:b", "o", "a", "(g:b)", "b:g:l", "s:k"]

TRICKY_LM = [
    "y ~ 1",
    "y ~ 0",
    "y ~ 0 + x",
    "y ~ a:b",
    "y ~ a + a:x",
    "y ~ a:x",
    "y ~ 0 + a + b",
    "y ~ x + 0 + x:l + a",
    "y ~ a*b*l",
    "y ~ (a + b + x)^2",
    "y ~ a/x",
    "y ~ a/b",
    "y ~ b %in% a",
    "y ~ o*x - o",
    "y ~ o:a",
    "y ~ s*l",
    "y ~ a*b - a",
    "y ~ a*b - b - 1",
    "y ~ x:a + b:a",
    "y ~ 0 + o:l",
    "y ~ poly(x, 2):a",
    "y ~ a:poly(x, 2) - 1",
    "y ~ offset(z) + x",
    "log(z) ~ x + offset(log(z)) + a",
    "y ~ cbind(x, z):b",
    "y ~ cbind(x) + cbind(x^2, z)",
    "y ~ .",
    "y ~ . - x - id",
    "y ~ . ^ 1 - s",
    "y ~ y + x",
    "y ~ x + a:y",
    "y ~ l:x + l",
    "y ~ I(l) + I(a)",
    "~ a + x",
    "I(y > 0) ~ x",
    "a ~ x",
    "y ~ a:b:l",
    "y ~ a + b:l + a:b:l",
    "y ~ k + factor(k)",
    "y ~ C(a, contr.sum, 1) + C(o, contr.helmert, how.many = 2)",
    "y ~ cut(x, 3, labels = FALSE) + cut(z, 4, dig.lab = 2)",
    "y ~ poly(x, degree = 2, raw = TRUE) + poly(x, 2, simple = TRUE)",
    "y ~ as.integer(factor(s)) + as.numeric(o)",
    "y ~ stats::poly(x, 2) + splines::ns(z, 2)",
    "y ~ seq(1, 36) + x",
    "y ~ nosuch + x",
    "y ~ nosuchfun(x)",
    "y ~ x + c(1, 2)",
    "y ~ log(a)",
    "y ~ factor(x > 2):z",
    "y ~ ave(x, a, FUN = median)",
    "y ~ I(x^2L + 1:36)",
    "y ~ C(x)",
    "y ~ I(x + l)",
    "y ~ I(5 %/% k) + I(-7 %% k) + I(-x %/% 2)",
    "y ~ relevel(a, 3) + b:x",
    "y ~ pmin(x, z, 1.5) + pmax(x, NA, na.rm = TRUE)",
    "y ~ round(-x, 2) + round(x * 100, -1)",
    "y ~ ifelse(is.na(x), 0, x) + is.na(a)",
    "y ~ I(a != 'hi') + I(s < 'v') + I(s == b)",
    "y ~ T + x",
    "y ~ x + TRUE",
    "y ~ I(pi * x)",
    "y ~ bs(x) + ns(z)",
    "y ~ bs(x, df = 5, intercept = TRUE)",
    "y ~ ns(x, df = 4, intercept = TRUE) - 1",
    "y ~ bs(z, df = 4, Boundary.knots = c(1, 3))",
    "y ~ as.logical(k - 1) + as.numeric(s)",
    "y ~ droplevels(a) + factor(a, exclude = 'mid')",
    "y ~ contr.sum(3)[x]",
]

TRICKY_LMER = [
    "y ~ x + (1 | g)",
    "y ~ x + (x | g) + (1 | h)",
    "y ~ x + (1 | h) + (1 | g)",
    "y ~ x + (1 | l) + (1 | h) + (x | id)",
    "y ~ x + (1 | id) + (1 | h) + (1 | k)",
    "y ~ x + (1 | h) + (1 | id) + (1 | g)",
    "y ~ x + (1 | a) + (1 | h) + (1 | o) + (1 | b)",
    "y ~ (1 | g) + (0 + x | g)",
    "y ~ x + (x || g)",
    "y ~ x + (a || g)",
    "y ~ x + (x * z || g)",
    "y ~ x + (0 + a | g) + (1 | h:g)",
    "y ~ x + (1 | h/a/b)",
    "y ~ x + (x | h/b)",
    "y ~ x + (x || h/b)",
    "y ~ x + (1 | h:a) + (1 | a:h)",
    "y ~ x + (1 | s) + (1 | s:b)",
    "y ~ x + (h | h)",
    "y ~ x + (k | k)",
    "y ~ o + (o | g)",
    "y ~ x + (1 | g) + offset(z)",
    "log(z) ~ poly(x, 2) + (poly(x, 2) | g)",
    "y ~ 0 + (1 | g)",
    "y ~ x + I(2 * x) + z + (1 | g)",
    "y ~ a:b + (1 | g)",
    "y ~ . + (1 | g)",
    "y ~ (1 | g) + a - 1",
    "y ~ x + (1 | a * b)",
    "y ~ x + (1 | nosuch)",
    "y ~ x",
    "y ~ x + (nosuch | g)",
    "l ~ x + (1 | g)",
    "y ~ x + (1 | (g:b):l)",
    "y ~ x + (0 + b + x | g) + (0 + z | g)",
    "y ~ scale(x) + (scale(x) | g) + (1 | a:b)",
    "y ~ x + (l | g) + (s | h)",
    "y ~ x + (1 + x + (1 | g))",
    "y ~ ((x)) + ((1 | g))",
]


def case(kind: str, data: str, formula: str, **more: Any) -> Case:
    """One call of R: ``kind`` is ``lm`` or ``lmer``."""
    return {"kind": kind, "data": data, "formula": formula, **more}


def tricky_cases() -> list[Case]:
    """The list above over two data frames each, and the arguments of the call."""
    cases = [case("lm", data, f) for f in TRICKY_LM for data in ("plain", "holes")]
    cases += [case("lmer", data, f) for f in TRICKY_LMER for data in ("plain", "holes", "uneven")]
    cases += [case("lm", d, f"y ~ {v}") for v in NUMERIC + FACTORS for d in ("plain", "holes", "uneven")]
    new = list(range(2, 36, 5))
    cases += [case("lm", "plain", f"y ~ {v} + b:{v}", newdata=new) for v in NUMERIC]
    cases += [case("lm", "plain", f"y ~ {v}*x", newdata=new) for v in FACTORS]
    for action in ("na.omit", "na.exclude", "na.fail", "na.pass"):
        cases.append(case("lm", "holes", "y ~ x + a", **{"na.action": action}))
        cases.append(case("lmer", "holes", "y ~ z + (1 | g)", **{"na.action": action}))
        cases.append(case("lmer", "holes", "z ~ b + (x | h)", **{"na.action": action}))
    for text in ("x > 2", "l", "1:20", "-(1:5)", "a == 'lo' | z > 3", "g != 'g1'", "is.na(x)"):
        cases.append(case("lm", "holes", "y ~ scale(z) + a", subset=text))
        cases.append(case("lmer", "holes", "y ~ poly(z, 2) + a + (b | g)", subset=text))
    for w in ("z", "x", "1 + z", "k"):
        cases.append(case("lmer", "plain", "y ~ x + (1 | g)", weights=w, offset="log(z)"))
        cases.append(case("lmer", "holes", "y ~ b + (1 | g) + offset(z)", weights=w, offset="x"))
    matrix = [[1, 0, -1]]
    for wanted in ({"a": "contr.sum"}, {"a": matrix, "o": "contr.treatment"}, {"l": "contr.sum", "s": "contr.helmert"}):
        for formula in ("y ~ a*o + l + s", "y ~ a:l + s"):
            cases.append(case("lm", "plain", formula, contrasts=wanted))
            cases.append(case("lmer", "plain", formula + " + (a | g)", contrasts=wanted))
    cases.append(case("lm", "plain", "y ~ x + a", contrasts={"zz": "contr.sum"}))
    cases.append(case("lm", "plain", "y ~ x + a", contrasts={"x": "contr.sum"}))
    return cases


class Generator:
    """Seeded cases."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def atom(self) -> str:
        simple = ["x", "z", "a", "b", "o", "l", "s", "k"]
        pool = simple if self.random.random() < 0.5 else NUMERIC if self.random.random() < 0.5 else FACTORS
        return self.random.choice(pool)

    def fixed(self) -> str:
        """A right-hand side of one to three pieces."""
        pieces = []
        for _ in range(self.random.randint(1, 3)):
            piece = self.atom()
            while self.random.random() < 0.4:
                piece += self.random.choice([" * ", ":", ":", " / ", " + "]) + self.atom()
            if self.random.random() < 0.1:
                piece = f"({piece})^2"
            pieces.append(piece)
        out = " + ".join(pieces)
        lottery = self.random.random()
        if lottery < 0.12:
            return f"0 + {out}"
        if lottery < 0.2:
            return f"{out} - 1"
        if lottery < 0.27:
            return f"{out} - {self.atom()}"
        return out

    def bar(self) -> str:
        bars = "||" if self.random.random() < 0.15 else "|"
        return f"({self.random.choice(LEFT)} {bars} {self.random.choice(GROUPS)})"

    def case(self) -> Case:
        data = self.random.choice(["plain", "plain", "holes", "uneven"])
        lhs = self.random.choice(["y", "y", "y", "log(z)", "I(y + x)"])
        if self.random.random() < 0.4:
            more = {"newdata": sorted(self.random.sample(range(1, 25), 6))} if data == "plain" else {}
            return case("lm", data, f"{lhs} ~ {self.fixed()}", **more)
        bars = " + ".join(self.bar() for _ in range(self.random.choice([1, 1, 2, 2, 3])))
        fixed = self.fixed() + " + " if self.random.random() < 0.85 else ""
        return case("lmer", data, f"{lhs} ~ {fixed}{bars}")


def generated_cases(seed: int, count: int) -> list[Case]:
    """Seeded cases."""
    generator = Generator(seed)
    return [generator.case() for _ in range(count)]


if __name__ == "__main__":
    print(json.dumps(tricky_cases() + generated_cases(int(sys.argv[1]), int(sys.argv[2])), indent=0))
