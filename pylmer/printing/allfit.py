"""R's text of fits by several optimizers."""

from __future__ import annotations

import numpy as np

from pylmer.formula.parse import parse_formula
from pylmer.inference.allfit import AllFit
from pylmer.methods.fit_statistics import logLik
from pylmer.rcompat.fill import strwrap
from pylmer.rcompat.format import format_numbers
from pylmer.rcompat.printable import as_text
from pylmer.rcompat.rounding import signif

__all__ = ["allfit_text"]


@as_text.register
def allfit_text(x: AllFit, *, width: int = 80) -> str:
    """R's print of ``allFit``: the model, the optimizers, how far apart their likelihoods are."""

    def cut(text: str) -> str:
        return text if len(text) <= width else "".join(strwrap(text[: width - 3] + "...", 72))

    call = x.fit.design.call
    lines = ["original model:", f"{cut(str(parse_formula(call.formula)))} ", f"data:  {call.data} "]
    lines.append(f"optimizers ({len(x)}): {cut(', '.join(x))}")
    failed = len(x) - len(x.succeeded)
    if failed:
        lines.append(f"{failed} optimizer(s) failed")
    values = np.array([-float(logLik(m)) for m in x.succeeded.values()])
    lines.append("differences in negative log-likelihoods:")
    if len(values):
        gap = float(values.max() - values.min())
        spread = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
        texts = [format_numbers([float(signif(v, 3))])[0] for v in (gap, spread)]
        lines.append(f"max= {texts[0]} ; std dev= {texts[1]} ")
    return "\n".join(lines)
