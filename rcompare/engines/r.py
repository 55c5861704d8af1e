"""R, embedded in this process through rpy2: a session that evaluates our own R code and hands back arrays and text.

Only this file (and the bridge) imports rpy2. R code given to :class:`RSession` is always code of this project; a
formula that comes from a user reaches R only through :mod:`rcompare.rtext`, which rebuilds it from the syntax tree.
"""

from __future__ import annotations

import atexit
import importlib.util
import locale
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["RError", "RSession", "r_session", "why_no_r"]

R_ENVIRONMENT = {"LC_ALL": "C", "LANGUAGE": "en", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class RError(RuntimeError):
    """R stopped with an error; the text is R's own message."""


@lru_cache(maxsize=16)
def why_no_r(packages: tuple[str, ...] = ("lme4",)) -> str | None:
    """Say why live comparisons with R cannot run here, or None when they can.

    Parameters
    ----------
    packages
        R packages that must be installed.
    """
    if shutil.which("R") is None:
        return "R is not on the PATH"
    if importlib.util.find_spec("rpy2") is None:
        return "the Python package rpy2 is not installed (pip install 'pylmer[r]')"
    try:
        session = r_session()
    except Exception as err:
        return f"rpy2 cannot start R: {err}"
    for package in packages:
        if not session.has(package):
            return f"the R package {package} is not installed"
    return None


@lru_cache(maxsize=1)
def r_session() -> RSession:
    """Start R once in this process (C locale, one BLAS thread) and return the session."""
    return RSession()


class RSession:
    """One embedded R. Use :func:`r_session`; R can be started only once in a process.

    Examples
    --------
    >>> R = r_session()                                      # doctest: +SKIP
    >>> R.num("fixef(lmer(Reaction ~ Days + (Days | Subject), sleepstudy))")  # doctest: +SKIP
    array([251.40510485,  10.46728596])
    """

    def __init__(self) -> None:
        with _environment(R_ENVIRONMENT):
            import rpy2.rinterface as ri
            import rpy2.rinterface_lib.callbacks as callbacks

            self._printed: list[str] = []
            callbacks.consolewrite_print = self._printed.append
            callbacks.consolewrite_warnerror = self._printed.append
            ctype = locale.setlocale(locale.LC_CTYPE)
            ri.initr()
            self._ri = ri
            self("options(useFancyQuotes = FALSE, stringsAsFactors = FALSE, warn = 1)")
            self("options(width = 80, digits = 7, scipen = 0)")
            self("for (v in c('LC_COLLATE', 'LC_TIME', 'LC_MONETARY')) Sys.setlocale(v, 'C')")
            locale.setlocale(locale.LC_CTYPE, ctype)
            atexit.register(shutil.rmtree, self.strings("tempdir()")[0], ignore_errors=True)
            self("suppressPackageStartupMessages(library(splines))")
            if self.has("lme4"):
                self("suppressPackageStartupMessages(library(lme4))")

    def __call__(self, code: str) -> Any:
        """Evaluate R code in the global environment and return rpy2's own low-level object."""
        self._printed.clear()
        try:
            expressions = self._ri.parse(code)
            result = None
            for expression in expressions:
                result = self._ri.evalr_expr(expression)
        except self._ri.embedded.RRuntimeError as err:
            raise RError(str(err).strip()) from None
        return result

    def eval(self, code: str) -> Any:
        """Evaluate R code; the last value as arrays, strings, dicts and lists (see :func:`from_r`)."""
        return from_r(self(code))

    def num(self, code: str) -> NDArray[np.float64]:
        """Evaluate R code that gives numbers (or logicals): a float array of R's dimensions, NA as NaN."""
        value = self.eval(code)
        return np.asarray([] if value is None else value, dtype=np.float64)

    def strings(self, code: str) -> list[str]:
        """Evaluate R code that gives a character vector (``as.character`` is applied), NA as ``"NA"``."""
        value = self.eval(f"as.character({{ {code} }})")
        return ["NA" if s is None else s for s in value]

    def text(self, code: str) -> list[str]:
        """Lines that R prints for the value of the code, and for anything that it prints itself."""
        return self.strings(f"capture.output(print({{ {code} }}))")

    def output(self, code: str) -> list[str]:
        """Lines that the code writes itself (``cat``, ``print``), without printing its value."""
        return self.strings(f"capture.output(invisible({{ {code} }}))")

    def assign(self, name: str, value: object) -> None:
        """Give R a variable: a float, int, bool or str, an array (1-d or 2-d), or a list of strings."""
        self._ri.globalenv[name] = to_r(value)

    def bind(self, name: str, value: Any) -> None:
        """Give an rpy2 object a name in R's global environment."""
        self._ri.globalenv[name] = value

    def converter(
        self, there: type, to: Callable[[Any], Any], r_class: str, back: Callable[[Any], Any], name: str = "pylmer"
    ) -> Any:
        """Rules for rpy2's ``robjects``: a ``there`` goes over by ``to``, what is of ``r_class`` (S4) comes back."""
        from rpy2.robjects import conversion

        rules = conversion.Converter(name)
        rules.py2rpy.register(there, to)
        fallback = conversion.get_conversion().rpy2py

        def come_back(value: Any) -> Any:
            self.bind("rcompare_x", value)
            return back(value) if self.eval(f"methods::is(rcompare_x, {quote(r_class)})")[0] else fallback(value)

        rules.rpy2py.register(self._ri.SexpS4, come_back)
        return rules

    def has(self, package: str) -> bool:
        """Whether an R package is installed (without loading it)."""
        return bool(self.eval(f"nzchar(system.file(package = {quote(package)}))")[0])

    @property
    def printed(self) -> str:
        """What R wrote to its console (warnings too) during the last call."""
        return "".join(self._printed)


def quote(text: str) -> str:
    """R string literal for any text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def from_r(value: Any) -> Any:
    """Turn a low-level R object into NumPy arrays, lists of strings, dicts (named lists), lists and None (NULL).

    Numbers keep R's dimensions; integer NA becomes NaN in a float array; a factor becomes the list of its labels.
    """
    import rpy2.rinterface as ri

    if value is ri.NULL or value is None:
        return None
    if isinstance(value, ri.StrSexpVector):
        return [None if s is ri.NA_Character else str(s) for s in value]
    if isinstance(value, ri.IntSexpVector) and "factor" in value.rclass:
        levels = [str(s) for s in value.do_slot("levels")]
        return [None if code == ri.NA_Integer or code is ri.NA_Integer else levels[code - 1] for code in value]
    if isinstance(value, (ri.FloatSexpVector, ri.IntSexpVector, ri.BoolSexpVector)):
        return _numbers(value)
    if isinstance(value, ri.ListSexpVector):
        names = value.names
        items = [from_r(item) for item in value]
        return items if names is ri.NULL else dict(zip([str(s) for s in names], items, strict=True))
    return value


def _numbers(value: Any) -> NDArray[Any]:
    import rpy2.rinterface as ri

    if isinstance(value, ri.FloatSexpVector):
        array: NDArray[Any] = np.array(value.memoryview() if len(value) else [], dtype=np.float64)
    else:
        missing = (ri.NA_Integer, ri.NA_Logical)
        items = list(value)
        has_na = any(item is m for item in items for m in missing)
        kind = bool if isinstance(value, ri.BoolSexpVector) else np.int64
        array = (
            np.array([np.nan if any(i is m for m in missing) else float(i) for i in items])
            if has_na
            else np.array(items, dtype=kind)
        )
    dim = value.do_slot("dim") if "dim" in value.list_attrs() else None
    return array if dim is None else array.ravel(order="K").reshape([int(d) for d in dim], order="F")


def to_r(value: object) -> Any:
    """Turn a Python value into a low-level R vector (1-d or 2-d arrays, scalars, strings)."""
    import rpy2.rinterface as ri

    if isinstance(value, str):
        return ri.StrSexpVector([value])
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, str) for v in value):
        return ri.StrSexpVector(list(value))
    array = np.asarray(value)
    flat = array.ravel(order="F")
    vector: Any
    if array.dtype.kind == "b":
        vector = ri.BoolSexpVector([bool(v) for v in flat])
    elif array.dtype.kind in "iu":
        vector = ri.IntSexpVector([int(v) for v in flat])
    elif array.dtype.kind == "f":
        vector = ri.FloatSexpVector(flat.tolist())
    else:
        vector = ri.StrSexpVector([str(v) for v in flat])
    if array.ndim > 1:
        vector.do_slot_assign("dim", ri.IntSexpVector(list(array.shape)))
    return vector


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Environment variables for R's start, put back afterwards."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = old
