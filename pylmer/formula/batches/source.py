"""Where batches of rows come from: files, datasets, iterables, one-shot readers; each can be gone through again.

Whatever the batches are, they leave here as Arrow tables of exactly ``BLOCK`` rows (the last one is shorter), so that
no result depends on how a file was cut into row groups or how many threads read it.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pandas as pd

from pylmer.errors import DataError
from pylmer.formula.batches.files import Files, opened
from pylmer.formula.table import Table

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")

__all__ = ["BLOCK", "Source", "ahead", "blocks", "in_batches", "open_source"]

BLOCK = 65_536
"""Rows that are worked on at once."""


class Source(Protocol):
    """Rows that can be gone through more than once."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        ...

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        """Arrow types of the columns, as far as they are known before the rows are read."""
        ...

    def batches(self, columns: Sequence[str], size: int) -> Iterator[pa.Table]:
        """Some columns, a batch at a time, in order; about ``size`` rows where batches can be of any size."""
        ...

    def fingerprint(self) -> object:
        """Something that differs when the data were changed; None where nothing can be said beforehand."""
        ...


def in_batches(data: object) -> bool:
    """Whether data are of a kind that is read in batches: a path, an Arrow dataset or reader, an iterable of tables."""
    if data is None or isinstance(data, (pd.DataFrame, Mapping, Table)):
        return False
    if isinstance(data, (str, os.PathLike)):
        return True
    if isinstance(data, (list, tuple)):
        return bool(data) and (_are_paths(data) or all(_is_table(part) for part in data))
    return (
        _is_arrow_stream(data)
        or _is_relation(data)
        or hasattr(data, "__next__")
        or (callable(data) and not _is_table(data))
    )


def _are_paths(data: Sequence[object]) -> bool:
    return all(isinstance(part, (str, os.PathLike)) for part in data)


def _is_table(data: object) -> bool:
    return isinstance(data, (pd.DataFrame, Mapping)) or hasattr(data, "__arrow_c_stream__") or _is_record_batch(data)


def _is_record_batch(data: object) -> bool:
    arrow = sys.modules.get("pyarrow")
    return arrow is not None and isinstance(data, arrow.RecordBatch)


def _is_arrow_stream(data: object) -> bool:
    arrow, datasets = sys.modules.get("pyarrow"), sys.modules.get("pyarrow.dataset")
    if arrow is not None and isinstance(data, arrow.RecordBatchReader):
        return True
    return datasets is not None and isinstance(data, datasets.Dataset)


def _is_relation(data: object) -> bool:
    """Whether this is a relation of DuckDB, which is computed anew whenever it is read."""
    return hasattr(data, "project") and (hasattr(data, "to_arrow_reader") or hasattr(data, "fetch_arrow_reader"))


def open_source(data: Any) -> Source:
    """Open data that :func:`in_batches` says yes to.

    Raises
    ------
    DataError
        If a file is not there, or of no known kind; if an iterable gives nothing, or no tables.
    """
    _need_pyarrow()
    if isinstance(data, (str, os.PathLike)):
        return opened([data])
    if isinstance(data, (list, tuple)):
        return opened(data) if _are_paths(data) else Repeated.of(lambda: iter(data))
    if _is_arrow_stream(data) and not hasattr(data, "read_next_batch"):
        return Files(data)
    if _is_relation(data):
        reader = data.to_arrow_reader if hasattr(data, "to_arrow_reader") else data.fetch_arrow_reader
        return Repeated.of(lambda: reader(BLOCK))
    if callable(data) and not hasattr(data, "__next__"):
        return Repeated.of(data)
    return Spooled.of(data)


def _need_pyarrow() -> None:
    try:
        import pyarrow.dataset  # noqa: F401
    except ImportError:
        raise DataError(
            "data in batches are read by pyarrow, which is not installed: pip install 'pylmer[batches]'"
        ) from None


