"""What a public function is given, held against the types that its signature promises.

Python does not look at annotations, and a wrong argument that travels on surfaces as an error of NumPy or pandas deep
inside, or as a wrong number. One line at the top of a public function, ``check_arguments(function, locals())``, refuses
it at the door: what is wrong, the value met, what to do.
"""

from __future__ import annotations

import difflib
import inspect
import math
import numbers
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import cache
from typing import Any, Literal, Union

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import DataError, ModelError

__all__ = ["check_arguments", "numbers_from", "refuse_unused", "shown"]

Kind = Callable[[object], bool]
Argument = tuple[str, object, frozenset[type], tuple[Kind, ...], str]
"""Name, default, classes that are taken whatever the value, tests, and the kinds in words."""

MAX_INTEGER = 2**31 - 1
"""Whole numbers are R's."""


def check_arguments(function: Callable[..., Any], given: Mapping[str, object]) -> None:
    """Refuse arguments that are not of the kind that the signature of ``function`` names.

    Parameters
    ----------
    function
        The public function; annotations that only a type checker can read are passed over.
    given
        Its ``locals()``, before anything else was done.

    Raises
    ------
    ModelError
        With the argument, the value met and the kinds that are taken; an argument that the function does not have
        (where it takes ``**unused``), with the nearest that it has.

    Examples
    --------
    >>> def f(level: float = 0.95): check_arguments(f, locals())
    >>> f("high")
    Traceback (most recent call last):
        ...
    pylmer.errors.ModelError: level='high': give a number
    """
    for name, default, sure, kinds, wanted in _arguments(function):
        value = given[name]
        if value is default or type(value) in sure:
            continue
        if not any(fits(value) for fits in kinds):
            raise _refusal(function.__qualname__.removesuffix(".__init__"), name, value, wanted)
    unused = given.get("unused")
    if isinstance(unused, dict) and unused:
        parameters = inspect.signature(function).parameters.values()
        refuse_unused(function.__name__, [p.name for p in parameters if p.kind is not p.VAR_KEYWORD], unused)


def refuse_unused(function: str, known: Sequence[str], unused: Mapping[str, object]) -> None:
    """Refuse arguments that a function does not have, in R's words, naming the nearest of the ``known``."""
    listed = ", ".join(f"{name} = {shown(value)}" for name, value in unused.items())
    plain = {k.lower(): k for k in known}
    asked = [name.replace(".", "_").lower() for name in unused]
    near = [plain[k] for name in asked for k in difflib.get_close_matches(name, list(plain), 1)]
    advice = f"did you mean {' and '.join(map(repr, near))}?" if near else f"it takes {', '.join(known)}"
    raise ModelError(f"unused argument{'s' if len(unused) > 1 else ''} ({listed}) of {function}(): {advice}")


def numbers_from(value: object, name: str) -> NDArray[np.float64]:
    """The argument ``name`` as an array of numbers, or an error that says what was met.

    Examples
    --------
    >>> numbers_from([1, 2], "start")
    array([1., 2.])
    """
    try:
        if isinstance(value, str | bytes | Mapping):
            raise TypeError
        array = np.asarray(value)
        if array.dtype.kind not in "fiub" and not (array.dtype.kind == "O" and _holds_numbers(array)):
            raise TypeError
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{name}={shown(value)}: give numbers") from None


def _holds_numbers(array: NDArray[Any]) -> bool:
    """Whether an array of objects has nothing but numbers and missing values."""
    return array.ndim > 0 and all(v is None or isinstance(v, numbers.Real) for v in array.ravel().tolist())


def shown(value: object, most: int = 40) -> str:
    """A value for an error: short, on one line, and never an error itself."""
    if (
        value is None
        or isinstance(value, str | bytes | bool | float)
        or (isinstance(value, int) and value.bit_length() < 128)
    ):
        text = repr(value[: 2 * most] if isinstance(value, str | bytes) else value)
    elif isinstance(value, list | tuple) and len(value) < 6 and all(isinstance(v, str | int | float) for v in value):
        text = f"[{', '.join(shown(v, 12) for v in value)}]"
    else:
        shape = getattr(value, "shape", None)
        size = f" of shape {shape}" if isinstance(shape, tuple) and shape else ""
        text = f"<{type(value).__name__}{size}>"
    return text if len(text) <= most else text[: most - 3] + "..."


def _refusal(function: str, name: str, value: object, wanted: str) -> ModelError:
    if name == "model":
        kind = type(value).__name__
        return ModelError(
            f"no applicable method for '{function}' applied to an object of class \"{kind}\": give {wanted}"
        )
    return ModelError(f"{name}={shown(value)}: {wanted if wanted.startswith('choose') else 'give ' + wanted}")


