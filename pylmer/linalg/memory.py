"""How much memory there is, and refusing what would not fit before anything of it is allocated."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from pylmer.errors import ModelError

__all__ = [
    "Estimate",
    "allowed_memory",
    "available_memory",
    "bytes_of_rows",
    "memory_limit",
    "memory_text",
    "refuse_too_large",
]

#: Share of the available memory that a fit may take where no limit is given.
SHARE = 0.9
_LIMIT: ContextVar[float | None] = ContextVar("memory limit", default=None)
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


@dataclass(frozen=True)
class Estimate:
    """What a way to store and factorize the cross-products takes.

    Parameters
    ----------
    structure
        ``"one factor"``, ``"dense"`` (a dense square behind the leading factor) or ``"sparse"`` (fronts).
    bytes
        Most memory at any time, beyond the cross-products themselves; for one evaluation with derivatives.
    seconds
        A guess at the time of one evaluation.
    """

    structure: str
    bytes: int
    seconds: float


def bytes_of_rows(n: int, p: int, widths: Sequence[int]) -> int:
    """Most memory that ``n`` rows take on the way to their cross-products: matrices, codes and products of columns.

    Parameters
    ----------
    n, p
        Numbers of rows and of fixed effects.
    widths
        Per grouping factor, the number of its columns.

    Examples
    --------
    >>> bytes_of_rows(1000, 2, [1, 1])
    280000
    """
    pairs = [a * b for i, a in enumerate(widths) for b in widths[:i]]
    columns = 2 * p + 2 + 2 * sum(widths) + 6 * len(widths)
    return 8 * n * (columns + 2 * (p + 1) + max(widths) + 4 * max(pairs, default=0) + 2 * sum(pairs))


def available_memory() -> float:
    """Bytes that this process may still take; infinity where the system does not tell.

    Examples
    --------
    >>> available_memory() > 0
    True
    """
    found = [_from_meminfo(), *(_from_cgroup(*files) for files in _CGROUPS)]
    return min((one for one in found if one is not None), default=_physical())


def _from_meminfo() -> float | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    kilobytes = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return 1024.0 * float(kilobytes[0]) if kilobytes else None


def _from_cgroup(limit: str, used: str) -> float | None:
    try:
        most = Path(limit).read_text().strip()
        return None if most == "max" else max(0.0, float(most) - float(Path(used).read_text()))
    except (OSError, ValueError):
        return None


def _physical() -> float:
    try:
        return float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return float("inf")


@contextmanager
def memory_limit(most: float | None) -> Iterator[None]:
    """Within the block, models that need more than ``most`` bytes are refused; None means the available memory."""
    token = _LIMIT.set(most)
    try:
        yield
    finally:
        _LIMIT.reset(token)


def allowed_memory() -> float:
    """Bytes that a fit may take."""
    limit = _LIMIT.get()
    return SHARE * available_memory() if limit is None else limit


def refuse_too_large(estimates: Sequence[Estimate], allowed: float) -> None:
    """Refuse a model that fits in no way.

    Raises
    ------
    ModelError
        With the least that would be needed, and what there is.
    """
    least = min(estimates, key=lambda e: e.bytes)
    if least.bytes > allowed:
        ways = ", ".join(f"{e.structure}: {memory_text(e.bytes)}" for e in estimates)
        raise ModelError(
            f"the random effects of this model need about {memory_text(least.bytes)} of memory ({ways}), and "
            f"{memory_text(allowed)} may be taken: leave out a term, merge levels, or give "
            "lmerControl(max_memory=...), in bytes, where there is more"
        )


def memory_text(size: float) -> str:
    """Bytes in words: ``1.5 GB``."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size / 1e3:.3g} kB"
