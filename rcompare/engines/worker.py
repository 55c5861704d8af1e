"""One case answered by R in a process of its own: ``python -m rcompare.engines.worker ID FOLDER CASE_FILES...``.

The recorder starts it under ``setarch -R`` with ``LC_ALL=C`` and one BLAS thread, so that R's own optimizer stops at
the same place every time; the answer goes to ``FOLDER/lme4-<version>/<ID>.json``.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rcompare.case import load_cases
from rcompare.engines.lme4 import REngine
from rcompare.results import write_results

ADDR_NO_RANDOMIZE = 0x0040000


def addresses_fixed() -> bool:
    """Whether this process runs without address space randomization."""
    try:
        return bool(int(Path("/proc/self/personality").read_text(encoding="ascii"), 16) & ADDR_NO_RANDOMIZE)
    except OSError:
        return False


def main(arguments: list[str]) -> None:
    """Answer one case and write it."""
    case_id, folder, *files = arguments
    (case,) = (case for case in load_cases([Path(f) for f in files]) if case.id == case_id)
    results = REngine(tight=True).run(case)
    stamp = {
        **results.stamp,
        "recorded": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{platform.system()} {platform.machine()}",
        "fixed_addresses": addresses_fixed(),
    }
    path = write_results(replace(results, stamp=stamp), Path(folder) / f"lme4-{stamp['packages']['lme4']}")
    print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
