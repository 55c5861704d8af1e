"""Recording: R answers each case in a process of its own, and only R's answers become golden files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from rcompare.case import Case

__all__ = ["RecordingError", "record"]

ENVIRONMENT = {
    "LC_ALL": "C",
    "LANGUAGE": "en",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONUTF8": "1",
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
}


class RecordingError(RuntimeError):
    """R could not answer a case at all; the text is what the process said."""


def record(cases: Iterable[Case], folder: Path, case_files: Iterable[Path]) -> Iterator[tuple[Case, Path]]:
    """Record cases one after the other.

    Parameters
    ----------
    cases
        What to record.
    folder
        Root of the golden files; a folder for the version of lme4 is made in it.
    case_files
        The files that the cases were read from.

    Yields
    ------
    tuple
        Each case with the path of its golden file.

    Raises
    ------
    RecordingError
        If a process fails.
    """
    prefix = ["setarch", "-R"] if shutil.which("setarch") else []
    files = [str(path) for path in case_files]
    for case in cases:
        command = [*prefix, sys.executable, "-m", "rcompare.engines.worker", case.id, str(folder), *files]
        done = subprocess.run(command, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = "\n".join(done.stderr.strip().splitlines()[-6:])
            raise RecordingError(f"case {case.id}: R's process ended with code {done.returncode}:\n{said}")
        yield case, Path(done.stdout.strip().splitlines()[-1])
