"""Comparisons as JUnit XML, which every CI service reads: one suite a case, one test a quantity and stage."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
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
        _properties(suite, c)
        for d in c.differences:
            _test(suite, d)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _properties(suite: ET.Element, c: Comparison) -> None:
    """Formula, verdict on the optimum, and who answered."""
    found = {"formula": c.case.formula, "optimum": "" if c.optimum is None else c.optimum.sentence}
    for side, name, stamp in zip(("ours", "theirs"), c.names, c.stamps, strict=True):
        found[side] = name
        found |= {f"{side}.{key}": value for key, value in stamp.items() if not isinstance(value, Mapping)}
        packages = stamp.get("packages", {})
        found |= {f"{side}.packages.{key}": value for key, value in packages.items()}
    properties = ET.SubElement(suite, "properties")
    for key, value in found.items():
        if value not in ("", None):
            ET.SubElement(properties, "property", name=_clean(key), value=_clean(str(value)))


def _test(suite: ET.Element, d: Difference) -> None:
    test = ET.SubElement(suite, "testcase", classname=f"{d.case}.{d.stage_name}", name=d.quantity)
    if d.fails:
        place = f" at {d.where}" if d.where else ""
        values = f"{d.ours or 'nothing'} against {d.theirs or 'nothing'}"
        message = f"{d.status}: {values}{place}; {d.note}".removesuffix("; ")
        failure = ET.SubElement(test, "failure", type=d.status, message=_clean(message))
        failure.text = _clean(_details(d))
    elif d.status in ("not offered", "waived"):
        ET.SubElement(test, "skipped", message=_clean(f"{d.status}: {d.note}"))


def _details(d: Difference) -> str:
    if d.text is None:
        return d.note if math.isnan(d.size) else f"difference {d.size:.3g}, allowed {d.tolerance:.3g}"
    return "\n".join(f"line {t.number} ({t.kind})\n  ours   {t.ours}\n  theirs {t.theirs}" for t in d.text.lines)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("?", text)
