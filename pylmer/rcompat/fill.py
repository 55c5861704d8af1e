"""R's ways to break lines: cat(fill = TRUE) and strwrap()."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from pylmer.rcompat.options import current_options

__all__ = ["cat_fill", "strwrap"]


def strwrap(text: str, width: int, exdent: int = 0, prefix: str = "") -> list[str]:
    """Break a paragraph in lines shorter than `width`, as R's ``strwrap()``.

    Parameters
    ----------
    text
        A paragraph; white space between words counts as one space.
    width
        Every line, prefix included, is shorter, unless a single word is not.
    exdent
        Spaces before each line but the first.
    prefix
        Put before every line.

    Returns
    -------
    list of str
    """
    return [
        prefix + line
        for line in textwrap.wrap(
            " ".join(text.split()),
            max(width - 1 - len(prefix), 1),
            subsequent_indent=" " * exdent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]


def cat_fill(items: Sequence[str], sep: str = " ", width: int | None = None) -> str:
    """Put texts in a row and start a new line before one that would go beyond the width, as R's ``cat(fill=)``.

    As in R the separator stays at the end of the line, and lengths are counted in bytes.

    Parameters
    ----------
    items
        The texts.
    sep
        Between the texts.
    width
        Default the option ``width``.

    Returns
    -------
    str
        Lines without a last newline.

    Examples
    --------
    >>> cat_fill(["Formula:", "y ~ x"])
    'Formula: y ~ x'
    """
    width = current_options().width if width is None else width
    text, used = "", 0
    for i, item in enumerate(items):
        size = len(item.encode()) + len(sep)
        if i:
            text += sep
        if used and used + size > width:
            text, used = text + "\n", 0
        text, used = text + item, used + size
    return text
