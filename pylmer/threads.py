"""One BLAS thread where several would change the last bits.

Libraries of linear algebra split large products among threads, and a sum that is split otherwise is rounded otherwise:
the same fit would differ in its last digits from one number of threads to another. Small products are never split.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

__all__ = ["one_thread"]

#: Up to so many cells no library splits a product.
SMALL = 4_000

_lock = threading.Lock()
_inside = 0
_limit: Any = None


@lru_cache(maxsize=1)
def _libraries() -> Any:
    import scipy.linalg  # noqa: F401  (its library is another than NumPy's, and must be loaded to be found)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_thread(cells: int) -> Iterator[None]:
    """Compute with one BLAS thread, if the largest matrix at work has so many ``cells`` that it matters.

    The number of threads is the process's, so what several of its own threads ask for is counted: the first to come
    sets it, the last to go sets it back.

    Examples
    --------
    >>> with one_thread(1_000_000):
    ...     pass
    """
    global _inside, _limit
    if cells <= SMALL:
        yield
        return
    with _lock:
        _inside += 1
        if _inside == 1:
            _limit = _libraries().limit(limits=1, user_api="blas")
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limit.restore_original_limits()
