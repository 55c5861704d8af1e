"""All functions that a formula may call: importing this module enters them into the interpreter's table."""

from __future__ import annotations

from pylmer.formula import (
    splines,
    transforms_arithmetic,
    transforms_bases,
    transforms_factors,
    transforms_summaries,
    transforms_vectors,
)
from pylmer.formula.evaluate import FUNCTIONS

__all__ = ["known_functions"]

_MODULES = (
    splines,
    transforms_arithmetic,
    transforms_bases,
    transforms_factors,
    transforms_summaries,
    transforms_vectors,
)


def known_functions() -> tuple[str, ...]:
    """Names of the functions that formulas may call, operators left out."""
    return tuple(sorted(name for name in FUNCTIONS if name[0].isalpha()))
