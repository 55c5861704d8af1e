"""R's text of tests of fixed effects."""

from __future__ import annotations

import numpy as np

from pylmer.inference.fixed_tests import KRTest
from pylmer.rcompat.layout import print_text_matrix
from pylmer.rcompat.printable import as_text
from pylmer.rcompat.pvalues import print_coefmat

__all__: list[str] = []


@as_text.register
def _(x: KRTest, *, digits: int | None = None, unscaled: bool = False) -> str:
    """``unscaled`` shows the statistic without its scale as well, as R's ``summary`` does."""
    lines = [f"large : {x.large}"]
    lines.append(f"small : {x.small}" if x.small is not None else f"L = \n{_matrix(x.L)}")
    table = x.test if unscaled else x.test.iloc[:1]
    lines.append(
        print_coefmat(
            table.to_numpy(dtype=np.float64),
            [str(i) for i in table.index],
            [str(c) for c in table.columns],
            digits,
            has_Pvalue=True,
            P_values=True,
            tst_ind=[0, 1, 2],
            na_print="",
        )
    )
    return "\n".join(lines)


def _matrix(L: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    rows, columns = [f"[{i + 1},]" for i in range(len(L))], [f"[,{j + 1}]" for j in range(L.shape[1])]
    return print_text_matrix([[f"{v:g}" for v in row] for row in L], rows, columns)
