"""Small data sets of the R package nlme; its two tables of schools are in ``hsb``."""

from __future__ import annotations

import pandas as pd

from pylmer.datasets.tables import read_table

__all__ = [
    "Machines",
    "Orthodont",
    "Oxboys",
    "Rail",
    "ergoStool",
]


def Machines() -> pd.DataFrame:
    """Productivity of six workers at three machines, three times each.

    Returns
    -------
    DataFrame
        54 rows, one for each trial, with the columns

        ``Worker`` : ordered factor, 6 levels
            The levels stand in the order of the workers' highest scores.
        ``Machine`` : factor, levels A, B, C
            Brand of the machine.
        ``score`` : float
            Productivity, a score of number and quality of the parts made.

    Notes
    -----
    Source: R package nlme.

    References
    ----------
    Milliken, G. A. and Johnson, D. E. (1992). *Analysis of Messy Data, Volume I: Designed Experiments*,
    Chapman and Hall, p. 285.
    Pinheiro, J. C. and Bates, D. M. (2000). *Mixed-Effects Models in S and S-PLUS*, Springer, appendix A.14.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.Machines().shape
    (54, 3)
    """
    return read_table("Machines").frame()


def Orthodont() -> pd.DataFrame:
    """Growth of a distance in the skull of 27 children between the ages of 8 and 14.

    Returns
    -------
    DataFrame
        108 rows, one for each child and age, with the columns

        ``distance`` : float
            From the pituitary to the pterygomaxillary fissure on an x-ray image, millimetres.
        ``age`` : float
            Years: 8, 10, 12, 14.
        ``Subject`` : ordered factor, 27 levels
            The child, M01 to M16 or F01 to F11; the levels stand in the order of mean distance within a sex.
        ``Sex`` : factor, levels Male, Female

    Notes
    -----
    Source: R package nlme.

    References
    ----------
    Potthoff, R. F. and Roy, S. N. (1964). A generalized multivariate analysis of variance model useful especially
    for growth curve problems. *Biometrika* 51, 313-326.
    Pinheiro, J. C. and Bates, D. M. (2000). *Mixed-Effects Models in S and S-PLUS*, Springer, appendix A.17.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.Orthodont().shape
    (108, 4)
    """
    return read_table("Orthodont").frame()


def Oxboys() -> pd.DataFrame:
    """Heights of 26 boys of Oxford on nine occasions.

    Returns
    -------
    DataFrame
        234 rows, one for each boy and occasion, with the columns

        ``Subject`` : ordered factor, 26 levels
            The boy; the levels stand in the order of greatest height.
        ``age`` : float
            Age, standardized: no unit, about -1 to 1.
        ``height`` : float
            Centimetres.
        ``Occasion`` : ordered factor, levels 1 to 9
            Number of the measurement.

    Notes
    -----
    Source: R package nlme.

    References
    ----------
    Goldstein, H. (1987). *Multilevel Models in Educational and Social Research*, Griffin.
    Pinheiro, J. C. and Bates, D. M. (2000). *Mixed-Effects Models in S and S-PLUS*, Springer, appendix A.19.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.Oxboys().shape
    (234, 4)
    """
    return read_table("Oxboys").frame()


def Rail() -> pd.DataFrame:
    """Travel time of an ultrasonic wave in six railway rails, three times each.

    Returns
    -------
    DataFrame
        18 rows, one for each measurement, with the columns

        ``Rail`` : ordered factor, 6 levels
            The levels stand in the order of mean travel time.
        ``travel`` : float
            Travel time minus 36,100, nanoseconds.

    Notes
    -----
    Source: R package nlme.

    References
    ----------
    Devore, J. L. (2000). *Probability and Statistics for Engineering and the Sciences*, 5th ed., Duxbury, p. 427.
    Pinheiro, J. C. and Bates, D. M. (2000). *Mixed-Effects Models in S and S-PLUS*, Springer, appendix A.26.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.Rail().shape
    (18, 2)
    """
    return read_table("Rail").frame()


def ergoStool() -> pd.DataFrame:
    """Effort of nine people to rise from four types of stool.

    Returns
    -------
    DataFrame
        36 rows, one for each person and stool, with the columns

        ``effort`` : float
            Effort to rise, Borg scale.
        ``Type`` : factor, levels T1 to T4
            Type of the stool.
        ``Subject`` : ordered factor, 9 levels
            The person; the levels stand in the order of mean effort.

    Notes
    -----
    Source: R package nlme.

    References
    ----------
    Devore, J. L. (2000). *Probability and Statistics for Engineering and the Sciences*, 5th ed., Duxbury.
    Pinheiro, J. C. and Bates, D. M. (2000). *Mixed-Effects Models in S and S-PLUS*, Springer, appendix A.9.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.ergoStool().shape
    (36, 3)
    """
    return read_table("ergoStool").frame()
