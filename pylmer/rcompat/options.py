"""R's options() for printed text: how many digits, how wide, which version of lme4 to follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from types import TracebackType

from pylmer.errors import PylmerError

__all__ = ["Options", "OptionsBefore", "current_options", "options"]


@dataclass(frozen=True, slots=True)
class Options:
    """The settings that printed text depends on.

    Parameters
    ----------
    digits
        Significant digits, R's ``digits``; 1 to 22.
    width
        Characters in a line, R's ``width``; 10 to 10000.
    scipen
        Penalty on scientific notation, R's ``scipen``.
    lme4
        The version of lme4 whose text is followed: from 1.1-36 on the ML row of ``print`` and ``summary`` says
        ``-2*log(L)``, before it says ``deviance``.
    useFancyQuotes
        True for the curly quotes that R prints in a UTF-8 locale, False for the straight ones of the C locale.
    show_signif_stars
        Whether tables with p-values get stars, R's ``show.signif.stars``.
    lme4_summary_cor_max
        The largest number of fixed effects whose correlations ``summary`` prints, ``lme4.summary.cor.max``.
    max_print
        The largest number of entries that are printed, R's ``max.print``.
    collation
        What sorts the levels of character variables: ``"C"`` by code point, ``"en"`` as R does in a UTF-8 locale.
    """

    digits: int = 7
    width: int = 80
    scipen: int = 0
    lme4: str = "1.1-37"
    useFancyQuotes: bool = True
    show_signif_stars: bool = True
    lme4_summary_cor_max: int = 12
    max_print: int = 99999
    collation: str = "C"

    def __post_init__(self) -> None:
        """Refuse values that R refuses."""
        if not 1 <= self.digits <= 22:
            raise PylmerError(f"invalid 'digits' parameter, allowed 1...22 (met {self.digits!r})")
        if not 10 <= self.width <= 10000:
            raise PylmerError(f"invalid 'width' parameter, allowed 10...10000 (met {self.width!r})")
        if self.collation not in ("C", "en"):
            raise PylmerError(f"unknown collation {self.collation!r}: use 'C' or 'en'")

    @property
    def lme4_version(self) -> tuple[int, ...]:
        """``lme4`` as numbers that compare, ``(1, 1, 37)``."""
        return tuple(int(part) for part in self.lme4.replace("-", ".").split("."))


_current = Options()
_NAMES = frozenset(f.name for f in fields(Options))


def current_options() -> Options:
    """Return the settings in force."""
    return _current


class OptionsBefore(Mapping[str, object]):
    """The settings as they were before a call of `options`; leaving a ``with`` block puts them back."""

    def __init__(self, before: Options) -> None:
        self._before = before

    def __getitem__(self, name: str) -> object:
        if name not in _NAMES:
            raise KeyError(name)
        return getattr(self._before, name)

    def __iter__(self) -> Iterator[str]:
        return iter(asdict(self._before))

    def __len__(self) -> int:
        return len(_NAMES)

    def __enter__(self) -> Options:
        """Give the settings now in force."""
        return _current

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put back the settings of before."""
        global _current
        _current = self._before

    def __repr__(self) -> str:
        return f"options({', '.join(f'{k}={v!r}' for k, v in self.items())})"


def options(**settings: object) -> OptionsBefore:
    """Set R's options for printed text and give back what they were.

    Parameters
    ----------
    **settings
        Fields of `Options`; a dot in R's name is an underscore here.

    Returns
    -------
    OptionsBefore
        A mapping with the settings of before, which is also a context manager: after a ``with`` block they hold again.
        Without arguments nothing changes, and the mapping is what is in force.

    Raises
    ------
    PylmerError
        For an unknown name or a value that R refuses.

    Examples
    --------
    >>> with options(digits=3):
    ...     current_options().digits
    3
    >>> options()["digits"]
    7
    """
    global _current
    unknown = sorted(set(settings) - _NAMES)
    if unknown:
        raise PylmerError(f"unknown option {unknown[0]!r}; known are {', '.join(sorted(_NAMES))}")
    before = _current
    _current = replace(before, **settings)  # type: ignore[arg-type]
    return OptionsBefore(before)
