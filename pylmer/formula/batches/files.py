"""Files of rows: Parquet, Arrow and text, one or many, as an Arrow dataset."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pylmer.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

__all__ = ["Files", "opened"]

TAIL = 65_536
MANY_FILES = 256
TEXT_FORMATS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
ARROW_FORMATS = {".parquet": "parquet", ".pq": "parquet", ".feather": "feather", ".arrow": "feather", ".ipc": "feather"}


def opened(paths: Sequence[str | os.PathLike[str]]) -> Files:
    """Files of one kind, or one folder, as a dataset."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    for path in paths:
        if not Path(path).exists():
            advice = "" if Path(path).suffix else "; give a data frame itself, without quotes"
            raise DataError(f"cannot open file '{path}': No such file or directory{advice}")
    names = [str(Path(path)) for path in paths]
    kind: Any = _format_of([Path(name) for name in names])
    try:
        whole = ds.dataset(names[0] if len(names) == 1 else names, format=kind, partitioning=_partitioning(names))
        return Files(whole)
    except (pa.ArrowInvalid, OSError, ValueError) as error:
        raise DataError(f"cannot read {names[0]}: {error}") from None


def _partitioning(names: Sequence[str]) -> str | None:
    return "hive" if len(names) == 1 and Path(names[0]).is_dir() else None


def _format_of(paths: Sequence[Path]) -> object:
    inside = (path for folder in paths for path in (sorted(folder.rglob("*")) if folder.is_dir() else [folder]))
    suffixes = {path.suffix.lower() for path in inside if path.is_file() and path.name[0] not in "._"}
    suffixes -= {".gz"} if len(suffixes) == 1 else set()
    kinds = {ARROW_FORMATS.get(s, "text" if s in TEXT_FORMATS else s) for s in suffixes}
    if kinds <= {"text"} and len(suffixes) == 1:
        return _csv(TEXT_FORMATS[suffixes.pop()])
    if len(kinds) == 1 and kinds <= set(ARROW_FORMATS.values()):
        return kinds.pop()
    known = ", ".join([*ARROW_FORMATS, *TEXT_FORMATS])
    raise DataError(f"'data' is {str(paths[0])!r}: one kind of file is read, known by its ending ({known})")


def _csv(delimiter: str) -> ds.CsvFileFormat:
    """Text with a heading; empty fields and NA are missing, also among strings."""
    import pyarrow.csv as csv
    import pyarrow.dataset as ds

    return ds.CsvFileFormat(
        parse_options=csv.ParseOptions(delimiter=delimiter),
        convert_options=csv.ConvertOptions(strings_can_be_null=True),
    )


@dataclass(frozen=True)
class Files:
    """An Arrow dataset: files, a folder of files."""

    dataset: ds.Dataset

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.dataset.schema.names)

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        """Arrow types of the columns."""
        return {f.name: f.type for f in self.dataset.schema}

    def batches(self, columns: Sequence[str], size: int) -> Iterator[pa.Table]:
        """Some columns, a batch at a time, in the order of the files."""
        return self._parquet(columns, size) if self._is_plain_parquet(columns) else self._scanned(columns, size)

    def _is_plain_parquet(self, columns: Sequence[str]) -> bool:
        """Whether the files have the columns themselves, typed as the dataset says."""
        if getattr(getattr(self.dataset, "format", None), "default_extname", "") != "parquet":
            return False
        for fragment in self.dataset.get_fragments():
            physical = fragment.physical_schema
            if any(physical.get_field_index(c) < 0 for c in columns):
                return False
        return True

    def _parquet(self, columns: Sequence[str], size: int) -> Iterator[pa.Table]:
        """Page by page, whatever the size of a row group; strings come as codes into a dictionary."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        strings = [c for c in columns if _is_string(self.types[c])]
        for path in self.dataset.files:
            with self.dataset.filesystem.open_input_file(path) as opened:
                file = pq.ParquetFile(opened, read_dictionary=strings, buffer_size=1 << 20, pre_buffer=False)
                for batch in file.iter_batches(batch_size=size, columns=list(columns), use_threads=False):
                    yield pa.Table.from_batches([batch]).select(list(columns))

    def _scanned(self, columns: Sequence[str], size: int) -> Iterator[pa.Table]:
        import pyarrow as pa

        scanner = self.dataset.scanner(
            columns=list(columns), batch_size=size, batch_readahead=1, fragment_readahead=1, use_threads=False
        )
        for batch in scanner.to_batches():
            yield pa.Table.from_batches([batch])

    def fingerprint(self) -> object:
        """Size, time and last bytes of each file: Parquet keeps there what says all about the file."""
        files = getattr(self.dataset, "files", None)
        if files is None:
            return None
        system = self.dataset.filesystem
        stats = [(info.path, info.size, info.mtime_ns) for info in system.get_file_info(files)]
        tails = []
        for path, size, _ in stats[:MANY_FILES]:
            if size is None:
                tails.append(b"")
                continue
            with system.open_input_file(path) as opened:
                opened.seek(max(0, size - TAIL))
                tails.append(opened.read(TAIL))
        return stats, tails


def _is_string(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
