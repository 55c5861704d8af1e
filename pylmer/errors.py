"""Error and warning classes: what is wrong, the value met, what to do."""

__all__ = [
    "BootstrapInterrupted",
    "BootstrapStopped",
    "ConvergenceWarning",
    "DataError",
    "FormulaError",
    "ModelError",
    "PylmerError",
    "RMessage",
    "RWarning",
]


class PylmerError(ValueError):
    """Base class of every error that pylmer raises on purpose."""


class FormulaError(PylmerError):
    """A formula that cannot be parsed, or names something that is not there."""


class DataError(PylmerError):
    """Data that cannot be used: missing columns, wrong types, no rows."""


class ModelError(PylmerError):
    """A model that cannot be fitted, or a question that a fit cannot answer."""


class BootstrapStopped(ModelError):
    """A bootstrap that ended early: ``partial`` has the replicates that were finished."""

    def __init__(self, text: str, partial: object) -> None:
        super().__init__(text)
        self.partial = partial


class BootstrapInterrupted(KeyboardInterrupt):
    """A bootstrap that was interrupted: ``partial`` has the replicates that were finished."""

    def __init__(self, text: str, partial: object) -> None:
        super().__init__(text)
        self.partial = partial


class RWarning(UserWarning):
    """What R gives as a warning()."""


class ConvergenceWarning(RWarning):
    """The optimizer's result cannot be trusted, with the evidence."""


class RMessage(UserWarning):
    """What R gives as a message(): information, not a warning.

    Python has no message stream of its own, so a message travels as a warning of this class, whose text is R's; it is
    shown once per place as any warning is, and ``warnings.simplefilter("ignore", RMessage)`` is R's
    ``suppressMessages``.
    """
