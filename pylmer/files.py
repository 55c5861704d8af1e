"""Files that are there whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from pylmer.errors import PylmerError

__all__ = ["FileError", "write_whole"]


class FileError(PylmerError, OSError):
    """A file that could not be written or read: which, and why."""


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that an error in the middle (a full disk, an interrupt) leaves what was there before.

    The content goes to a new file beside it, which then takes its name.

    Parameters
    ----------
    path
        The file; its folder must be there.
    content
        Text is written as UTF-8.

    Raises
    ------
    FileError
        If it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "a.txt", "whole")
    ...     (Path(folder) / "a.txt").read_text()
    'whole'
    """
    data = content.encode() if isinstance(content, str) else content
    beside = ""
    try:
        handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).chmod(_mode(path))
        Path(beside).replace(path)
        beside = ""
    except OSError as error:
        kept = "what was there before is unchanged" if path.exists() else "nothing was left behind"
        raise FileError(f"{path} could not be written ({error.strerror or error}): {kept}") from error
    finally:
        if beside:
            with contextlib.suppress(OSError):
                Path(beside).unlink()


def _mode(path: Path) -> int:
    """Permissions of the file that is there, or those of a new one."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
