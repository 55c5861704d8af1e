"""Arrays and labels as plain JSON, bit for bit: base64 of little-endian numbers, never pickle."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pylmer.errors import DataError
from pylmer.formula.table import RowNames

Json = Any
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

__all__ = ["codes_from", "floats", "floats_from", "integers", "integers_from", "labels", "labels_from"]


def floats(x: FloatArray) -> Json:
    """Numbers of any shape: ``{"f8": base64, "shape": [...], "order": "C" or "F"}``."""
    order = "F" if x.ndim > 1 and x.flags.f_contiguous and not x.flags.c_contiguous else "C"
    data = np.asarray(x, dtype="<f8").tobytes(order="F" if order == "F" else "C")
    return {"f8": base64.b64encode(data).decode("ascii"), "shape": list(x.shape), "order": order}


def integers(x: NDArray[np.integer[Any]]) -> Json:
    """Integers ``(n,)``: ``{"i8": base64}``."""
    return {"i8": base64.b64encode(np.asarray(x, dtype="<i8").tobytes()).decode("ascii")}


def floats_from(spelled: Json, what: str, shape: tuple[int, ...] | None = None, finite: bool = True) -> FloatArray:
    """The numbers that :func:`floats` wrote, of the shape that is wanted.

    Raises
    ------
    DataError
        If they are no numbers, of another shape, or not finite where they must be.
    """
    flat = _decoded(spelled, "f8", np.dtype("<f8"), what)
    found = spelled.get("shape")
    if not isinstance(found, list) or not all(isinstance(k, int) and not isinstance(k, bool) and k >= 0 for k in found):
        raise DataError(f"{what}: shape={found!r} is no list of sizes")
    if math.prod(found) != len(flat):
        raise DataError(f"{what}: {len(flat)} numbers do not fill the shape {found}")
    if shape is not None and tuple(found) != shape:
        raise DataError(f"{what} has shape {tuple(found)}, not {shape}")
    if finite and not np.isfinite(flat).all():
        raise DataError(f"{what} has numbers that are not finite")
    if spelled.get("order") not in ("C", "F"):
        raise DataError(f"{what}: order={spelled.get('order')!r}, not 'C' or 'F'")
    array: FloatArray = flat.astype(np.float64).reshape(found, order=spelled["order"])
    return array


def integers_from(spelled: Json, what: str, n: int | None = None) -> IntArray:
    """The integers that :func:`integers` wrote, ``(n,)``."""
    found: IntArray = _decoded(spelled, "i8", np.dtype("<i8"), what).astype(np.intp)
    if n is not None and len(found) != n:
        raise DataError(f"{what} has {len(found)} numbers, not {n}")
    return found


def codes_from(spelled: Json, what: str, n: int, levels: int, missing: bool = False) -> IntArray:
    """Positions among ``levels`` labels, ``(n,)``; -1 only where values may be missing."""
    codes = integers_from(spelled, what, n)
    if n and (codes.min() < (-1 if missing else 0) or codes.max() >= levels):
        raise DataError(f"{what}: codes from {codes.min()} to {codes.max()} for {levels} levels")
    return codes


def labels(names: RowNames) -> Json:
    """Labels of rows: integers as such, others as texts and numbers; what is neither becomes text."""
    if isinstance(names, np.ndarray) and names.dtype.kind in "iu":
        return integers(names.astype(np.int64))
    return [x if isinstance(x, str | int | float) else str(x) for x in np.asarray(names, dtype=object).tolist()]


def labels_from(spelled: Json, what: str, n: int) -> RowNames:
    """The labels that :func:`labels` wrote."""
    if isinstance(spelled, Mapping):
        return integers_from(spelled, what, n)
    if not isinstance(spelled, list) or not all(isinstance(x, str | int | float) for x in spelled):
        raise DataError(f"{what} are no labels of rows")
    if len(spelled) != n:
        raise DataError(f"{what}: {len(spelled)} labels for {n} rows")
    out = np.empty(n, dtype=object)
    out[:] = spelled
    return out


def _decoded(spelled: Json, key: str, dtype: np.dtype[Any], what: str) -> NDArray[Any]:
    if not isinstance(spelled, Mapping) or not isinstance(spelled.get(key), str):
        raise DataError(f"{what} is no array of numbers ({key!r} is missing)")
    try:
        data = base64.b64decode(spelled[key], validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError(f"{what}: its numbers cannot be read ({error})") from None
    if len(data) % dtype.itemsize:
        raise DataError(f"{what}: {len(data)} bytes are no whole count of numbers")
    return np.frombuffer(data, dtype=dtype)
