"""What an engine answers: quantities as labelled arrays, label lists or text, with an exact round trip through JSON."""

from __future__ import annotations

import gzip
import json
import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pylmer.files import write_whole

__all__ = [
    "NA",
    "DamagedResults",
    "Labelled",
    "Results",
    "Strings",
    "Text",
    "Value",
    "content_hash",
    "from_json",
    "read_results",
    "to_json",
    "write_results",
]

NA: float = struct.unpack("<d", struct.pack("<Q", 0x7FF00000000007A2))[0]
"""R's NA_real_: a NaN whose low word is 1954."""

COMPRESS_FROM = 60_000
LARGEST = 500_000_000


class DamagedResults(ValueError):
    """A file of results that cannot be read: what is wrong with it, and what to do."""


@dataclass(frozen=True)
class Labelled:
    """A number array with labels.

    Parameters
    ----------
    values
        Float array of any shape (a scalar has shape ``()``); NA is NaN.
    labels
        For each axis the labels, or None when positions are all there is.
    sampled
        True when the first axis is a deterministic subset of what the engine had (see :func:`sample_positions`).
    """

    values: NDArray[np.float64]
    labels: tuple[tuple[str, ...] | None, ...] = ()
    sampled: bool = False

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        object.__setattr__(self, "values", values)
        labels = self.labels or (None,) * values.ndim
        if len(labels) != values.ndim or any(
            names is not None and len(names) != size for names, size in zip(labels, values.shape, strict=False)
        ):
            raise ValueError(f"labels do not fit an array of shape {values.shape}")
        object.__setattr__(self, "labels", tuple(None if names is None else tuple(names) for names in labels))


@dataclass(frozen=True)
class Strings:
    """An ordered list of labels (names, levels, messages)."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Text:
    """Lines that an engine prints."""

    lines: tuple[str, ...]


Value = Labelled | Strings | Text


@dataclass(frozen=True)
class Results:
    """The answers of one engine to one case.

    Parameters
    ----------
    case
        The case's id.
    values
        quantity -> value.
    stamp
        Who answered: engine, versions, platform, data hash, seed, date...
    tight
        The same quantities at an optimum found with tight tolerances, where the engine provides it.
    messages, warnings
        What the engine said while it fitted.
    error
        The engine's error, when there is no fit; then ``values`` is empty.
    failed
        quantity -> why the engine could not give it.
    """

    case: str
    values: Mapping[str, Value]
    stamp: Mapping[str, Any] = field(default_factory=dict)
    tight: Mapping[str, Value] = field(default_factory=dict)
    messages: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str | None = None
    failed: Mapping[str, str] = field(default_factory=dict)

    def number(self, name: str) -> float:
        """The value of a scalar quantity.

        Raises
        ------
        KeyError
            If there is no such quantity.
        """
        value = self.values[name]
        if not isinstance(value, Labelled) or value.values.size != 1:
            raise KeyError(f"{name} is not a single number")
        return float(value.values.reshape(()))


def sample_positions(n: int, size: int) -> NDArray[np.intp]:
    """Positions (from 0) of the rows kept of a long vector: the first ten and ``floor(i n / size)``, all if few."""
    return np.arange(n) if n <= size else np.union1d(np.arange(10), (np.arange(size) * n) // size)


# ----------------------------------------------------------------------------------------------------------- numbers


def encode_number(x: float) -> float | int | str:
    """JSON form of a float: Python's shortest exact decimal, or a word for NA, NaN and the infinities."""
    if math.isnan(x):
        return "NA" if struct.pack("<d", x)[:4] == struct.pack("<I", 1954) else "NaN"
    if math.isinf(x):
        return "Inf" if x > 0 else "-Inf"
    return int(x) if x == int(x) and abs(x) < 1e15 and not (x == 0 and math.copysign(1, x) < 0) else x


def decode_number(x: float | int | str) -> float:
    """Inverse of :func:`encode_number`."""
    if isinstance(x, str):
        return {"NA": NA, "NaN": math.nan, "Inf": math.inf, "-Inf": -math.inf}[x]
    return float(x)


# ------------------------------------------------------------------------------------------------------------ values


def encode_value(value: Value) -> dict[str, Any]:
    """JSON form of a value."""
    if isinstance(value, Text):
        return {"text": list(value.lines)}
    if isinstance(value, Strings):
        return {"strings": list(value.items)}
    out: dict[str, Any] = {"dim": list(value.values.shape)}
    if any(names is not None for names in value.labels):
        out["labels"] = [_encode_labels(names) for names in value.labels]
    if value.sampled:
        out["sampled"] = True
    out["values"] = [encode_number(x) for x in value.values.ravel(order="C").tolist()]
    return out


