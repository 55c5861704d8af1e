"""Seeded formulas against live R: a part by default, all with ``PYLMER_FORMULAS=4000`` (and ``PYLMER_SEED``)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from generate_formulas import generate
from language_records import FIXTURES, described, load

COUNT = int(os.environ.get("PYLMER_FORMULAS", "100"))
SEED = int(os.environ.get("PYLMER_SEED", "23"))


@pytest.mark.r
def test_seeded_formulas_mean_what_they_mean_in_R(R, tmp_path: Path):
    infile, outfile = tmp_path / "formulas.txt", tmp_path / "records.json.gz"
    infile.write_text("".join(json.dumps(text) + "\n" for text in generate(SEED, COUNT)))
    functions = FIXTURES / "language_functions.R"
    R.eval(f"local({{ source('{functions}', local = TRUE); describe_language('{infile}', '{outfile}'); 1 }})")
    made = load(outfile)
    assert len(made["records"]) == COUNT
    wrong = described(made["records"], tuple(made["data_names"]))
    assert not wrong, "\n".join(wrong)