@cache
def _arguments(function: Callable[..., Any]) -> tuple[Argument, ...]:
    """Name, tests and description of each argument that can be tested."""
    out = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        hint = _resolved(parameter.annotation, function)
        if parameter.kind is parameter.VAR_POSITIONAL:
            hint = tuple[hint, ...]  # type: ignore[valid-type]
        parts = _parts(hint)
        tests = [_test(part) for part in parts]
        if all(t is not None for t in tests):
            known = [t for t in tests if t is not None]
            sure = frozenset(part for part in parts if isinstance(part, type) and part not in (int, float))
            kinds, wanted = tuple(t[0] for t in known), _described([t[1] for t in known])
            out.append((name, parameter.default, sure, kinds, wanted))
    return tuple(out)


def _resolved(annotation: object, function: Callable[..., Any]) -> object:
    if not isinstance(annotation, str):
        return Any if annotation is inspect.Parameter.empty else annotation
    function = inspect.unwrap(function)
    holder = types.SimpleNamespace(__annotations__={"x": annotation})
    try:
        return typing.get_type_hints(holder, function.__globals__)["x"]
    except (NameError, TypeError, AttributeError):  # parts that only a type checker understands
        known = function.__globals__.get(annotation, Any)
        return _Fit if annotation == "MerMod" and known is Any else known


class _Fit:
    """Stands for the class of fits where only a type checker imports it."""


def _parts(hint: object) -> tuple[object, ...]:
    if isinstance(hint, typing.TypeVar):
        hint = hint.__bound__
    return typing.get_args(hint) if typing.get_origin(hint) in (Union, types.UnionType) else (hint,)


def _described(wanted: Sequence[str]) -> str:
    """The kinds in one phrase: ``None`` last, choices as they are."""
    words = sorted(dict.fromkeys(wanted), key=lambda w: w == "None")
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _test(part: object) -> tuple[Kind, str] | None:
    """How to tell that a value is of a kind, and the kind's name; None where it cannot be told."""
    if part in _SIMPLE:
        return _SIMPLE[part]
    if part is Executor:  # whatever behaves like one
        return (lambda v: hasattr(v, "submit") and hasattr(v, "map")), "an executor of concurrent.futures"
    origin = typing.get_origin(part)
    if origin is Literal:
        choices = typing.get_args(part)
        return (lambda v: isinstance(v, str | int) and v in choices), f"choose {_described([repr(c) for c in choices])}"
    if origin in (Mapping, dict):
        return (lambda v: isinstance(v, Mapping)), "a dict"
    if origin in (Sequence, list, tuple):
        return _sequence_of(typing.get_args(part), plain=origin is list)
    if origin is Callable or part is Callable:
        return callable, "a function"
    if isinstance(origin, type) and origin.__module__ == "os":
        return (lambda v: isinstance(v, origin)), "a path"
    if part is _Fit:
        return (lambda v: hasattr(v, "design")), _CLASSES["MerMod"]
    if isinstance(part, type) and part not in (object, np.ndarray, Any):
        return (lambda v: isinstance(v, part)), _CLASSES.get(part.__name__, f"a {part.__name__}")
    return None


def _sequence_of(args: tuple[object, ...], plain: bool) -> tuple[Kind, str]:
    of = {repr(a): a for a in args if a is not ...}  # a tuple of unlike parts is not looked into
    tests = [_test(part) for part in _parts(next(iter(of.values())))] if len(of) == 1 else [None]
    inner = [t for t in tests if t is not None]
    known = len(inner) == len(tests)

    def fits(value: object) -> bool:
        if plain and not isinstance(value, list):
            return False
        if isinstance(value, str | bytes | Mapping | type) or not hasattr(value, "__len__"):
            return False
        if not hasattr(value, "__iter__"):
            return False
        return not known or all(any(test(v) for test, _ in inner) for v in value)

    return fits, f"a list, each of it {_described([name for _, name in inner])}" if known else "a list"


def _is_flag(value: object) -> bool:
    return isinstance(value, bool | np.bool_) or (isinstance(value, int) and value in (0, 1))


def _is_whole(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and abs(int(value)) <= MAX_INTEGER


def _is_number(value: object) -> bool:
    if isinstance(value, numbers.Integral):
        return abs(int(value)) < 1 << 1000
    return isinstance(value, numbers.Real) and not math.isnan(value)


_SIMPLE: dict[object, tuple[Kind, str]] = {
    bool: (_is_flag, "True or False"),
    int: (_is_whole, f"a whole number (of at most {MAX_INTEGER})"),
    float: (_is_number, "a number"),
    str: (lambda v: isinstance(v, str), "text in quotes"),
    types.NoneType: (lambda v: v is None, "None"),
    None: (lambda v: v is None, "None"),
}

_CLASSES = {
    "MerMod": "a fit made by lmer()",
    "LmerMod": "a fit made by lmer()",
    "NAType": "NA",
    "Formula": "a formula",
    "LmerControl": "what lmerControl() makes",
    "BootMer": "a result of bootMer()",
    "Design": "what lFormula() makes",
    "Criterion": "what mkLmerDevfun() makes",
    "OptResult": "what optimizeLmer() makes",
}
