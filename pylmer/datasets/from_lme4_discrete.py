"""Data sets of the R package lme4 whose response is a count or a class."""

from __future__ import annotations

import pandas as pd

from pylmer.datasets.tables import read_table

__all__ = ["Arabidopsis", "VerbAgg", "cbpp", "grouseticks"]


def cbpp() -> pd.DataFrame:
    """Contagious bovine pleuropneumonia in 15 herds of zebu cattle, followed over four periods.

    Returns
    -------
    DataFrame
        56 rows, one for each herd and period observed, with the columns

        ``herd`` : factor, levels 1 to 15
        ``incidence`` : float
            New cases in the period.
        ``size`` : float
            Animals in the herd when the period began.
        ``period`` : factor, levels 1 to 4
            Three months each.

    Notes
    -----
    Source: R package lme4.

    References
    ----------
    Lesnoff, M. et al. (2004). Within-herd spread of contagious bovine pleuropneumonia in Ethiopian highlands.
    *Preventive Veterinary Medicine* 64, 27-40.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.cbpp().shape
    (56, 4)
    """
    return read_table("cbpp").frame()


def VerbAgg() -> pd.DataFrame:
    """Answers of 316 people to 24 questions about verbal aggression.

    Returns
    -------
    DataFrame
        7,584 rows, one for each person and question, with the columns

        ``Anger`` : int
            The person's trait anger score (STAXI).
        ``Gender`` : factor, levels F, M
        ``item`` : factor, 24 levels
            The question.
        ``resp`` : ordered factor, levels no, perhaps, yes
            The answer.
        ``id`` : factor, levels 1 to 316
            The person.
        ``btype`` : factor, levels curse, scold, shout
            Behaviour asked about.
        ``situ`` : factor, levels other, self
            Who is to blame in the situation asked about.
        ``mode`` : factor, levels want, do
            Whether the question asks about wanting or doing.
        ``r2`` : factor, levels N, Y
            `resp` in two classes: no, and perhaps or yes.

    Notes
    -----
    Source: R package lme4.

    References
    ----------
    De Boeck, P. and Wilson, M. (2004). *Explanatory Item Response Models*, Springer.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.VerbAgg().shape
    (7584, 9)
    """
    return read_table("VerbAgg").frame()


def grouseticks() -> pd.DataFrame:
    """Ticks on the heads of 403 red grouse chicks, by brood and place.

    Returns
    -------
    DataFrame
        403 rows, one for each chick, with the columns

        ``INDEX`` : factor, levels 1 to 403
            The chick.
        ``TICKS`` : float
            Ticks counted.
        ``BROOD`` : factor, 118 levels
        ``HEIGHT`` : float
            Height above the sea, metres.
        ``YEAR`` : factor, levels 95, 96, 97
            Year, 1900 subtracted.
        ``LOCATION`` : factor, 63 levels
            Place, in a code.
        ``cHEIGHT`` : float
            `HEIGHT` minus its mean, metres.

    Notes
    -----
    Source: R package lme4.

    References
    ----------
    Elston, D. A., Moss, R., Boulinier, T., Arrowsmith, C. and Lambin, X. (2001). Analysis of aggregation, a worked
    example: numbers of ticks on red grouse chicks. *Parasitology* 122, 563-569.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.grouseticks().shape
    (403, 7)
    """
    return read_table("grouseticks").frame()


def Arabidopsis() -> pd.DataFrame:
    """Fruits of Arabidopsis plants under fertilization and simulated herbivory.

    Returns
    -------
    DataFrame
        625 rows, one for each plant, with the columns

        ``reg`` : factor, levels NL, SP, SW
            Region: Netherlands, Spain, Sweden.
        ``popu`` : factor, 9 levels
            Population within its region.
        ``gen`` : int
            Number of the genotype.
        ``rack`` : int
            Rack of the greenhouse, 1 or 2.
        ``nutrient`` : int
            Fertilization, 1 (least) or 8 (added).
        ``amd`` : factor, levels clipped, unclipped
            Whether the apical meristem was clipped.
        ``status`` : factor, levels Normal, Petri.Plate, Transplant
            How the plant was germinated.
        ``total.fruits`` : int
            Fruits of the plant.

    Notes
    -----
    Source: R package lme4.

    References
    ----------
    Banta, J. A., Stevens, M. H. H. and Pigliucci, M. (2010). A comprehensive test of the 'limiting resources'
    framework applied to plant tolerance to apical meristem damage. *Oikos* 119, 359-369.

    Examples
    --------
    >>> from pylmer import datasets
    >>> datasets.Arabidopsis().shape
    (625, 8)
    """
    return read_table("Arabidopsis").frame()
