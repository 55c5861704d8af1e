"""High School and Beyond: pupils within schools, in the three forms in which the field uses it."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from pylmer.datasets.tables import Column, Table, factor_dtype, read_table

__all__ = ["HSB", "MathAchSchool", "MathAchieve"]


def MathAchieve() -> pd.DataFrame:
    """Mathematics achievement of 7,185 pupils in 160 American high schools.

    Returns
    -------
    DataFrame
        7,185 rows, one for each pupil, with the columns

        ``School`` : ordered factor, 160 levels
            The school. The levels stand in the order of the schools' best scores, not of their numbers.
        ``Minority`` : factor, levels No, Yes
            Whether the pupil belongs to a racial minority.
        ``Sex`` : factor, levels Male, Female
        ``SES`` : float
            Socio-economic status of the family, a standardized score.
        ``MathAch`` : float
            Score in mathematics, in points.
        ``MEANSES`` : float
            The school's mean of SES as published; not quite the mean of the rows given here.

    Notes
    -----
    Source: R package nlme. The survey is High School and Beyond of 1982.

    References
    ----------
    Raudenbush, S. W. and Bryk, A. S. (2002). *Hierarchical Linear Models*, 2nd ed., Sage.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.MathAchieve().shape
    (7185, 6)
    """
    return read_table("MathAchieve").frame()


def MathAchSchool() -> pd.DataFrame:
    """Describe the 160 schools of `MathAchieve`.

    Returns
    -------
    DataFrame
        160 rows, one for each school and labelled by its number, with the columns

        ``School`` : factor, 160 levels
            Number of the school; levels in ascending order.
        ``Size`` : float
            Pupils enrolled.
        ``Sector`` : factor, levels Public, Catholic
        ``PRACAD`` : float
            Share of the pupils on the academic track, 0 to 1.
        ``DISCLIM`` : float
            Discrimination climate, a scale.
        ``HIMINTY`` : factor, levels 0, 1
            Whether more than 40 per cent of the pupils belong to a minority.
        ``MEANSES`` : float
            The school's mean socio-economic status, as published.

    Notes
    -----
    Source: R package nlme.

    References
    ----------
    Raudenbush, S. W. and Bryk, A. S. (2002). *Hierarchical Linear Models*, 2nd ed., Sage.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.MathAchSchool().index[:3].tolist()
    ['1224', '1288', '1296']
    """
    return read_table("MathAchSchool").frame()


def HSB() -> pd.DataFrame:
    """High School and Beyond, pupils and schools joined, with socio-economic status centred within schools.

    The table is built from `MathAchieve` and `MathAchSchool` as two calls of R's ``merge`` build it: rows sorted by
    school, within a school in the order of `MathAchieve`.

    Returns
    -------
    DataFrame
        7,185 rows, one for each pupil, with the columns

        ``school`` : factor, 160 levels
            Number of the school; not ordered, levels ascending.
        ``sector`` : factor, levels Public, Catholic
        ``mean.ses`` : float
            Mean of `ses` over the sampled pupils of the school.
        ``size`` : float
            Pupils enrolled in the school.
        ``himinty`` : factor, levels 0, 1
            Whether more than 40 per cent of the school's pupils belong to a minority.
        ``sex`` : factor, levels Male, Female
        ``ses`` : float
            Socio-economic status of the family, a standardized score.
        ``mathach`` : float
            Score in mathematics, in points.
        ``minority`` : factor, levels No, Yes
        ``cses`` : float
            ``ses - mean.ses``.

    Notes
    -----
    Source: R package nlme, whose two tables are joined here.

    References
    ----------
    Raudenbush, S. W. and Bryk, A. S. (2002). *Hierarchical Linear Models*, 2nd ed., Sage.
    Fox, J. and Weisberg, S. (2019). *An R Companion to Applied Regression*, 3rd ed., Sage, chapter 7.

    Examples
    --------
    >>> from pylmer import datasets
    >>> hsb = datasets.HSB()
    >>> hsb["school"].cat.categories[:2].tolist()
    ['1224', '1288']
    """
    return _hsb().frame()


def _mean(x: np.ndarray[Any, Any]) -> float:
    """Mean with the correctly rounded last digit, which is where R's long double arithmetic arrives too."""
    first = math.fsum(x) / x.size
    return first + math.fsum([*x.tolist(), *[-first] * x.size]) / x.size


@lru_cache(maxsize=1)
def _hsb() -> Table:
    pupils, schools = read_table("MathAchieve").columns, read_table("MathAchSchool").columns
    school, in_pupils = schools["School"].dtype, pupils["School"].dtype
    assert school is not None
    assert in_pupils is not None
    # MathAchieve orders its schools by their best scores: go over to the order of their numbers.
    code = school.categories.get_indexer(in_pupils.categories)[pupils["School"].values]
    rows = np.argsort(code, kind="stable")
    code = code[rows]
    ses = pupils["SES"].values[rows]
    starts = np.searchsorted(code, np.arange(len(school.categories)))
    mean_ses = np.array([_mean(block) for block in np.split(ses, starts[1:])])[code]
    at = np.empty(len(school.categories), dtype=np.intp)
    at[schools["School"].values] = np.arange(at.size)
    at = at[code]

    def of_school(name: str) -> Column:
        return Column(schools[name].values[at], schools[name].dtype)

    def of_pupil(name: str) -> Column:
        return Column(pupils[name].values[rows], pupils[name].dtype)

    return Table(
        {
            "school": Column(code.astype(np.int32), factor_dtype(list(school.categories))),
            "sector": of_school("Sector"),
            "mean.ses": Column(mean_ses),
            "size": of_school("Size"),
            "himinty": of_school("HIMINTY"),
            "sex": of_pupil("Sex"),
            "ses": Column(ses),
            "mathach": of_pupil("MathAch"),
            "minority": of_pupil("Minority"),
            "cses": Column(ses - mean_ses),
        }
    )
