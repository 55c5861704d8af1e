"""lme4's ``.prt.*`` helpers, which print the parts of a fit's print: a dot of their names is an underscore here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from pylmer.formula.design import CallText
from pylmer.methods.extract import Family
from pylmer.methods.summary import FitNotes
from pylmer.methods.varcorr import VarCorr
from pylmer.printing.model import aic_text, call_lines, groups_text, notes_text, residuals_text, title_text
from pylmer.printing.varcorr import Formatter, varcorr_text

__all__ = [
    "_prt_VC",
    "_prt_aictab",
    "_prt_call",
    "_prt_family",
    "_prt_grps",
    "_prt_methTit",
    "_prt_resids",
    "_prt_warn",
    "show",
]


def show(object: object) -> None:
    """Print an object, as R shows what is typed at its prompt."""
    print(object)


def _prt_methTit(mtit: str, klass: str) -> None:
    """Print the title and the class of a fit."""
    print(title_text(mtit, klass))


def _prt_family(famL: Family | Mapping[str, str]) -> None:
    """Print family and link."""
    family, link = (famL.family, famL.link) if isinstance(famL, Family) else (famL["family"], famL["link"])
    print(f" Family: {family}  ( {link} )")


def _prt_call(call: CallText, long: bool = True) -> None:
    """Print formula, data and what else the call of a fit had: ``m.design.call``."""
    print("\n".join(call_lines(call)))


def _prt_aictab(aictab: Mapping[str, float], digits: int = 1) -> None:
    """Print the criterion of a REML fit, or the row of an ML fit, rounded to so many decimals."""
    print(aic_text(dict(aictab), digits))


def _prt_resids(resids: ArrayLike, digits: int, title: str = "Scaled residuals:") -> None:
    """Print quantiles of residuals."""
    print(f"{title} {residuals_text(resids, digits).removeprefix('Scaled residuals: ')}\n")


def _prt_VC(varcor: VarCorr, digits: int, comp: str | Sequence[str], formatter: Formatter | None = None) -> None:
    """Print the table of random effects."""
    print("Random effects:\n" + varcorr_text(varcor, digits=digits, comp=comp, formatter=formatter))


def _prt_grps(ngrps: Mapping[str, int], nobs: int) -> None:
    """Print numbers of observations and levels."""
    print(groups_text({str(g): int(n) for g, n in ngrps.items()}, nobs))


def _prt_warn(optinfo: FitNotes, summary: bool = False) -> None:
    """Print what is to be said about the optimizer, if anything; ``summary=True`` in one line."""
    for line in notes_text(optinfo, brief=summary):
        print(line)