def decode_value(data: Mapping[str, Any]) -> Value:
    """Inverse of :func:`encode_value`."""
    if "text" in data:
        return Text(_texts(data["text"]))
    if "strings" in data:
        return Strings(_texts(data["strings"]))
    values = np.array([decode_number(x) for x in data["values"]], dtype=np.float64).reshape(data["dim"])
    spelled = data.get("labels", [None] * values.ndim)
    labels = tuple(_decode_labels(names, size) for names, size in zip(spelled, values.shape, strict=True))
    return Labelled(values, labels, bool(data.get("sampled", False)))


def _encode_labels(names: tuple[str, ...] | None) -> Any:
    if names is not None and len(names) > 3 and names == tuple(str(i + 1) for i in range(len(names))):
        return {"1..": len(names)}
    return None if names is None else list(names)


def _decode_labels(data: Any, size: int) -> tuple[str, ...] | None:
    if isinstance(data, dict):
        if data["1.."] != size:
            raise ValueError(f"{data['1..']!r:.20} labels for {size} values")
        return tuple(str(i + 1) for i in range(size))
    return None if data is None else _texts(data)


# ----------------------------------------------------------------------------------------------------------- results


def to_json(results: Results) -> str:
    """Readable JSON: one quantity a line."""
    head = {
        "case": results.case,
        "stamp": dict(results.stamp),
        "messages": list(results.messages),
        "warnings": list(results.warnings),
        "error": results.error,
    }
    lines = ["{"]
    lines += [f" {json.dumps(key)}: {json.dumps(item, indent=1, sort_keys=True)}," for key, item in head.items()]
    for key, values in (("values", results.values), ("tight", results.tight)):
        body = [f"  {json.dumps(name)}: {json.dumps(encode_value(value))}" for name, value in values.items()]
        lines += [f" {json.dumps(key)}: {{", ",\n".join(body), " }" + ("," if key == "values" else "")]
    return "\n".join([*lines, "}", ""])


def from_json(text: str) -> Results:
    """Inverse of :func:`to_json`.

    Raises
    ------
    DamagedResults
        The text is something else, truncated, or its parts do not fit together.
    """
    try:
        return _read(json.loads(text, object_pairs_hook=_unique))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as err:
        raise DamagedResults(
            f"these are no results of rcompare, or damaged ones: {type(err).__name__}: {err}"
        ) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a key occurs twice")
    return table


def _texts(data: Any) -> tuple[str, ...]:
    if not isinstance(data, list) or not all(isinstance(item, str) for item in data):
        raise ValueError(f"{data!r:.60} is no list of texts")
    return tuple(data)


def _read(data: Any) -> Results:
    if not isinstance(data["case"], str) or not isinstance(data["stamp"], dict):
        raise ValueError("the head is damaged")
    return Results(
        case=data["case"],
        values={name: decode_value(value) for name, value in data["values"].items()},
        stamp=data["stamp"],
        tight={name: decode_value(value) for name, value in data["tight"].items()},
        messages=_texts(data["messages"]),
        warnings=_texts(data["warnings"]),
        error=None if data["error"] is None else str(data["error"]),
    )


def content_hash(results: Results) -> str:
    """SHA-256 of all answers with their stamp, by which a file that was changed by hand is known."""
    stamp = {key: value for key, value in results.stamp.items() if key != "content_hash"}
    return sha256(to_json(replace(results, stamp=stamp)).encode()).hexdigest()


def write_results(results: Results, folder: Path) -> Path:
    """Write ``<case>.json`` (``.json.gz`` when large) into a folder, replacing what was there; gives the path.

    The stamp gets the hash of the content.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stamp = {**results.stamp, "content_hash": content_hash(results)}
    text = to_json(replace(results, stamp=stamp)).encode()
    plain, packed = folder / f"{results.case}.json", folder / f"{results.case}.json.gz"
    small = len(text) < COMPRESS_FROM
    new, old = (plain, packed) if small else (packed, plain)
    write_whole(new, text if small else gzip.compress(text, 9, mtime=0))
    old.unlink(missing_ok=True)
    return new


def _text_of(path: Path) -> str:
    """The text of a file, unpacked; one that unpacks to more than any results have is not read to its end."""
    try:
        if path.suffix != ".gz":
            return path.read_text(encoding="utf-8")
        with gzip.open(path) as file:
            data = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as err:
        raise DamagedResults(f"it cannot be read ({err})") from None
    if len(data) > LARGEST:
        raise DamagedResults(f"it unpacks to more than {LARGEST} bytes")
    return data.decode(errors="replace")


def read_results(folder: Path, case: str) -> Results:
    """Read what :func:`write_results` wrote.

    Raises
    ------
    FileNotFoundError
        If the folder has no file for the case.
    DamagedResults
        If the file is truncated, or something else.
    """
    plain, packed = folder / f"{case}.json", folder / f"{case}.json.gz"
    for path in (plain, packed):
        if path.exists():
            try:
                return from_json(_text_of(path))
            except DamagedResults as err:
                raise DamagedResults(f"{path}: {err}; write it anew with: rcompare record {case}") from None
    raise FileNotFoundError(f"no golden file for case {case!r} in {folder}; write it with: rcompare record {case}")
