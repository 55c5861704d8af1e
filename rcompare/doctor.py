"""What is installed, what will be skipped and why, and how to mend it."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from rcompare.case import builtin_cases
from rcompare.engines.base import EngineUnavailable
from rcompare.engines.golden import GoldenEngine

__all__ = ["Finding", "examine"]


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
    """

    what: str
    found: str
    ok: bool
    consequence: str = ""
    needed: bool = True


def examine() -> list[Finding]:
    """Look at everything that rcompare can use."""
    findings = [Finding("Python", platform.python_version(), sys.version_info >= (3, 11))]
    for name in ("pylmer", "numpy", "scipy", "pandas", "click", "rich", "jinja2"):
        findings.append(_package(name, "rcompare does not run without it: pip install pylmer"))
    findings.append(_package("matplotlib", "no pictures in reports: pip install 'pylmer[plots]'", needed=False))
    findings += [_r(), _rpy2()]
    findings += _embedded()
    findings.append(_setarch())
    findings.append(_golden())
    for name, what in (("statsmodels", "MixedLM"), ("nlopt", "lme4's own optimizer"), ("pytest", "the plugin")):
        findings.append(_package(name, f"no {what}: pip install {name}", needed=False))
    return findings


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
        return Finding("R", "", False, "no live comparisons: apt-get install r-base-core r-cran-lme4, or R from CRAN")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return Finding("R", done.stdout.splitlines()[0] if done.stdout else program, done.returncode == 0)


def _rpy2() -> Finding:
    return _package("rpy2", "no live comparisons: pip install 'pylmer[r]'")


PROBE = """
from rcompare.engines.r import r_session
R = r_session()
for name in ("lme4", "nlme", "lmerTest", "pbkrtest", "mlmRev"):
    print(name, R.strings(f"packageDescription('{name}')$Version")[0] if R.has(name) else "")
"""


def _embedded() -> list[Finding]:
    """Start R in a process of its own: an rpy2 that does not fit the R at hand can bring the process down."""
    if shutil.which("R") is None or importlib.util.find_spec("rpy2") is None:
        return []
    done = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or [f"it ended with code {done.returncode}"]
        mend = "rpy2 and R do not fit: pip install --force-reinstall --no-binary rpy2-rinterface,rpy2 'rpy2==3.5.17'"
        return [Finding("R inside Python", "", False, f"{last[0]}; {mend}")]
    findings = [Finding("R inside Python", "starts", True)]
    for line in done.stdout.splitlines():
        name, _, found = line.partition(" ")
        needed = name == "lme4"
        consequence = f"install.packages('{name}') in R" if not found else ""
        findings.append(Finding(f"R package {name}", found, bool(found), consequence, needed))
    return findings


def _setarch() -> Finding:
    program = shutil.which("setarch")
    consequence = (
        "" if program else "recordings are not made at fixed addresses, so R's own optimizer may stop elsewhere"
    )
    return Finding("setarch", program or "", program is not None, consequence, needed=False)


def _golden() -> Finding:
    try:
        engine = GoldenEngine()
    except EngineUnavailable as err:
        return Finding("golden files", "", False, str(err))
    cases = builtin_cases()
    there = sum(engine.has(case) for case in cases)
    lacking = [case.id for case in cases if not engine.has(case)]
    consequence = f"not recorded: {', '.join(lacking)}" if lacking else ""
    return Finding("golden files", f"{engine.folder.name}: {there} of {len(cases)} cases", not lacking, consequence)
