"""Seeded generators of R source text: model formulas, expressions, and trees written as bare function calls.

``python tests/formula/generate_formulas.py SEED N`` writes N texts as JSON, one string per line, for the recording
script in fixtures/formula.
"""

from __future__ import annotations

import json
import random
import sys

NAMES = ["a", "b", "c", "d", "x", "y", "z", "x1", "my.var", "under_score", "`a b`", "`if`", "été", ".hidden"]
GROUPS = ["g", "h", "a", "b", "`g 1`", "school", "factor(g)"]
NUMBERS = [
    "1",
    "2",
    "0",
    "0.5",
    "1e-3",
    "1e5",
    "100000",
    "123456",
    "0x1F",
    "2L",
    "100000L",
    "1e-15",
    "3.14159265358979",
]
NUMBERS += ["1e15", "1e16", "123456789012", "0.1", "0.0001", "0.00012345", "1e300", "12345678.9", ".5", "5.", "1e+2"]
STRINGS = ['"a"', "'b c'", r'"q\"t"', r"'it\'s'", r'"tab\t"', r'"\\"', 'r"(raw\\n)"', '"é"', '"\\u00e9"', '""', "'\"'"]
CONSTANTS = ["TRUE", "FALSE", "NULL", "NA", "Inf", "NaN", "NA_integer_", "NA_character_"]
FUNCTIONS = ["log", "I", "factor", "poly", "scale", "f", "exp", "stats::poly", "`my f`"]
ARGUMENTS = ["degree", "n", "raw", "`odd name`", "df"]
INFIX = ["+", "-", "*", "/", "^", ":", "%in%", "%%", "%/%", "%*%", "%o%", "==", "!=", "<", ">", "<=", ">="]
INFIX += ["&", "&&", "|", "||", "~"]
UNARY = ["-", "+", "!", "~"]


