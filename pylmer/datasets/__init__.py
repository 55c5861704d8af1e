"""The data sets of the field, typed as in R: factors are Categorical with R's levels in R's order.

Every function gives a new data frame, which the caller may change; its index is R's row names.
"""

from pylmer.datasets.from_lme4 import (
    Dyestuff,
    Dyestuff2,
    InstEval,
    Pastes,
    Penicillin,
    cake,
    sleepstudy,
)
from pylmer.datasets.from_lme4_discrete import Arabidopsis, VerbAgg, cbpp, grouseticks
from pylmer.datasets.from_mlmrev import Chem97
from pylmer.datasets.from_nlme import Machines, Orthodont, Oxboys, Rail, ergoStool
from pylmer.datasets.hsb import HSB, MathAchieve, MathAchSchool

__all__ = [
    "HSB",
    "Arabidopsis",
    "Chem97",
    "Dyestuff",
    "Dyestuff2",
    "InstEval",
    "Machines",
    "MathAchSchool",
    "MathAchieve",
    "Orthodont",
    "Oxboys",
    "Pastes",
    "Penicillin",
    "Rail",
    "VerbAgg",
    "cake",
    "cbpp",
    "ergoStool",
    "grouseticks",
    "sleepstudy",
]
