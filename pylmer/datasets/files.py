"""Tables from files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pylmer.errors import DataError

__all__ = ["read_table"]


def read_table(path: Path, factors: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a CSV or Parquet file.

    Parameters
    ----------
    path
        The file; Parquet if its name ends with ``.parquet``, else CSV.
    factors
        Columns to be taken as factors.

    Raises
    ------
    DataError
        If the file cannot be read, or a column is not there.
    """
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except ImportError:
        raise DataError(f"{path}: reading Parquet needs pyarrow; pip install pyarrow, or give a CSV file") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    for name in factors:
        if name not in table:
            known = ", ".join(map(str, table.columns))
            raise DataError(f"no column is called {name!r}; the columns are {known}")
        table[name] = table[name].astype("category")
    return table
