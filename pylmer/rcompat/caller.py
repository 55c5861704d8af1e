"""What the caller calls a value: R keeps the call unevaluated, Python can look among the names of the caller."""

from __future__ import annotations

from types import FrameType

__all__ = ["name_of"]


def name_of(value: object, frame: FrameType) -> str | None:
    """The name of a variable of ``frame`` that is this very object; None where there is none.

    Parameters
    ----------
    value
        Anything but None.
    frame
        The caller, ``sys._getframe(1)`` in the function that was called.
    """
    if value is None:
        return None
    for scope in (frame.f_locals, frame.f_globals):
        for name, bound in scope.items():
            if bound is value and not name.startswith("_"):
                return name
    return None
