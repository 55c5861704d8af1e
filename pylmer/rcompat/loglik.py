"""R's class logLik: a number that knows its degrees of freedom and its number of observations."""

from __future__ import annotations

import math

from pylmer.rcompat.printable import Printable

__all__ = ["LogLik"]


class LogLik(Printable, float):
    """A log-likelihood; ``str()`` is R's text.

    Parameters
    ----------
    value
        The log-likelihood.
    df
        Number of estimated parameters.
    nobs
        Number of observations.

    Examples
    --------
    >>> ll = LogLik(-100.0, df=3, nobs=50)
    >>> ll.AIC()
    206.0
    """

    df: int
    nobs: int

    def __new__(cls, value: float, df: int, nobs: int) -> LogLik:
        """Make the number and attach what belongs to it."""
        self = super().__new__(cls, value)
        self.df = df
        self.nobs = nobs
        return self

    def __getnewargs__(self) -> tuple[float, int, int]:  # type: ignore[override]
        """What a copy is made of."""
        return float(self), self.df, self.nobs

    def AIC(self, k: float = 2.0) -> float:
        """Akaike's criterion, ``-2 logLik + k df``."""
        return -2.0 * float(self) + k * self.df

    def BIC(self) -> float:
        """Schwarz's criterion, ``-2 logLik + log(nobs) df``."""
        return self.AIC(math.log(self.nobs))
