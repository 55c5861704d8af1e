"""What a call says, in R and in pylmer, and whether the two agree."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from bad_calls import DOUBTS, OWN, R_SETUP, SAME, Bad, bad_data, bench

from pylmer.errors import PylmerError, RMessage, RWarning

if TYPE_CHECKING:
    from rcompare.engines.r import RSession

Said = list[tuple[str, str]]


def pylmer_says(call: Callable[[], object]) -> Said:
    """Class (``error``, ``warning``, ``message``) and text of all that a call says; a foreign error keeps its class."""
    said: Said = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            str(call())
        except PylmerError as error:
            said.append(("error", str(error)))
        except Exception as error:
            said.append((f"foreign {type(error).__module__}.{type(error).__name__}", str(error)))
    return [(_class_of(w.category), str(w.message)) for w in caught] + said


def _class_of(category: type[Warning]) -> str:
    if issubclass(category, RMessage):
        return "message"
    return "warning" if issubclass(category, RWarning) else f"foreign {category.__name__}"


def prepare(R: RSession) -> None:
    """Give R the data and the fits."""
    from rcompare.engines.lme4 import send_frame

    send_frame(R, "bad", bad_data())
    R(R_SETUP)


def r_says(R: RSession, code: str) -> Said:
    """Class and text of all that R says."""
    said = R.eval(f"bad_say({code})")
    return list(zip(said["class"] or [], said["text"] or [], strict=True))


def plain(text: str) -> str:
    """Without differences of blanks and quotation marks."""
    return re.sub(r"\s+", " ", re.sub(r"[‘’`\"]", "'", text)).strip()


def judge(bad: Bad, ours: Said, theirs: Said) -> str:
    """What is wrong with pylmer's answer; nothing where all is well."""
    foreign = [kind for kind, _ in ours if kind.startswith("foreign")]
    if foreign:
        return f"{foreign[0]} reached the user: {ours[-1][1][:100]}"
    text = plain(" ".join(text for _, text in ours))
    if bad.met and plain(bad.met) not in text:
        return f"the text does not name {bad.met!r}: {text}"
    kinds = [kind for kind, _ in ours]
    if bad.answer == SAME:
        if kinds != [kind for kind, _ in theirs]:
            return f"R says {theirs}, pylmer {ours}"
        missing = [sentence for _, sentence in theirs if plain(sentence) not in text]
        return f"R's sentence {missing[0]!r} is not in {text!r}" if missing else ""
    if bad.answer == DOUBTS:
        both = "error" not in kinds and "warning" in kinds and "warning" in [kind for kind, _ in theirs]
        return "" if both else f"both must warn: R says {theirs}, pylmer {ours}"
    refuses, r_refuses = "error" in kinds, "error" in [kind for kind, _ in theirs]
    if bad.answer == OWN:
        return "" if refuses and r_refuses else f"both must refuse: R says {theirs}, pylmer {ours}"
    return "" if refuses != r_refuses and bad.why else f"one must refuse, with a reason: R says {theirs}, pylmer {ours}"


def answer(bad: Bad, R: RSession) -> tuple[Said, Said, str]:
    """pylmer's answer, R's, and what is wrong."""
    ours, theirs = pylmer_says(lambda: bad.call(bench())), r_says(R, bad.r)
    return ours, theirs, judge(bad, ours, theirs)
