"""The same input gives the same bits: fits in processes of their own, under the settings that could change them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SCRIPT = """
import json, warnings
import numpy as np
from pylmer import bootMer, datasets, fixef, lmer
warnings.simplefilter("ignore")
rng = np.random.default_rng(1)
n, p = 6000, 25
X = rng.normal(size=(n, p))
g, h = rng.integers(0, 150, n), rng.integers(0, 60, n)
y = X @ np.linspace(-1, 1, p) + rng.normal(size=150)[g] + rng.normal(size=60)[h] + rng.normal(size=n)
wide = {f"x{j:02d}": X[:, j] for j in range(p)} | {"y": y, "g": g.astype(str), "h": h.astype(str)}
fixed = " + ".join(f"x{j:02d}" for j in range(p))
fits = {
    "one factor": lmer("Reaction ~ Days + (Days | Subject)", datasets.sleepstudy()),
    "two crossed": lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", datasets.Penicillin()),
    "nested": lmer("strength ~ 1 + (1 | batch / cask)", datasets.Pastes()),
    "schools": lmer("mathach ~ cses * sector + (cses | school)", datasets.HSB()),
    "25 predictors": lmer(f"y ~ {fixed} + (1 | g)", wide),
    "25 predictors, crossed": lmer(f"y ~ {fixed} + (x00 | g) + (1 | h)", wide),
}
out = {}
for name, m in fits.items():
    ranef = np.concatenate([v.to_numpy().ravel() for v in m.ranef().values()])
    numbers = np.concatenate([m.theta, [m.value, m.sigma()], m.beta, np.diag(m.vcov()), ranef[:50]])
    out[name] = [float(v).hex() for v in numbers]
boot = bootMer(fits["one factor"], fixef, 20, 1)
out["bootstrap"] = [float(v).hex() for v in boot.t.ravel()]
print(json.dumps(out))
"""
PLAIN = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
#: Kernels of OpenBLAS, each as another make of machine would choose it.
MACHINES = ("Haswell", "SkylakeX", "Zen", "Sandybridge", "Prescott")


@dataclass(frozen=True)
class Difference:
    """How far one run is from another: numbers that differ in a bit, and the largest relative difference."""

    different: int
    numbers: int
    largest: float


def run(**environment: str) -> dict[str, np.ndarray]:
    """The numbers of each fit, computed in a process with these settings."""
    root = Path(__file__).resolve().parents[2]
    settings = {**os.environ, **PLAIN, "PYTHONPATH": str(root), **environment}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=settings, check=True)
    return {k: np.array([float.fromhex(v) for v in values]) for k, values in json.loads(done.stdout).items()}


def difference(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> dict[str, Difference]:
    """Fit by fit."""
    out = {}
    for name, a in one.items():
        b = other[name]
        size = np.maximum(np.maximum(np.abs(a), np.abs(b)), 1e-3)
        out[name] = Difference(int((a != b).sum()), len(a), float((np.abs(a - b) / size).max()))
    return out
