"""No argument of any kind brings an error of another library to the user."""

from __future__ import annotations

from junk_arguments import outcome, tries


def test_junk_is_refused_or_answered(capsys) -> None:
    found = {label: outcome(call) for label, call in tries()}
    foreign = {label: text for label, text in found.items() if text not in ("refused", "answered")}
    assert foreign == {}
    assert list(found.values()).count("refused") > 1000
