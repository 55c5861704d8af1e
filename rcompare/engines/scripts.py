"""The R scripts that take a fit apart, known by their hash."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

__all__ = ["SCRIPTS", "script_hash"]

NAMES = ("data.R", "extract.R", "surface.R", "surface_parts.R", "surface_tools.R")
SCRIPTS = tuple(Path(__file__).parent / name for name in NAMES)


def script_hash() -> str:
    """SHA-256 of the R scripts."""
    return sha256(b"".join(path.read_bytes() for path in SCRIPTS)).hexdigest()
