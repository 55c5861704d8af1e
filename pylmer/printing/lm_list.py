"""R's text of linear models by group."""

from __future__ import annotations

from pylmer.inference.lm_list import LmList, LmListIntervals
from pylmer.printing.lists import call_lines
from pylmer.rcompat.format import format_numbers
from pylmer.rcompat.layout import print_data_frame, print_matrix
from pylmer.rcompat.printable import as_text

__all__: list[str] = []


@as_text.register
def _(x: LmList, *, digits: int | None = None) -> str:
    data = f", data = {x.data}" if x.data else ""
    pool = "" if x.pool else ", pool = FALSE"
    coefficients = x.coef()
    table = print_data_frame(
        {str(name): coefficients[name].to_numpy() for name in coefficients},
        [str(g) for g in coefficients.index],
        digits,
    )
    call = " ".join(call_lines(f"lmList(formula = {x.formula}{data}{x.further}{pool})"))
    text = f"Call: {call} \nCoefficients:\n{table}\n"
    if x.pool:
        sigma, df = format_numbers(x.sigma(), digits)[0], x.df_residual()
        text += f"\nDegrees of freedom: {x.nobs()} total; {df} residual\nResidual standard error: {sigma}"
    return text


@as_text.register
def _(x: LmListIntervals, *, digits: int | None = None) -> str:
    parts = []
    for name, table in x.items():
        rows, columns = [str(g) for g in table.index], [str(c) for c in table.columns]
        parts.append(f", , {name}\n\n{print_matrix(table.to_numpy(), rows, columns, digits)}\n")
    return 'An object of class "lmList4.confint"\n' + "\n".join(parts)
