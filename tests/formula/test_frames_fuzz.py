"""Mutated formulas over a data frame give a result or a clear error, never a crash."""

from __future__ import annotations

import contextlib
import random
import re
import warnings

import pytest
from frames_records import Lenient, data_frame, records
from generate_frames import Generator

from pylmer.errors import PylmerError
from pylmer.formula.lformula import lFormula
from pylmer.formula.linear import model_frame, model_matrix

PIECE = re.compile(r"%[^% ]*%|\|\||[<>=!]=|[\w.]+|\"[^\"]*\"|\S")
TOKENS = """x a s l o ( ) , + - * / : ^ %in% | || ~ 1 0 2L 1e308 -1 NA NULL TRUE 'u' "" log poly scale factor cut ns bs
C interaction ifelse c dummy I . y == < & ! %% %/% Inf contr.sum degree= levels= labels= breaks = raw=TRUE df=3 knots=
ref= rank ave rev cumsum cbind seq round pmax relevel as.integer offset is.na"""
WORDS = TOKENS.split()


def mutated(chance: random.Random, formula: str) -> str:
    pieces = PIECE.findall(formula)
    for _ in range(chance.choice([1, 1, 2, 3])):
        place, way = chance.randrange(len(pieces)), chance.random()
        if way < 0.4:
            pieces[place] = chance.choice(WORDS)
        elif way < 0.6:
            pieces.insert(place, chance.choice(WORDS))
        elif way < 0.8 and len(pieces) > 2:
            del pieces[place]
        else:
            other = chance.randrange(len(pieces))
            pieces[place], pieces[other] = pieces[other], pieces[place]
    return " ".join(pieces)


@pytest.mark.parametrize("seed", range(4))
def test_a_mutated_formula_gives_a_result_or_a_clear_error(seed):
    chance, generator = random.Random(seed), Generator(seed)
    frames = {name: data_frame(spelled) for name, spelled in records()["data"].items()}
    for _ in range(150):
        case = generator.case()
        formula, data = mutated(chance, case["formula"]), frames[case["data"]]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with contextlib.suppress(PylmerError):
                if case["kind"] == "lm":
                    model_matrix(model_frame(formula, data))
                else:
                    lFormula(formula, data, control=Lenient())
