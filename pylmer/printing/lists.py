"""R's text of results that are lists: influence, allFit's summary, a bootstrap, a summary of lmList."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pylmer.errors import FormulaError
from pylmer.formula.deparse import deparse_lines
from pylmer.formula.parse import parse_formula
from pylmer.formula.tokens import is_syntactic_name
from pylmer.inference.allfit import SummaryAllFit
from pylmer.inference.bootstrap import BootMer
from pylmer.inference.influence import Influence
from pylmer.inference.lm_list import SummaryLmList
from pylmer.rcompat.format import format_numbers
from pylmer.rcompat.layout import print_matrix, print_named_vector
from pylmer.rcompat.options import current_options
from pylmer.rcompat.printable import as_text

__all__ = ["call_lines"]


def list_text(parts: Mapping[str, str], prefix: str = "") -> str:
    """R's print of a list whose elements have these texts."""
    blocks = []
    for name, text in parts.items():
        tag = name if is_syntactic_name(name) else f"`{name}`"
        blocks.append(f"{prefix}${tag}\n{text}\n")
    return "\n".join(blocks)


def frame_text(frame: Any, digits: int | None = None) -> str:
    """A data frame of numbers as R prints a matrix with the same labels."""
    rows, columns = [str(i) for i in frame.index], [str(c) for c in frame.columns]
    return print_matrix(frame.to_numpy(dtype=np.float64), rows, columns, digits)


def series_text(x: Any, digits: int | None = None) -> str:
    """A Series as R prints a named vector."""
    names = [str(i) for i in x.index]
    if x.dtype == bool:
        return print_named_vector([str(v).upper() for v in x], names)
    return print_named_vector(x.to_numpy(dtype=np.float64), names, digits)


def texts_of(values: tuple[object, ...]) -> str:
    """R's print of a character vector, or of numbers."""
    cells = [f'"{v}"' if isinstance(v, str) else str(v) for v in values]
    width, lines = max(map(len, cells)), []
    tag = len(str(len(cells))) + 2
    per_line = max(1, (current_options().width - tag) // (width + 1))
    for first in range(0, len(cells), per_line):
        row = "".join(f" {cell.ljust(width)}" for cell in cells[first : first + per_line])
        lines.append(f"[{first + 1}]".rjust(tag) + row)
    return "\n".join(line.rstrip() if len(cells) == 1 else line for line in lines)


@as_text.register
def _(x: Influence, *, digits: int | None = None) -> str:
    labels = [str(label) for label in x.deleted]
    names = [str(name) for name in x.vcov.index]
    matrices = {label: print_matrix(V, names, names, digits) for label, V in zip(labels, x.vcov_deleted, strict=True)}
    group = x.groups
    parts = {
        "fixed.effects": series_text(x.fixed_effects, digits),
        f"fixed.effects[-{group}]": frame_text(x.fixed_effects_deleted, digits),
        "var.cov.comps": series_text(x.var_cov_comps, digits),
        f"var.cov.comps[-{group}]": frame_text(x.var_cov_comps_deleted, digits),
        "vcov": frame_text(x.vcov, digits),
        f"vcov[-{group}]": list_text(matrices, f"$`vcov[-{group}]`"),
        "groups": f'[1] "{group}"',
        "deleted": texts_of(x.deleted),
        "converged": series_text(x.converged),
        "function.evals": series_text(x.function_evals),
    }
    return list_text(parts) + '\nattr(,"class")\n[1] "influence.merMod"'


@as_text.register
def _(x: SummaryAllFit, *, digits: int | None = None) -> str:
    said = {name: texts_of(texts) if texts else "NULL" for name, texts in x.msgs.items()}
    parts = {
        "which.OK": series_text(x.which_OK),
        "msgs": list_text(said, "$msgs"),
        "fixef": frame_text(x.fixef, digits),
        "llik": series_text(x.llik, digits),
        "sdcor": frame_text(x.sdcor, digits),
        "theta": frame_text(x.theta, digits),
        "times": frame_text(x.times.to_frame("elapsed"), digits),
        "feval": series_text(x.feval, digits),
    }
    return list_text(parts)


@as_text.register
def _(x: BootMer, *, digits: int | None = None) -> str:
    digits = current_options().digits if digits is None else digits
    original = x.t0.to_numpy(dtype=np.float64)
    known = np.where(np.isnan(x.t).all(axis=0), 0.0, x.t)
    with np.errstate(invalid="ignore"):
        bias = np.nanmean(known, axis=0) - original
        error = np.nanstd(known, axis=0, ddof=1) if len(x.t) > 1 else np.full(len(original), np.nan)
    rows = [f"t{i + 1}*" for i in range(len(original))]
    table = print_matrix(np.column_stack([original, bias, error]), rows, ["original", " bias  ", " std. error"], digits)
    call = "\n".join(call_lines(x.call))
    return f"\nPARAMETRIC BOOTSTRAP\n\n\nCall:\n{call}\n\n\nBootstrap Statistics :\n{table}"


def call_lines(text: str) -> list[str]:
    """A call, broken into lines as R breaks it."""
    try:
        return deparse_lines(parse_formula(f"~{text}").rhs)
    except FormulaError:
        return [text]


@as_text.register
def _(x: SummaryLmList, *, digits: int | None = None) -> str:
    digits = current_options().digits if digits is None else digits
    within = x.formula.rsplit("|", 1)[0].rstrip()
    lines = ["Call:", f"  Model: {within} | NULL "]  # lme4 looks for the groups where they are not, and says NULL
    if x.data:
        lines.append(f"   Data: {x.data} ")
    lines += ["", "Coefficients:"]
    for name, table in x.coefficients.items():
        lines += [f"   {name} ", frame_text(table, digits)]
    if x.pooled is not None:
        sigma, df = x.pooled
        texts = format_numbers(sigma, digits)[0], format_numbers(float(df), digits)[0]
        lines += ["", f"Residual standard error: {texts[0]} on {texts[1]} degrees of freedom"]
    return "\n".join([*lines, ""])
