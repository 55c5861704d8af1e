"""Data sets of the R package lme4 whose response is taken as continuous."""

from __future__ import annotations

import pandas as pd

from pylmer.datasets.tables import read_table

__all__ = ["Dyestuff", "Dyestuff2", "InstEval", "Pastes", "Penicillin", "cake", "sleepstudy"]


def sleepstudy() -> pd.DataFrame:
    """Reaction times of 18 people through ten days, most of them with three hours in bed a night.

    Returns
    -------
    DataFrame
        180 rows, one for each person and day, with the columns

        ``Reaction`` : float
            Mean reaction time of the day, milliseconds.
        ``Days`` : float
            Day of the study, 0 to 9. Days 0 and 1 are training and day 2 the baseline; short nights follow.
        ``Subject`` : factor, 18 levels
            The person's number.

    Notes
    -----
    Source: R package lme4.

    References
    ----------
    Belenky, G. et al. (2003). Patterns of performance degradation and restoration during sleep restriction and
    subsequent recovery. *Journal of Sleep Research* 12, 1-12.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.sleepstudy().shape
    (180, 3)
    """
    return read_table("sleepstudy").frame()


def Dyestuff() -> pd.DataFrame:
    """Yield of dyestuff from six batches of an intermediate product, five preparations each.

    Returns
    -------
    DataFrame
        30 rows, one for each preparation, with the columns

        ``Batch`` : factor, levels A to F
            Batch of the intermediate product.
        ``Yield`` : float
            Yield, grams of standard colour.

    Notes
    -----
    Source: R package lme4.

    References
    ----------
    Davies, O. L. and Goldsmith, P. L., eds (1972). *Statistical Methods in Research and Production*,
    4th ed., Oliver and Boyd, section 6.4.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.Dyestuff().shape
    (30, 2)
    """
    return read_table("Dyestuff").frame()


def Dyestuff2() -> pd.DataFrame:
    """Generated data in the form of `Dyestuff`, in which batches differ less than chance makes them differ.

    The variance between batches is estimated as zero: the plain example of a singular fit.

    Returns
    -------
    DataFrame
        30 rows, one for each preparation, with the columns

        ``Batch`` : factor, levels A to F
            Batch.
        ``Yield`` : float
            Generated yield, without a unit.

    Notes
    -----
    Source: R package lme4.

    References
    ----------
    Box, G. E. P. and Tiao, G. C. (1973). *Bayesian Inference in Statistical Analysis*, Addison-Wesley, section 5.1.2.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.Dyestuff2().shape
    (30, 2)
    """
    return read_table("Dyestuff2").frame()


def Penicillin() -> pd.DataFrame:
    """Six samples of penicillin, each tested on 24 plates: a fully crossed design.

    Returns
    -------
    DataFrame
        144 rows, one for each plate and sample, with the columns

        ``diameter`` : float
            Diameter of the zone free of bacteria, millimetres.
        ``plate`` : factor, levels a to x
            Assay plate.
        ``sample`` : factor, levels A to F
            Sample of penicillin.

    Notes
    -----
    Source: R package lme4.

    References
    ----------
    Davies, O. L. and Goldsmith, P. L., eds (1972). *Statistical Methods in Research and Production*,
    4th ed., Oliver and Boyd, section 6.6.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.Penicillin().shape
    (144, 3)
    """
    return read_table("Penicillin").frame()


def Pastes() -> pd.DataFrame:
    """Strength of a chemical paste: two assays of each of three casks from ten deliveries.

    Returns
    -------
    DataFrame
        60 rows, one for each assay, with the columns

        ``strength`` : float
            Strength of the paste, without a stated unit.
        ``batch`` : factor, levels A to J
            Delivery.
        ``cask`` : factor, levels a, b, c
            Cask within its delivery: cask a of one delivery is not cask a of another.
        ``sample`` : factor, 30 levels A:a to J:c
            Cask, named together with its delivery.

    Notes
    -----
    Source: R package lme4.

    References
    ----------
    Davies, O. L. and Goldsmith, P. L., eds (1972). *Statistical Methods in Research and Production*,
    4th ed., Oliver and Boyd, section 6.5.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.Pastes().shape
    (60, 4)
    """
    return read_table("Pastes").frame()


def cake() -> pd.DataFrame:
    """Breaking angle of chocolate cakes by recipe and baking temperature: a split-plot experiment.

    Returns
    -------
    DataFrame
        270 rows, one for each cake, with the columns

        ``replicate`` : factor, levels 1 to 15
            Batch of a recipe's batter; numbered anew in each recipe.
        ``recipe`` : factor, levels A, B, C
        ``temperature`` : ordered factor, levels 175 to 225
            Baking temperature, degrees Fahrenheit.
        ``angle`` : int
            Angle at which the cake broke, degrees.
        ``temp`` : float
            Baking temperature as a number, degrees Fahrenheit.

    Notes
    -----
    Source: R package lme4.

    References
    ----------
    Cook, F. E. (1938). *Chocolate cake, I. Optimum baking temperature*. Master's thesis, Iowa State College.
    Cochran, W. G. and Cox, G. M. (1957). *Experimental Designs*, 2nd ed., Wiley, p. 300.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.cake().shape
    (270, 5)
    """
    return read_table("cake").frame()


def InstEval() -> pd.DataFrame:
    """Ratings of lectures by students of ETH Zurich: large and partly crossed.

    Returns
    -------
    DataFrame
        73,421 rows, one for each rating, with the columns

        ``s`` : factor, 2,972 levels
            Student.
        ``d`` : factor, 1,128 levels
            Lecturer.
        ``studage`` : ordered factor, levels 2, 4, 6, 8
            Semesters that the student has been enrolled.
        ``lectage`` : ordered factor, levels 1 to 6
            Semesters since the lecture was given.
        ``service`` : factor, levels 0, 1
            Whether the lecture was given for another department than the lecturer's own.
        ``dept`` : factor, 14 levels
            Department of the lecture, in a code; the levels are not in numeric order.
        ``y`` : int
            Rating, 1 (poor) to 5 (very good).

    Notes
    -----
    Source: R package lme4.

    References
    ----------
    Bates, D., Maechler, M., Bolker, B. and Walker, S. (2015). Fitting linear mixed-effects models using lme4.
    *Journal of Statistical Software* 67(1), 1-48.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.InstEval().shape
    (73421, 7)
    """
    return read_table("InstEval").frame()
