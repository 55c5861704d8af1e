"""Records that have R's text, which is made in the room of printing and not by the record."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

__all__ = ["Printable", "as_text"]


@singledispatch
def as_text(x: Any, **settings: Any) -> str:
    """R's text of an object, without a last newline.

    The functions that make text stand in ``pylmer.printing`` and register themselves here with
    ``@as_text.register(SomeRecord)``, so that the records need not know them.

    Parameters
    ----------
    x
        A record.
    **settings
        What R's ``print`` method of such a record takes, for example ``digits=``.
    """
    raise TypeError(f"no text is known for an object of class {type(x).__name__}")


class Printable:
    """Base of records whose ``str()`` and ``repr()`` are R's text (for dataclasses: ``@dataclass(repr=False)``)."""

    def text(self, **settings: Any) -> str:
        """R's text with settings of R's print method, for example ``digits=3``."""
        return as_text(self, **settings)

    def __str__(self) -> str:
        return as_text(self)

    def __repr__(self) -> str:
        return as_text(self)
