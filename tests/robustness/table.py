"""The table that ``ci/robustness`` prints, in Markdown: bad inputs, faults, fuzzing, bits, and gaps to R."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np
from answers import answer, prepare
from bad_calls import CALLS, DOUBTS, OWN, SAME
from faults import injected
from fuzzing import TARGETS, fuzz, fuzz_by_coverage
from hard_models import Gap, gap, hard_models
from junk_arguments import outcome, tries
from same_bits import MACHINES, difference, run

from rcompare.engines.r import RSession, r_session

MEANING = {
    SAME: "as R says",
    OWN: "refused, as in R, in own words",
    DOUBTS: "both warn",
    "stricter": "refused; R goes on",
}
LIMIT = 1e-6


def row(*cells: object) -> str:
    """One line of a table."""
    return "| " + " | ".join(" ".join(str(c).split()).replace("|", "\\|") for c in cells) + " |"


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A heading and a table."""
    print(f"\n## {title}\n\n{row(*head)}\n{row(*['---'] * len(head))}")
    for cells in rows:
        print(row(*cells))


def bad_inputs(R: RSession) -> int:
    """Every bad call, and how each engine answered."""
    prepare(R)
    rows, wrong = [], 0
    for bad in CALLS:
        ours, theirs, why = answer(bad, R)
        wrong += bool(why)
        spoken = [f"{kind}: {text[:90]}" for kind, text in theirs]
        own = [f"{kind}: {text[:140]}" for kind, text in ours]
        rows.append((f"`{bad.id}`", "; ".join(spoken) or "(silent)", "; ".join(own), why or MEANING[bad.answer]))
    show(f"Bad inputs: {len(CALLS)} tried, {wrong} answered wrongly", ("call", "R", "pylmer", "judged"), rows)
    found = [outcome(call) for _, call in tries(slow=True)]
    counts = Counter(found)
    foreign = [text for text in found if text not in ("refused", "answered")]
    print(
        f"\nJunk for every argument: {len(found)} calls, {counts['refused']} refused, {counts['answered']} answered, "
    )
    print(f"{len(foreign)} with an error of another library. {'; '.join(foreign[:5])}")
    return wrong + len(foreign)


def faults() -> int:
    """Every fault."""
    rows = [(f.name, f.answer[:160], f.lost) for f in injected()]
    show(f"Faults: {len(rows)} injected", ("fault", "answer", "lost"), rows)
    return sum(not r[2].startswith("nothing") or r[1] == "nothing" for r in rows)


def fuzzers(seconds: int, python: str) -> int:
    """Each target, by mutations and by coverage."""
    rows, found = [], 0
    for target in TARGETS:
        for one in (fuzz(target, seconds), fuzz_by_coverage(target, seconds, python)):
            if one is not None:
                found += len(one.findings)
                rows.append(
                    (target, one.way, f"{one.seconds:.0f} s", one.runs, "; ".join(one.findings)[:200] or "none")
                )
    show("Fuzzing", ("target", "way", "time", "inputs", "findings"), rows)
    return found


def bits() -> int:
    """The same bits."""
    alone = run()
    settings = {"again": {}, "2 threads": {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}}
    settings |= {f"kernels of {m}": {"OPENBLAS_CORETYPE": m} for m in MACHINES}
    rows = []
    for name, environment in settings.items():
        found = difference(alone, run(**environment)).values()
        different, numbers = sum(d.different for d in found), sum(d.numbers for d in found)
        rows.append((name, f"{different} of {numbers}", f"{max(d.largest for d in found):.1e}"))
    show(
        "Bits: seven fits and bootstraps, each in a process of its own", ("run", "numbers that differ", "largest"), rows
    )
    return sum(not r[1].startswith("0 ") for r in rows[:2])


def gaps(R: RSession, count: int) -> int:
    """Hard models against R's tightest optimum."""
    found = [gap(hard, R) for hard in hard_models(0, count)]
    both = [g for g in found if not g.error]
    above = [g for g in both if g.exact > LIMIT]
    quiet = [g for g in above if not g.doubts]
    kinds = sorted({g.hard.kind for g in found})
    head = (
        "kind",
        "models",
        "highest above R",
        "lowest below R",
        "rounding",
        "R's rounding",
        "told in doubt",
        "refused",
    )
    show(
        f"Hard models: {count} generated, both optima evaluated exactly; {len(above)} above R by more than {LIMIT:g}, "
        f"{len(quiet)} of them quietly",
        head,
        [_kind(kind, [g for g in found if g.hard.kind == kind]) for kind in (*kinds,)] + [_kind("all", found)],
    )
    for g in above:
        print(f"\n- {g.hard.id}: {g.exact:.2g} above; told: {'; '.join(g.doubts)[:150] or 'nothing'}")
    refused = [g for g in found if g.error]
    for g in refused:
        print(f"\n- {g.hard.id}: {g.error[:120]}")
    return len(quiet) + sum(g.error.startswith("pylmer") for g in refused)


def _kind(kind: str, found: Sequence[Gap]) -> tuple[object, ...]:
    both = [g for g in found if not g.error]
    exact = np.array([g.exact for g in both])
    ours, theirs = (
        max(abs(v) for v in values) for values in zip(*((g.rounding, g.r_rounding) for g in both), strict=True)
    )
    doubted, refused = sum(bool(g.doubts) for g in both), len(found) - len(both)
    numbers = (f"{v:.1e}" for v in (exact.max(), exact.min(), ours, theirs))
    return (kind, len(found), *numbers, doubted, refused)


def main() -> int:
    """Print every section and return how many things were not as they must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=300, help="hard models to generate (300)")
    parser.add_argument("--seconds", type=int, default=60, help="of each fuzzer on each target (60)")
    parser.add_argument("--fuzz-python", default=sys.executable, help="a Python that has atheris")
    parser.add_argument("--only", nargs="*", choices=["inputs", "faults", "fuzzing", "bits", "gaps"], default=None)
    asked = parser.parse_args()
    parts = {
        "inputs": lambda: bad_inputs(r_session()),
        "faults": faults,
        "fuzzing": lambda: fuzzers(asked.seconds, asked.fuzz_python),
        "bits": bits,
        "gaps": lambda: gaps(r_session(), asked.models),
    }
    wrong = {name: part() for name, part in parts.items() if asked.only is None or name in asked.only}
    print("\nNot as it must be: " + (", ".join(f"{name} {n}" for name, n in wrong.items() if n) or "nothing"))
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
