from __future__ import annotations

import pytest

from pylmer.rcompat.named_list import NamedList


def test_a_name_may_come_twice() -> None:
    x = NamedList([("a", 1), ("b", 2), ("a", 3)])
    assert list(x) == ["a", "b", "a"]
    assert list(x.values()) == [1, 2, 3]
    assert list(x.items()) == [("a", 1), ("b", 2), ("a", 3)]
    assert (x["a"], x["b"], x[2], x[-1], len(x)) == (1, 2, 3, 3, 3)
    assert dict(x) == {"a": 1, "b": 2}
    assert "b" in x
    assert "c" not in x
    assert 3 in x.values()
    assert ("a", 3) in list(x.items())


def test_what_is_not_there() -> None:
    x = NamedList([("a", 1)])
    with pytest.raises(KeyError):
        x["z"]
    with pytest.raises(IndexError):
        x[1]
    assert x.get("z") is None


def test_equality() -> None:
    x = NamedList([("a", 1), ("b", 2)])
    assert x == {"a": 1, "b": 2}
    assert x == NamedList([("a", 1), ("b", 2)])
    assert x != NamedList([("b", 2), ("a", 1)])
    assert repr(x) == "NamedList([('a', 1), ('b', 2)])"
