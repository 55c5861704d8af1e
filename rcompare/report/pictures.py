"""Pictures for the HTML page, as SVG: what differs beside what is allowed, and the random effects of both engines."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from markupsafe import Markup, escape

from rcompare.differences import Comparison, Difference, Effects

__all__ = ["caterpillar", "closeness"]

LEFT, RIGHT, ROW = 190.0, 560.0, 13.0
SMALLEST = -16.0
DECADES = (-16, -12, -8, -4, 0)


def closeness(c: Comparison) -> Markup:
    """Draw one dot a number compared: its difference on a scale of powers of ten, beside a tick at what is allowed."""
    rows = [d for d in c.differences if not math.isnan(d.size) and d.tolerance > 0]
    if not rows:
        return Markup("")
    height = ROW * (len(rows) + 3)
    parts = [_line(_x(10.0**p), ROW, _x(10.0**p), height - ROW * 1.6, "grid") for p in DECADES]
    parts += [_text(_x(10.0**p), height - 4, f"1e{p}" if p else "1", "middle") for p in DECADES]
    for i, d in enumerate(rows):
        parts += _row(d, ROW * (i + 1.8))
    return _svg(parts, height, f"Differences (dots) beside what is allowed (bars), {c.case.id}")


def _row(d: Difference, y: float) -> list[Markup]:
    style = "bad" if d.fails else "good"
    x, limit = _x(abs(d.size)), _x(d.tolerance)
    stage = "θ" if d.stage == 1 else {0: "0", 2: "opt", 3: "inf", 4: "txt"}[d.stage]
    name = f"{d.quantity} ({stage})"
    return [
        _text(LEFT - 8, y + 3, name, "end"),
        _line(LEFT, y, x, y, f"stem {style}"),
        _line(limit, y - 4, limit, y + 4, "limit"),
        Markup('<circle cx="{:.1f}" cy="{:.1f}" r="3" class="{}"><title>{}</title></circle>').format(
            x, y, style, f"{name}: {d.size:.2g}, allowed {d.tolerance:.0e}"
        ),
    ]


def _x(size: float) -> float:
    power = max(SMALLEST, min(0.5, math.log10(size))) if size > 0 else SMALLEST
    return LEFT + (power - SMALLEST) / (0.5 - SMALLEST) * (RIGHT - LEFT)


def caterpillar(c: Comparison) -> Markup:
    """Draw the random effects of the first term: both engines' conditional modes and intervals, by size."""
    e = c.effects
    if e is None:
        return Markup("")
    ends = [v + s * 1.96 * sd for v, sd in zip(e.theirs, e.theirs_sd, strict=True) for s in (-1, 1)]
    ends += [v + s * 1.96 * sd for v, sd in zip(e.ours, e.ours_sd, strict=True) for s in (-1, 1)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    wide = (high - low) or 1.0

    def at(value: float) -> float:
        return LEFT + (value - low) / wide * (RIGHT - LEFT)

    height = ROW * (len(e.labels) + 3)
    parts = [_line(at(0.0), ROW, at(0.0), height - ROW * 1.6, "grid")]
    parts += [_text(at(v), height - 4, f"{v:.3g}", "middle") for v in dict.fromkeys((low, 0.0, high))]
    for i, label in enumerate(e.labels):
        parts += _effect(e, i, ROW * (i + 1.8), label, at)
    return _svg(parts, height, f"{e.what}: {c.names[0]} (filled) and {c.names[1]} (rings), with 95 % intervals")


def _effect(e: Effects, i: int, y: float, label: str, at: Callable[[float], float]) -> list[Markup]:
    ours, theirs = (e.ours[i], e.ours_sd[i], "ours"), (e.theirs[i], e.theirs_sd[i], "theirs")
    parts = [_text(LEFT - 8, y + 3, label, "end")]
    for (value, sd, style), shift in ((theirs, 1.5), (ours, -1.5)):
        parts.append(_line(at(value - 1.96 * sd), y + shift, at(value + 1.96 * sd), y + shift, f"stem {style}"))
    for value, _, style in (ours, theirs):
        r = 3 if style == "ours" else 4.5
        parts.append(Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{}" class="{}"/>').format(at(value), y, r, style))
    return parts


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> Markup:
    return Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>').format(x1, y1, x2, y2, style)


def _text(x: float, y: float, said: str, anchor: str) -> Markup:
    shown = said if len(said) <= 30 else said[:29] + "…"
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(x, y, anchor, shown)


def _svg(parts: Iterable[Markup], height: float, title: str) -> Markup:
    body = Markup("").join(parts)
    head = Markup('<figure><svg viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}" class="picture">').format(
        RIGHT + 20, height, title
    )
    return head + body + Markup("</svg><figcaption>") + escape(title) + Markup("</figcaption></figure>")