@dataclass(frozen=True)
class Repeated:
    """A callable that gives a fresh iterable of tables each time."""

    make: Callable[[], Iterable[object]]
    schema: pa.Schema

    @classmethod
    def of(cls, make: Callable[[], Any]) -> Repeated:
        """Look at the first batch."""
        first = next(iter(_iterable(make())), None)
        if first is None:
            raise DataError("'data' gives no batch: there is no row to fit")
        return cls(make, _arrow(first).schema)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of the first batch."""
        return tuple(self.schema.names)

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        """Types of the columns of the first batch."""
        return {f.name: f.type for f in self.schema}

    def batches(self, columns: Sequence[str], size: int) -> Iterator[pa.Table]:
        """Some columns of each table."""
        for batch in _iterable(self.make()):
            yield _selected(_arrow(batch), columns)

    def fingerprint(self) -> object:
        """Nothing is known before the rows are read."""
        return None


def _iterable(made: Any) -> Iterable[object]:
    if _is_table(made) and not hasattr(made, "read_next_batch"):
        return [made]
    if not hasattr(made, "__iter__"):
        raise DataError(f"'data' gives a {type(made).__name__}: an iterable of tables is needed")
    return made  # type: ignore[no-any-return]


def _arrow(batch: Any) -> pa.Table:
    """A table of any make as an Arrow table; NaN of pandas is a missing value."""
    import pyarrow as pa

    try:
        if isinstance(batch, pa.RecordBatch):
            return pa.Table.from_batches([batch])
        if isinstance(batch, pd.DataFrame):
            return pa.Table.from_pandas(batch, preserve_index=False)
        if isinstance(batch, Mapping):
            return pa.table({str(k): pa.array(v, from_pandas=True) for k, v in batch.items()})
        if hasattr(batch, "__arrow_c_stream__"):
            return pa.table(batch)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise DataError(f"a batch cannot be read: {error}") from None
    raise DataError(f"a batch is a {type(batch).__name__}: give Arrow batches or data frames")


def _selected(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    absent = [c for c in columns if c not in table.column_names]
    if absent:
        raise DataError(f"a batch has no column {absent[0]!r}: it has {', '.join(table.column_names[:12])}")
    return table.select(list(columns))


@dataclass(eq=False)
class Spooled:
    """A reader that can be read once: the columns needed are copied to a temporary file on the first pass."""

    first: pa.Table
    rest: Iterator[object]
    kept: tuple[str, ...] = ()
    path: Path = field(default_factory=Path)

    @classmethod
    def of(cls, data: Any) -> Spooled:
        """Take the first batch, which says what columns there are."""
        rest = iter(data)
        first = next(rest, None)
        if first is None:
            raise DataError("'data' gives no batch: there is no row to fit")
        return cls(_arrow(first), rest)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of the first batch."""
        return tuple(self.first.column_names)

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        """Types of the columns of the first batch."""
        return {f.name: f.type for f in self.first.schema}

    def keep(self, columns: Sequence[str]) -> None:
        """Copy these columns of all batches to the temporary file, which goes when the fit goes."""
        import pyarrow as pa

        folder = tempfile.mkdtemp(prefix="pylmer")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.path = Path(folder) / "batches"
        self.kept = tuple(columns)
        with pa.OSFile(str(self.path), "wb") as file:
            for batch in chain([self.first], self.rest):
                table = _selected(_arrow(batch), columns)
                part = pa.BufferOutputStream()
                with pa.ipc.new_stream(part, table.schema) as stream:  # types may differ from batch to batch
                    stream.write_table(table)
                payload = part.getvalue()
                file.write(len(payload).to_bytes(8, "little"))
                file.write(payload)
        self.first = self.first.slice(0, 0)

    def batches(self, columns: Sequence[str], size: int) -> Iterator[pa.Table]:
        """Some of the columns kept."""
        import pyarrow as pa

        with pa.OSFile(str(self.path), "rb") as file:
            while size := int.from_bytes(file.read(8), "little"):
                yield pa.ipc.open_stream(file.read_buffer(size)).read_all().select(list(columns))

    def fingerprint(self) -> object:
        """The copy is our own."""
        return None


def blocks(source: Source, columns: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of a source in tables of ``BLOCK`` rows, the last one shorter; the next is read while one is used."""
    return ahead(_cut(_refused(source.batches(columns, BLOCK))))


def _refused(batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Arrow's errors as errors of the data."""
    import pyarrow as pa

    try:
        yield from batches
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OSError) as error:
        raise DataError(f"the data cannot be read: {error}") from None


def _cut(batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    rows = 0
    for batch in batches:
        start = 0
        while batch.num_rows - start >= BLOCK - rows:
            waiting.append(batch.slice(start, BLOCK - rows))
            start += BLOCK - rows
            yield _joined(waiting)
            waiting, rows = [], 0
        if batch.num_rows > start:
            waiting.append(batch.slice(start))
            rows += batch.num_rows - start
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[pa.Table]) -> pa.Table:
    import pyarrow as pa

    if len(parts) == 1:
        return parts[0]
    if all(part.schema.equals(parts[0].schema) for part in parts):
        return pa.concat_tables(parts)
    try:
        return pa.concat_tables(parts, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"batches have columns of different types: {error}") from None


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items in the same order, the next one made by another thread meanwhile."""
    with ThreadPoolExecutor(1, thread_name_prefix="pylmer-read") as reader:
        waiting = reader.submit(next, items, None)
        while (item := waiting.result()) is not None:
            waiting = reader.submit(next, items, None)
            yield item
