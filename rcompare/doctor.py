"""What is installed, what will be skipped and why, and how to mend it."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rcompare.case import builtin_cases, load_cases
from rcompare.engines.base import EngineUnavailable
from rcompare.engines.golden import GoldenEngine, golden_folder
from rcompare.engines.others import OTHERS

__all__ = ["Finding", "as_json", "examine", "skipped"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Parameters
    ----------
    what
        ``"rpy2"``.
    found
        Version or place; empty when it is missing.
    ok
        Whether it does its work.
    consequence
        What is skipped without it, and how to mend it.
    needed
        False for something that only adds to what rcompare can do.
    live
        Whether live comparisons with R need it.
    """

    what: str
    found: str
    ok: bool
    consequence: str = ""
    needed: bool = True
    live: bool = False


def examine(case_files: Sequence[Path] = (), golden: Path | None = None) -> list[Finding]:
    """Look at everything that rcompare can use.

    Parameters
    ----------
    case_files
        The user's case files; the cases of rcompare when empty.
    golden
        Folder of golden files, where it is not the default one.
    """
    findings = [Finding("Python", platform.python_version(), sys.version_info >= (3, 11))]
    for name in ("pylmer", "numpy", "scipy", "pandas", "click", "rich", "jinja2"):
        findings.append(_package(name, "rcompare does not run without it: pip install pylmer"))
    findings.append(_package("matplotlib", "no pictures in reports: pip install 'pylmer[plots]'", needed=False))
    findings += [_r(), _rpy2()]
    findings += _embedded()
    findings.append(_setarch())
    findings += _golden(case_files, golden)
    for name, what in (("nlopt", "lme4's own optimizer in pylmer"), ("pytest", "tests with the plugin")):
        findings.append(_package(name, f"no {what}: pip install {name}", needed=False))
    for name, adapter in OTHERS.items():
        there = importlib.util.find_spec(adapter.module) is not None
        findings.append(
            _package(name, f"no engine {name!r}: pip install {name}", needed=False)
            if there
            else Finding(f"engine {name}", "", False, f"not among the engines: pip install {name}", needed=False)
        )
    return findings


def skipped(findings: Iterable[Finding]) -> list[str]:
    """What will be skipped, a line each."""
    found = list(findings)
    lines = []
    no_r = next((f for f in found if f.live and not f.ok), None)
    if no_r is not None:
        lines.append(f"every live comparison with R, because of {no_r.what}: {no_r.consequence}")
    if any(f.what == "nlopt" and not f.ok for f in found):
        lines.append("walking lme4's own optimizer step by step: pip install 'pylmer[nlopt]'")
    others = [f.what.removeprefix("engine ") for f in found if f.what.startswith("engine ") and not f.ok]
    if others:
        lines.append(f"the engines {', '.join(others)}: not installed")
    return lines


def as_json(findings: Iterable[Finding]) -> str:
    """Write the findings for programs."""
    return json.dumps([asdict(f) for f in findings], indent=1)


def _package(name: str, consequence: str, needed: bool = True) -> Finding:
    try:
        return Finding(name, version(name), True, needed=needed)
    except PackageNotFoundError:
        if importlib.util.find_spec(name) is not None:
            return Finding(name, "from a checkout", True, needed=needed)
        return Finding(name, "", False, consequence, needed)


def _r() -> Finding:
    program = shutil.which("R")
    if program is None:
        mend = "no live comparisons: apt-get install r-base-dev r-cran-lme4, or R from CRAN, and have R on the PATH"
        return Finding("R", "", False, mend, needed=False, live=True)
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return Finding("R", done.stdout.splitlines()[0] if done.stdout else program, done.returncode == 0, live=True)


def _rpy2() -> Finding:
    return replace(_package("rpy2", "no live comparisons: pip install 'pylmer[r]'", needed=False), live=True)


PACKAGES = {
    "lme4": "no live comparisons",
    "nlme": "no engine 'nlme', and no data sets of nlme",
    "lmerTest": "no engine 'lmerTest', no Satterthwaite's degrees of freedom to compare with",
    "pbkrtest": "no Kenward-Roger's degrees of freedom to compare with",
    "mlmRev": "no data sets of mlmRev",
    "emmeans": "no marginal means of fits that cross the bridge",
}

PROBE = """
import sys
from rcompare.engines.r import r_session
R = r_session()
for name in sys.argv[1:]:
    print(name, R.strings(f"packageDescription('{name}')$Version")[0] if R.has(name) else "")
"""


def _embedded() -> list[Finding]:
    """Start R in a process of its own: an rpy2 that does not fit the R at hand can bring the process down."""
    if shutil.which("R") is None or importlib.util.find_spec("rpy2") is None:
        return []
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *PACKAGES],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or [f"it ended with code {done.returncode}"]
        mend = "rpy2 and R do not fit: pip install --force-reinstall --no-binary rpy2-rinterface,rpy2 'rpy2==3.5.17'"
        return [Finding("R inside Python", "", False, f"{last[0]}; {mend}", needed=False, live=True)]
    findings = [Finding("R inside Python", "starts", True)]
    for line in done.stdout.splitlines():
        name, _, found = line.partition(" ")
        consequence = "" if found else f"{PACKAGES[name]}: install.packages('{name}') in R"
        findings.append(Finding(f"R package {name}", found, bool(found), consequence, False, name == "lme4"))
    return findings


def _setarch() -> Finding:
    program = shutil.which("setarch")
    consequence = (
        "" if program else "recordings are not made at fixed addresses, so R's own optimizer may stop elsewhere"
    )
    return Finding("setarch", program or "", program is not None, consequence, needed=False)


def _golden(case_files: Sequence[Path], golden: Path | None) -> list[Finding]:
    """Which cases are recorded; a case file that cannot be read is an error of the user's."""
    cases = load_cases(case_files) if case_files else builtin_cases()
    command = " ".join(["rcompare record", *(f"--cases {path}" for path in case_files)])
    try:
        engine = GoldenEngine(golden_folder(golden, case_files))
    except EngineUnavailable as err:
        return [Finding("golden files", "", False, f"{err} (where R is: {command})")]
    lacking = [case.id for case in cases if not engine.has(case)]
    consequence = f"not recorded: {', '.join(lacking)} (where R is: {command})" if lacking else ""
    found = f"{engine.folder}: {len(cases) - len(lacking)} of {len(cases)} cases"
    return [Finding("golden files", found, not lacking, consequence)]
