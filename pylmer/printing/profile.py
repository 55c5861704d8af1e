"""R's text of likelihood profiles: the data frame that they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pylmer.inference.profile import Profile
from pylmer.rcompat.layout import print_data_frame
from pylmer.rcompat.printable import as_text

__all__ = ["profile_text"]


def profile_text(x: Profile, digits: int | None = None) -> str:
    """R's print of a profile.

    Parameters
    ----------
    x
        A profile.
    digits
        Significant digits, default the option.

    Returns
    -------
    str
        Lines without a last newline.
    """
    curves = list(x.curves.items())
    others = np.concatenate([c.others for _, c in curves])
    columns: dict[str, NDArray[np.float64] | Sequence[str]] = {".zeta": np.concatenate([c.zeta for _, c in curves])}
    columns.update({name: others[:, j] for j, name in enumerate(x.names)})
    columns[".par"] = [name for name, c in curves for _ in c.zeta]
    labels = [str(label) for _, c in curves for label in c.labels]
    return print_data_frame(columns, labels, digits)


@as_text.register
def _(x: Profile, *, digits: int | None = None) -> str:
    return profile_text(x, digits)