class Generator:
    """Random R source text from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def blank(self) -> str:
        return self.random.choice(["", "", " ", " ", "  ", "\t"])

    def join(self, left: str, operator: str, right: str) -> str:
        gap = " " if operator[0] in "<-%" or right[0] in "<>=-!&|~" else self.blank()
        return f"{left}{gap}{operator}{gap or self.blank()}{right}"

    # --- expressions -----------------------------------------------------------------------------------------------

    def leaf(self) -> str:
        kind = self.random.random()
        if kind < 0.6:
            return self.pick(*NAMES)
        if kind < 0.85:
            return self.pick(*NUMBERS)
        return self.pick(*STRINGS) if kind < 0.93 else self.pick(*CONSTANTS)

    def arguments(self, depth: int, least: int = 0) -> str:
        args = []
        for _ in range(max(least, self.random.choice([0, 1, 1, 1, 2, 2, 3]))):
            name = f"{self.pick(*ARGUMENTS)} = " if self.chance(0.25) else ""
            args.append(name + ("" if self.chance(0.05) else self.expression(depth)))
        return f",{self.blank()}".join(args)

    def expression(self, depth: int) -> str:
        """An expression with all of the operators, as I() or a function might hold it."""
        if depth <= 0 or self.chance(0.1):
            return self.leaf()
        kind = self.random.random()
        if kind < 0.5:
            operator = self.pick(*INFIX)
            left, right = self.expression(depth - 1), self.expression(depth - 1)
            if operator in ("==", "!=", "<", ">", "<=", ">="):
                left, right = f"({left})", f"({right})"
            return self.join(left, operator, right)
        if kind < 0.6:
            return self.pick(*UNARY) + self.expression(depth - 1)
        if kind < 0.7:
            return f"({self.expression(depth - 1)})"
        if kind < 0.9:
            return f"{self.pick(*FUNCTIONS)}({self.arguments(depth - 1)})"
        if kind < 0.94:
            return f"{self.pick('x', 'f(x)', '`a b`')}[{self.arguments(depth - 1)}]"
        if kind < 0.97:
            return f"{self.pick('x', 'f(x)')}[[{self.arguments(depth - 1, 1)}]]"
        return f"{self.pick('x', 'f(x)', 'x$y')}${self.pick('b', '`a b`')}"

    def tree(self, depth: int) -> str:
        """A tree written as bare calls, ``\\`+\\`(a, b)``: without the parentheses that its operators need."""
        if depth <= 0 or self.chance(0.15):
            return self.leaf()
        kind = self.random.random()
        if kind < 0.6:
            return f"`{self.pick(*INFIX)}`({self.tree(depth - 1)}, {self.tree(depth - 1)})"
        if kind < 0.85:
            return f"`{self.pick(*UNARY)}`({self.tree(depth - 1)})"
        if kind < 0.9:
            return f"f({self.tree(depth - 1)})"
        if kind < 0.95:
            return f"`{self.pick('[', '[[')}`({self.tree(depth - 1)}, {self.tree(depth - 1)})"
        return f"`(`({self.tree(depth - 1)})"

    # --- model formulas --------------------------------------------------------------------------------------------

    def variable(self) -> str:
        kind = self.random.random()
        if kind < 0.8:
            return self.pick("a", "b", "c", "d", "e", "x")
        if kind < 0.9:
            return self.pick("log(x)", "I(x^2)", "poly(x, 2)", "factor(a)", "`a b`", "x == 1", "scale( x )")
        return self.pick("(a)", "offset(w)", "offset( log(w) )", "-a", "1", "0", "-1", "y", "TRUE", "NULL")

    def model(self, depth: int) -> str:
        """A right-hand side of fixed terms."""
        if depth <= 0 or self.chance(0.1):
            return self.variable()
        left, right = self.model(depth - 1), self.model(depth - 1)
        kind = self.random.random()
        if kind < 0.3:
            return self.join(left, "+", right)
        if kind < 0.45:
            return self.join(left, "*", right)
        if kind < 0.6:
            return self.join(left, ":", right)
        if kind < 0.7:
            return self.join(left, "/", right)
        if kind < 0.76:
            return self.join(left, "%in%", right)
        if kind < 0.84:
            return self.join(left, "-", right)
        if kind < 0.9:
            return f"({self.join(left, '+', right)})^{self.pick('2', '2', '3', '2L')}"
        return f"({left})"

    def group(self) -> str:
        kind = self.random.random()
        if kind < 0.6:
            return self.pick(*GROUPS)
        if kind < 0.75:
            return f"{self.pick('a', 'g')}/{self.pick(*GROUPS)}"
        if kind < 0.85:
            return f"{self.pick('a', 'g')}:{self.pick(*GROUPS)}"
        if kind < 0.95:
            return "a/b/c"
        return self.pick("a*b", "a + b", "a/(b/c)", "(a/b)", "(g)", "a:b:c", "a/b:c", "interaction(a, b)")

    def bar(self) -> str:
        lhs = self.pick("1", "x", "0 + x", "x - 1", "1 + x + z", "a*b", "factor(a)", "log(x)", self.model(1))
        if lhs.strip() in ("0", "-1", "NULL") or "offset" in lhs:
            lhs = "1"  # 0 is no term, and R takes a bar that begins with offset( for an offset
        operator = "||" if self.chance(0.25) and lhs != "1" else "|"
        text = f"({self.join(lhs, operator, self.group())})"
        return f"({text})" if self.chance(0.05) else text

    def response(self) -> str:
        return self.pick("y", "y", "y", "log(y)", "cbind(s, f)", "y + a", "", "`my y`", "I(y^2)", "a", "y$b")

    def fixed_formula(self) -> str:
        return f"{self.response()}{self.blank()}~{self.blank()}{self.model(self.random.randint(0, 3))}"

    def mixed_formula(self) -> str:
        parts = [self.model(self.random.randint(0, 2))] if self.chance(0.85) else []
        parts += [self.bar() for _ in range(self.random.choice([1, 1, 1, 2, 2, 3]))]
        if self.chance(0.3):
            self.random.shuffle(parts)
        text = parts[0]
        for part in parts[1:]:
            text = self.join(text, "-" if self.chance(0.03) else "*" if self.chance(0.03) else "+", part)
        return f"{self.response()} ~ {text}"

    def dotted_formula(self) -> str:
        text = self.model(self.random.randint(1, 2))
        for name in ("a", "x", "b"):
            if self.chance(0.5):
                text = text.replace(name, ".", 1) if f"{name}(" not in text else text
        joined = self.join(".", self.pick("+", "-", "*", ":", "/"), text)
        return f"{self.response() or 'y'} ~ {joined if self.chance(0.6) else text}"

    def long_formula(self) -> str:
        parts = [self.model(2) for _ in range(self.random.randint(3, 12))]
        parts += [f"f({', '.join(self.expression(2) for _ in range(self.random.randint(2, 9)))})"]
        return f"y ~ {' + '.join(parts)}"

    def text(self) -> str:
        kind = self.random.random()
        if kind < 0.3:
            return self.fixed_formula()
        if kind < 0.55:
            return self.mixed_formula()
        if kind < 0.65:
            return self.dotted_formula()
        if kind < 0.8:
            return f"y ~ I({self.expression(self.random.randint(1, 4))})"
        if kind < 0.93:
            return f"y ~ f({self.tree(self.random.randint(1, 4))})"
        return self.long_formula()


def generate(seed: int, count: int) -> list[str]:
    """Distinct texts, in order of generation."""
    generator = Generator(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        found[generator.text()] = None
    return list(found)


if __name__ == "__main__":
    for line in generate(int(sys.argv[1]), int(sys.argv[2])):
        sys.stdout.write(json.dumps(line) + "\n")
