"""Fuzzers of what reads hostile input: by coverage with atheris where it installs, else by Hypothesis' examples."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pylmer import datasets, from_json, lmer
from pylmer.errors import PylmerError
from pylmer.formula.parse import parse_formula
from pylmer.formula.terms import terms
from rcompare import results
from rcompare.case import CaseError, load_cases
from rcompare.results import DamagedResults, Labelled, Results, Text

FORMULAS = [
    "y ~ a * b + (1 | g)",
    "log(y) ~ poly(x, 2) - 1 + offset(z) + (x || g / h)",
    "cbind(s, f) ~ (a + b)^2 %in% c + I(x^2L)",
    "y ~ x |> f() + `a b`:c[1] + 'text' + us(1 | g)",
]
CASES = ['[[case]]\nid = "a"\ndata = "Dyestuff"\nformula = "Yield ~ 1 + (1 | Batch)"\nboot = {nsim = 3, seed = 1}\n']


def _saved() -> str:
    return lmer("Yield ~ 1 + (1 | Batch)", datasets.Dyestuff()).to_json()


def _golden() -> str:
    values = {"beta": Labelled(np.arange(3.0), (("a", "b", "c"),)), "text": Text(("one",))}
    return results.to_json(Results("a", values, {"seed": 1}))


def read_formula(text: str) -> None:
    """Parse and expand; what comes out is read back as itself."""
    with suppress(PylmerError):
        formula = parse_formula(text)
        terms(formula, ("x", "y"))
        if str(parse_formula(str(formula))) != str(formula):  # R spells numbers with 15 digits
            raise AssertionError(f"{text!r} is not what it is written as")


def read_case(text: str) -> None:
    """Read a case file."""
    with tempfile.TemporaryDirectory() as folder, suppress(CaseError):
        Path(folder, "a.toml").write_text(text, encoding="utf-8", errors="replace")
        load_cases([Path(folder)])


def read_golden(text: str) -> None:
    """Read results."""
    with suppress(DamagedResults):
        results.from_json(text)


def read_fit(text: str) -> None:
    """Read a saved fit."""
    with suppress(PylmerError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from_json(text)


TARGETS: dict[str, tuple[Callable[[str], None], Callable[[], list[str]]]] = {
    "formula parser": (read_formula, lambda: FORMULAS),
    "case reader": (read_case, lambda: CASES),
    "golden reader": (read_golden, lambda: [_golden()]),
    "fit reader": (read_fit, lambda: [_saved()]),
}


@dataclass(frozen=True)
class Fuzzed:
    """How one target fared."""

    target: str
    way: str
    seconds: float
    runs: int
    findings: tuple[str, ...]


def mutate(rng: np.random.Generator, text: str) -> str:
    """A few bytes changed, dropped, doubled or moved; or one value of the JSON replaced."""
    if text[:1] == "{" and rng.random() < 0.5:
        with suppress(ValueError, KeyError, IndexError, TypeError):
            return _other_value(rng, text)
    for _ in range(int(rng.integers(1, 6))):
        i, j = sorted(rng.integers(0, len(text) + 1, 2).tolist())
        j = min(j, i + 20)
        match int(rng.integers(0, 4)):
            case 0:
                text = text[:i] + text[j:]
            case 1:
                text = text[:j] + text[i:]
            case 2:
                text = (
                    text[:i]
                    + chr(int(rng.choice([0, 10, 34, 39, 40, 41, 43, 58, 91, 94, 124, 126, 233, 8238])))
                    + text[i:]
                )
            case _:
                text = text[:i] + str(rng.choice(["1e999", "-1", "[[", "}}", "(((", "NaN", '"', "~", "|"])) + text[j:]
    return text


def _other_value(rng: np.random.Generator, text: str) -> str:
    content = json.loads(text)
    node, key = content, rng.choice(list(content))
    while isinstance(node[key], dict | list) and node[key] and rng.random() < 0.8:
        node = node[key]
        key = rng.choice(list(node)) if isinstance(node, dict) else int(rng.integers(len(node)))
    choices: list[Any] = [None, -1, 2**70, 1e308, "x", [], {}, [[1]], {"f8": "AAAA", "shape": [1]}, True, "A" * 1000]
    node[key] = choices[int(rng.integers(len(choices)))]
    return json.dumps(content)


def fuzz(target: str, seconds: float, seed: int = 0) -> Fuzzed:
    """Mutations of what is right, for so long."""
    read, corpus = TARGETS[target]
    texts, rng = corpus(), np.random.default_rng(seed)
    findings: list[str] = []
    began, runs = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        text = mutate(rng, texts[int(rng.integers(len(texts)))])
        runs += 1
        try:
            read(text)
        except Exception as error:
            findings.append(f"{type(error).__name__}: {error} for {text[:200]!r}")
    return Fuzzed(target, "mutations", time.monotonic() - began, runs, tuple(dict.fromkeys(findings)))


ATHERIS = """
import sys
import atheris
rooms = ["pylmer.formula", "rcompare.case", "rcompare.results", "pylmer.methods.saved"]
with atheris.instrument_imports(include=rooms):
    import fuzzing
read, _ = fuzzing.TARGETS[sys.argv[1]]
def one(data):
    read(atheris.FuzzedDataProvider(data).ConsumeUnicodeNoSurrogates(sys.maxsize))
atheris.Setup([sys.argv[0], *sys.argv[2:]], one)
atheris.Fuzz()
"""


def fuzz_by_coverage(target: str, seconds: int, python: str = sys.executable) -> Fuzzed | None:
    """With atheris, in a process of its own; None where it is not installed there."""
    if subprocess.run([python, "-c", "import atheris"], capture_output=True).returncode:
        return None
    here = Path(__file__).resolve().parent
    with tempfile.TemporaryDirectory() as folder:
        for i, text in enumerate(TARGETS[target][1]()):
            Path(folder, f"seed{i}").write_text(text, encoding="utf-8")
        began = time.monotonic()
        flags = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=4096", f"-artifact_prefix={folder}/"]
        done = subprocess.run(
            [python, "-c", ATHERIS, target, folder, *flags, "-max_len=4000"],
            capture_output=True, text=True, errors="replace", cwd=here,
            env={"PYTHONPATH": f"{here.parents[1]}:{here}", "PATH": "/usr/bin:/bin", "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        took = time.monotonic() - began
    runs = [int(line.split()[1]) for line in done.stderr.splitlines() if line.startswith("Done ")]
    found = [] if done.returncode == 0 else [done.stderr[-600:]]
    return Fuzzed(target, "atheris", took, runs[0] if runs else 0, tuple(found))
