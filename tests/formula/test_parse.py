"""The parser: errors that point at the character, bounds on hostile input, trees that can be copied and compared."""

from __future__ import annotations

import contextlib
import copy
import pickle

import pytest
from generate_formulas import generate
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pylmer.errors import FormulaError
from pylmer.formula.algebra import update_formula
from pylmer.formula.ast import Arg, Call, Constant, Name, Node, Number, String, all_names, call, map_leaves, walk
from pylmer.formula.bars import expandDoubleVerts, findbars, nobars, subbars
from pylmer.formula.deparse import deparse, deparse_lines
from pylmer.formula.parse import Formula, as_formula, parse, parse_formula
from pylmer.formula.terms import terms


def parses(text: str) -> bool:
    try:
        parse(text)
    except FormulaError:
        return False
    return True


VALID = [text for text in generate(5, 300) if parses(text)]


def caret(error: pytest.ExceptionInfo[FormulaError]) -> int:
    """The column, in the text that the message shows, that the caret points at."""
    *_, shown, pointer = str(error.value).split("\n")
    assert shown.startswith("  ")
    assert pointer.strip() == "^"
    return len(pointer) - 3


REFUSED = {
    "y ~ a b": (6, "unexpected symbol"),
    "y ~ a 'b'": (6, "unexpected string constant"),
    "y ~ 1a": (5, "unexpected symbol"),
    "y ~ a +": (7, "unexpected end of input"),
    "y ~ (a": (6, "unexpected end of input"),
    "y ~ a)": (5, "unexpected ')'"),
    "y ~ x[1": (7, "expected ']'"),
    "y ~ a == b == c": (11, "comparisons cannot be chained"),
    "y ~ a <- b": (6, "nothing can be assigned"),
    "y = a": (2, "nothing can be assigned"),
    "y ~ f(TRUE = 1)": (11, "unexpected '='"),
    "y ~ if (a) b": (4, "control flow"),
    "y ~ function(x) x": (4, "control flow"),
    "y ~ {a}": (4, "braces"),
    "y ~ a; b": (5, "unexpected ';'"),
    "y ~ ?a": (4, "unexpected '?'"),
    "y ~ 1i": (4, "complex numbers"),
    "y ~ 0x1.8": (4, "exponent 'p'"),
    "y ~ a %x b": (6, "closing '%'"),
    "y ~ _a": (4, "back-quotes"),
    r"y ~ \(x) x": (4, "functions cannot be defined"),
    "y ~ a\u00a0+ b": (5, "U+00A0"),
    "y ~ x²": (5, "unexpected input '²'"),
    "y ~ 'abc": (4, "never closed"),
    "y ~ `abc": (4, "never closed"),
    "y ~ ``": (4, "zero-length variable name"),
    r"y ~ '\q'": (5, "unrecognized escape"),
    r"y ~ '\xff'": (5, "use \\u"),
    r"y ~ '\ud800'": (5, "is no character"),
    r"y ~ '\0'": (5, "is no character"),
    'y ~ r"(abc)': (4, "never closed"),
    "y ~ a |> f": (6, "requires a function call"),
    "y ~ a$1": (6, "unexpected numeric constant"),
    "y ~ a::b::c": (8, "unexpected '::'"),
    "y ~ `if`(a, b)": (8, "'if' cannot be called"),
    "y ~ f('' = 1)": (6, "zero-length variable name"),
    "~ a ~ ": (6, "unexpected end of input"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_errors_point_at_the_character(text: str) -> None:
    column, message = REFUSED[text]
    with pytest.raises(FormulaError) as error:
        parse(text)
    assert message in str(error.value)
    assert caret(error) == column


def test_the_caret_stands_under_its_line_of_a_text_of_several_lines() -> None:
    with pytest.raises(FormulaError) as error:
        parse("y ~ a +\n  b c")
    assert str(error.value).endswith("\n    b c\n      ^")


def test_the_caret_of_a_long_text_shows_only_what_is_near() -> None:
    with pytest.raises(FormulaError) as error:
        parse("y ~ " + "abc + " * 100 + ") + x" + " + abc" * 100)
    shown, pointer = str(error.value).split("\n")[1:]
    assert len(shown) < 130
    assert shown[len(pointer) - 1] == ")"


@pytest.mark.parametrize("text", ["a + b", "y", "", "   ", "(y ~ x)", "`~`(a, b, c)", "`~`()"])
def test_a_formula_needs_a_tilde(text: str) -> None:
    with pytest.raises(FormulaError):
        parse_formula(text)


@pytest.mark.parametrize("value", [None, 1, b"y ~ x", ["y ~ x"]])
def test_only_texts_are_parsed(value: object) -> None:
    with pytest.raises(FormulaError, match="a formula is a str"):
        parse_formula(value)  # type: ignore[arg-type]


HOSTILE = [
    "(" * 200,
    "-" * 200 + "a",
    "a" + "^a" * 200,
    "f(" * 200 + "a" + ")" * 200,
    "a" + "()" * 200,
    "a" + "$b" * 200,
]
HOSTILE += ["a" + " |> f()" * 200, "!" * 200 + "a", "a[" * 200 + "1" + "]" * 200, "x" * 100_001]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_refused(text: str) -> None:
    with pytest.raises(FormulaError, match=r"nested more than 100 deep|at most 100000 are read"):
        parse("y ~ " + text)


@pytest.mark.parametrize("operator", ["+", ":", "%in%", "|", "||", "~", "-"])
def test_chains_of_any_length_are_walked(operator: str) -> None:
    formula = parse_formula("y ~ " + f" {operator} ".join(f"x{i}" for i in range(1000)))
    assert len(all_names(formula.node)) == 1001
    assert parse_formula(str(formula)) == formula
    assert len(deparse_lines(formula.node)) > 1 or operator == ":"
    assert subbars(formula).rhs is not None
    assert nobars(formula).rhs is not None
    assert pickle.loads(pickle.dumps(formula)) == formula
    assert copy.deepcopy(formula.node) == formula.node
    assert sum(isinstance(node, Call) for node in walk(formula.node)) == 1000
    if operator != "||":
        assert findbars(formula) is not None
        assert terms(formula).intercept == 1
    else:
        with pytest.raises(FormulaError, match="another bar"):
            findbars(formula)


def test_precedence() -> None:
    a, b, c = Name("a"), Name("b"), Name("c")
    assert parse("-a^b") == call("-", call("^", a, b))
    assert parse("-a:b") == call(":", call("-", a), b)
    assert parse("a^b^c") == call("^", a, call("^", b, c))
    assert parse("a^-b:c") == call(":", call("^", a, call("-", b)), c)
    assert parse("a - b - c") == call("-", call("-", a, b), c)
    assert parse("!a == b & c") == call("&", call("!", call("==", a, b)), c)
    assert parse("a ~ b | c") == call("~", a, call("|", b, c))
    assert parse("a * b %in% c") == call("*", a, call("%in%", b, c))
    assert parse("a$b(c)") == Call(call("$", a, b), (Arg(c),))


def test_constants() -> None:
    assert parse("0x10") == Number(16.0)
    assert parse("2L") == Number(2.0, integer=True)
    assert parse("1e500") == Constant("Inf")
    assert parse("NA_real_") == Constant("NA_real_")
    assert parse("T") == Name("T")
    assert parse("'it\\'s'") == String("it's")
    assert parse('r"---(a)--b)---"') == String("a)--b")
    assert parse("`TRUE`") == Name("TRUE")
    assert parse("'f'(1)") == Call("f", (Arg(Number(1.0)),))
    assert parse("f(, a = )") == Call("f", (Arg(None), Arg(None, "a")))


def test_positions_refer_to_the_text() -> None:
    formula = parse_formula("y ~ log(x)  + `a b`")
    found = {str(node): node.pos for node in walk(formula.node)}
    assert found["y"] == 0
    assert found["log(x)"] == 4
    assert formula.text[found["`a b`"]] == "`"


def test_newlines_and_comments_are_blanks() -> None:
    assert parse_formula("y ~ a # first\n  + b\n") == parse_formula("y~a+b")


def test_formulas_are_cached_and_compare_by_structure() -> None:
    assert parse_formula("y ~ x") is parse_formula("y ~ x")
    assert parse_formula("y ~ x") == parse_formula("y~ x")
    assert parse_formula("y ~ x") != parse_formula("y ~ (x)")
    assert len({parse_formula("y ~ x"), parse_formula("y~x")}) == 1
    assert as_formula(parse_formula("y ~ x")) is parse_formula("y ~ x")
    assert Formula.of(call("~", Name("y"), Name("x"))) is parse_formula("y ~ x")
    assert repr(parse("a+b")) == "Call('a + b')"
    assert parse("2") != parse("2L")


def test_leaves_can_be_replaced() -> None:
    tree = map_leaves(parse("f(a)(b)[a, ]"), lambda leaf: Name("z") if leaf == Name("a") else leaf)
    assert tree == parse("f(z)(b)[z, ]")


def test_parse_undoes_deparse() -> None:
    assert len(VALID) > 290
    for text in VALID:
        tree = parse(text)
        again = parse(deparse(tree))
        assert again == tree or "`(" in text  # bare calls lack the parentheses that deparse adds
        assert deparse(again) == deparse(tree)
        assert parse(" ".join(deparse_lines(tree, 20))) == again


names = st.one_of(
    st.sampled_from(["a", "b", "x.1", "TRUE", "if", "a b", "é", "`", "\\", "\n", "in"]), st.text(min_size=1)
)
leaves = st.one_of(
    names.filter(lambda s: "\0" not in s and not any(0xD800 <= ord(c) < 0xE000 for c in s)).map(Name),
    st.floats(0, 1e300).map(lambda x: Number(float(f"{x:.15g}"))),
    st.integers(0, 2**31 - 1).map(lambda i: Number(float(i), integer=True)),
    st.text().filter(lambda s: "\0" not in s and not any(0xD800 <= ord(c) < 0xE000 for c in s)).map(String),
    st.sampled_from(["TRUE", "NULL", "NA", "Inf", "NaN", "NA_integer_"]).map(Constant),
)


def calls(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    argument = st.builds(Arg, st.one_of(children, children, st.none()), st.one_of(st.none(), st.sampled_from("nm")))
    return st.one_of(
        st.builds(
            call, st.sampled_from(["+", "-", "*", "/", "^", ":", "~", "|", "&&", "%in%", "=="]), children, children
        ),
        st.builds(call, st.sampled_from(["-", "+", "!", "~", "("]), children),
        st.builds(
            lambda f, args: Call(f, tuple(args) if args != [Arg(None)] else ()),
            st.sampled_from(["f", "my f", "I"]),
            st.lists(argument, max_size=3),
        ),
        st.builds(lambda x, args: Call("[", (Arg(x), *args)), children, st.lists(argument, min_size=1, max_size=2)),
    )


def bare(node: Node | None) -> Node | None:
    """The tree without its parentheses."""
    while isinstance(node, Call) and node.function == "(" and len(node.args) == 1:
        node = node.args[0].value
    if not isinstance(node, Call):
        return node
    function = node.function if isinstance(node.function, str) else bare(node.function)
    assert function is not None
    return Call(function, tuple(Arg(bare(arg.value), arg.name) for arg in node.args))


@given(st.recursive(leaves, calls, max_leaves=12))
@settings(max_examples=150, deadline=None)
def test_any_tree_survives_once_its_parentheses_are_written(tree: Node) -> None:
    spelled = deparse(tree)
    written = parse(spelled)
    assert bare(written) == bare(tree)
    assert deparse(written) == spelled
    assert parse(deparse(written)) == written
    assert map_leaves(written, lambda leaf: leaf) == written


def exercise(text: str) -> None:
    """Everything that is asked of a formula either works or raises FormulaError."""
    try:
        tree = parse(text)
        assert parse(deparse(tree)) == tree or "`" in text
        formula = parse_formula(text)
    except FormulaError:
        return
    for question in (terms, findbars, nobars, subbars, expandDoubleVerts, lambda f: update_formula(f, ". ~ . - a + b")):
        with contextlib.suppress(FormulaError):
            question(formula)


@given(st.text())
@example("\x00")
@example("\ud800")
@example("'\ud800'")
@example("`\\u0000`")
@settings(max_examples=150, deadline=None)
def test_any_text_gives_a_tree_or_a_clear_error(text: str) -> None:
    exercise(text)


@given(st.text(alphabet="ab1 .~+-*/:^|()[]{}$@%in\"'`\\,=<>!&?;#\n0xLe", max_size=40))
@settings(max_examples=200, deadline=None)
def test_texts_of_the_language_s_characters(text: str) -> None:
    exercise(text)
    exercise(f"y ~ {text}")


@given(st.sampled_from(VALID), st.data())
@settings(max_examples=200, deadline=None)
def test_damaged_formulas_give_a_tree_or_a_clear_error(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, min(len(text), start + 4)))
    piece = data.draw(
        st.one_of(st.text(max_size=3), st.sampled_from(["(", ")", "|", "||", "`", '"', "~", "%in%", "^", "1e"]))
    )
    exercise(text[:start] + piece + text[stop:])
