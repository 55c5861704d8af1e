"""Comparisons as JUnit XML, which every CI service reads: one suite a case, one test a quantity and stage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from rcompare.differences import Comparison, Difference

__all__ = ["as_junit"]

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")


def as_junit(comparisons: Sequence[Comparison]) -> str:
    """Write comparisons as JUnit XML text."""
    root = ET.Element("testsuites", name="rcompare")
    for c in comparisons:
        skipped = sum(d.status in ("not offered", "waived") for d in c.differences)
        suite = ET.SubElement(
            root,
            "testsuite",
            name=c.case.id,
            tests=str(len(c.differences)),
            failures=str(len(c.failures)),
            errors="0",
            skipped=str(skipped),
        )
        for d in c.differences:
            _test(suite, d)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _test(suite: ET.Element, d: Difference) -> None:
    test = ET.SubElement(suite, "testcase", classname=f"{d.case}.{d.stage_name}", name=d.quantity)
    if d.fails:
        message = f"{d.status}: {d.ours} against {d.theirs} at {d.where or 'the only place'}; {d.note}"
        failure = ET.SubElement(test, "failure", type=d.status, message=_clean(message))
        failure.text = _clean(_details(d))
    elif d.status in ("not offered", "waived"):
        ET.SubElement(test, "skipped", message=_clean(f"{d.status}: {d.note}"))


def _details(d: Difference) -> str:
    if d.text is None:
        return f"difference {d.size:.3g}, allowed {d.tolerance:.3g}"
    return "\n".join(f"line {t.number} ({t.kind})\n  ours   {t.ours}\n  theirs {t.theirs}" for t in d.text.lines)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("?", text)
