"""R's named list: in order, by name or by position, and a name may come more than once."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from typing import TypeVar

__all__ = ["NamedList"]

V = TypeVar("V")


class NamedList(Mapping[str, V]):
    """A mapping in which a name may come more than once, as in R.

    ``x[name]`` is the first value of that name (R's ``x$name``), ``x[i]`` the i-th counted from 0; iteration,
    ``values()`` and ``items()`` go through all of them.

    Parameters
    ----------
    pairs
        Names and values.

    Examples
    --------
    >>> x = NamedList([("Subject", 1.5), ("Subject", 0.25)])
    >>> x["Subject"], x[1], list(x), list(x.values())
    (1.5, 0.25, ['Subject', 'Subject'], [1.5, 0.25])
    """

    def __init__(self, pairs: Iterable[tuple[str, V]]) -> None:
        self.pairs: tuple[tuple[str, V], ...] = tuple(pairs)

    def __getitem__(self, name: str | int) -> V:
        if isinstance(name, int):
            return self.pairs[name][1]
        for key, value in self.pairs:
            if key == name:
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, NamedList):
            return self.pairs == other.pairs
        return isinstance(other, Mapping) and list(self.pairs) == list(other.items())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"NamedList({list(self.pairs)!r})"

    def values(self) -> ValuesView[V]:
        """All values, in order."""
        return _Values(self)

    def items(self) -> ItemsView[str, V]:
        """All names with their values, in order."""
        return _Items(self)


class _Values(ValuesView[V]):
    _mapping: NamedList[V]

    def __iter__(self) -> Iterator[V]:
        return (value for _, value in self._mapping.pairs)

    def __contains__(self, value: object) -> bool:
        return any(value is own or value == own for own in self)


class _Items(ItemsView[str, V]):
    _mapping: NamedList[V]

    def __iter__(self) -> Iterator[tuple[str, V]]:
        return iter(self._mapping.pairs)
