"""Data sets of the R package mlmRev."""

from __future__ import annotations

import pandas as pd

from pylmer.datasets.tables import read_table

__all__ = [
    "Chem97",
]


def Chem97() -> pd.DataFrame:
    """A-level results in chemistry of 31,022 pupils in 2,410 schools of 131 authorities, Britain 1997.

    Returns
    -------
    DataFrame
        31,022 rows, one for each pupil, with the columns

        ``lea`` : factor, levels 1 to 131
            Local education authority.
        ``school`` : factor, levels 1 to 2410
        ``student`` : factor, levels 1 to 31022
        ``score`` : float
            Points in chemistry, 0 to 10 in steps of two.
        ``gender`` : factor, levels M, F
        ``age`` : float
            Months, 222 (18 years and a half) subtracted.
        ``gcsescore`` : float
            The pupil's mean score in the GCSE examinations.
        ``gcsecnt`` : float
            `gcsescore` minus its mean.

    Notes
    -----
    Source: R package mlmRev.

    References
    ----------
    Fielding, A., Yang, M. and Goldstein, H. (2003). Multilevel ordinal models for examination grades.
    *Statistical Modelling* 3, 127-153.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.Chem97().shape
    (31022, 8)
    """
    return read_table("Chem97").frame()
