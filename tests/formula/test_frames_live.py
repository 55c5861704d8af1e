"""Seeded formulas against live R: a part by default, all with ``PYLMER_FORMULAS=1000`` (and ``PYLMER_SEED``)."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from frames_records import FIXTURES, data_frame, differences, waived
from generate_frames import generated_cases

COUNT = int(os.environ.get("PYLMER_FORMULAS", "60"))
SEED = int(os.environ.get("PYLMER_SEED", "11"))


@pytest.mark.r
def test_seeded_formulas_give_what_R_gives(R, tmp_path: Path):
    infile, outfile = tmp_path / "cases.json", tmp_path / "out.json.gz"
    infile.write_text(json.dumps(generated_cases(SEED, COUNT)))
    R.eval(f"source('{FIXTURES / 'frames_functions.R'}'); describe_cases('{infile}', '{outfile}'); 1")
    made = json.loads(gzip.decompress(outfile.read_bytes()))
    frames = {name: data_frame(spelled) for name, spelled in made["data"].items()}
    wrong = [
        f"{record['data']}: {record['formula']}: {d}"
        for record in made["cases"]
        if waived(record) is None
        for d in differences(record, frames)
    ]
    assert len(made["cases"]) == COUNT
    assert not wrong, "\n".join(wrong)
