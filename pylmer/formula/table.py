"""Tables of every make, seen as R sees a data frame: columns by name, each with a type of R, and labels of the rows."""

from __future__ import annotations

import difflib
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pylmer.errors import DataError
from pylmer.formula.values import Character, Matrix, Value, Vector
from pylmer.rcompat.factors import Factor, as_labels, match_levels

_column_array: Any = getattr(pd.DataFrame, "_get_column_array", None)
RowNames = tuple[object, ...] | NDArray[np.generic]

__all__ = ["RowNames", "Table", "as_table", "nearest", "value_of", "value_of_any"]


class Table:
    """A data frame of any make.

    Parameters
    ----------
    names
        Names of the columns, in order.
    n
        Number of rows; None where no column tells (an empty table).
    fetch
        Gives a column by its name.
    labels
        Gives the labels of the rows; None means 1, 2, ..., n, as in R.
    """

    __slots__ = ("_columns", "_fetch", "_labels", "n", "names")

    def __init__(
        self,
        names: tuple[str, ...],
        n: int | None,
        fetch: Callable[[str], Value],
        labels: Callable[[], RowNames] | None,
    ) -> None:
        self.names = names
        self.n = n
        self._fetch = fetch
        self._labels = labels
        self._columns: dict[str, Value] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def column(self, name: str) -> Value:
        """The column of this name, typed as R would have it; KeyError where there is none."""
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = self._fetch(name)
        return found

    def row_names(self) -> RowNames:
        """The labels of all rows."""
        if self._labels is not None:
            return self._labels()
        return np.arange(1, (self.n or 0) + 1)


def nearest(name: str, known: tuple[str, ...] | list[str], count: int = 3) -> list[str]:
    """The names that look most like this one, best first."""
    exact = [k for k in known if k.lower() == name.lower() and k != name]
    close = difflib.get_close_matches(name, known, n=count, cutoff=0.5)
    return list(dict.fromkeys([*exact, *close]))[:count]


def as_table(data: object) -> Table:
    """See a pandas or polars data frame, a pyarrow table, a mapping of arrays or None as a :class:`Table`.

    Raises
    ------
    DataError
        If it is none of these, or its columns have different lengths.
    """
    if isinstance(data, pd.DataFrame):
        return _pandas_table(data)
    if isinstance(data, Table):
        return data
    if data is None:
        return Table((), None, _no_column, None)
    if isinstance(data, Mapping):
        return _mapping_table(data)
    import narwhals.stable.v1 as nw  # only for tables that are not pandas

    try:
        frame = nw.from_native(data, eager_only=True)
    except TypeError:
        raise DataError(
            f"'data' is a {type(data).__name__}: give a pandas or polars data frame, a pyarrow table, a dict of arrays"
        ) from None
    names = tuple(frame.columns)
    return Table(names, len(frame), lambda name: _narwhals_column(frame, names, name), None)


def _no_column(name: str) -> Value:
    raise KeyError(name)


def _pandas_table(data: pd.DataFrame) -> Table:
    columns = data.columns
    names = _names_of(columns)
    return Table(
        names, len(data), lambda name: value_of(_pandas_array(data, columns, name), name), lambda: data.index.values
    )


def _pandas_array(data: pd.DataFrame, columns: pd.Index, name: str) -> Any:
    """The array behind a column, without the cost of a Series."""
    position = columns.get_loc(name)
    if not isinstance(position, int):
        raise DataError(f"the data frame has more than one column named {name!r}; rename one of them")
    if _column_array is not None:  # the plain way costs 20 times as much
        return _column_array(data, position)
    return data.iloc[:, position].array


def _mapping_table(data: Mapping[str, object]) -> Table:
    lengths = {str(k): len(v) for k, v in data.items() if hasattr(v, "__len__") and not isinstance(v, str)}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{k}: {n}" for k, n in lengths.items())
        raise DataError(
            f"arguments imply differing number of rows: the columns of 'data' have different lengths ({listed})"
        )
    n = next(iter(lengths.values()), None)
    return Table(tuple(str(k) for k in data), n, lambda name: value_of_any(data[name], name), None)


def value_of_any(column: object, name: str) -> Value:
    """Type an array, a list or a series of any library as R would have it."""
    if isinstance(column, pd.Series):
        return value_of(column.values, name)
    if isinstance(column, (np.ndarray, pd.Categorical, pd.api.extensions.ExtensionArray)):
        return value_of(column, name)
    if isinstance(column, Factor):
        return column
    import narwhals.stable.v1 as nw  # only for tables that are not pandas

    try:
        series = nw.from_native(column, series_only=True)  # type: ignore[call-overload]
    except TypeError:
        return value_of(_array_of(column, name), name)
    return _narwhals_series(series, name)


def _array_of(column: object, name: str) -> NDArray[Any]:
    """A list as an array: numbers stay numbers (None is NA), anything with a string stays objects."""
    try:
        values = [column] if isinstance(column, (str, bytes, int, float, bool)) else list(column)  # type: ignore[call-overload]
    except TypeError:
        raise _unusable(name, type(column).__name__) from None
    if any(v is None or isinstance(v, str) for v in values):
        out = np.empty(len(values), dtype=object)
        out[:] = values
        return out
    try:
        return np.asarray(values)
    except ValueError:
        raise _unusable(name, "list") from None


def _narwhals_column(frame: Any, names: tuple[str, ...], name: str) -> Value:
    if name not in names:
        raise KeyError(name)
    return _narwhals_series(frame[name], name)


def _narwhals_series(series: Any, name: str) -> Value:
    """A column of polars or pyarrow."""
    import narwhals.stable.v1 as nw  # only for tables that are not pandas

    dtype = series.dtype
    if dtype in (nw.Categorical, nw.Enum):
        return _narwhals_factor(series)
    if dtype == nw.String:
        return _narwhals_strings(series)
    if dtype == nw.Boolean:
        return value_of(_object_array(series) if series.null_count() else series.to_numpy(), name)
    if dtype.is_numeric():
        values = series.cast(nw.Float64).to_numpy().astype(np.float64)
        return Vector(values, "integer" if dtype.is_integer() else "double")
    raise _unusable(name, str(dtype))


def _object_array(series: Any) -> NDArray[np.object_]:
    return np.asarray(series.to_list(), dtype=object)


def _narwhals_strings(series: Any) -> Character:
    native = series.to_native()
    if not hasattr(native, "dictionary_encode"):
        return Character(_object_array(series))
    joined = native.dictionary_encode().combine_chunks()  # pyarrow: few objects instead of one for each row
    codes = joined.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.intp)
    met = np.array([*joined.dictionary.to_pylist(), None], dtype=object)
    return Character(met[codes])


def _narwhals_factor(series: Any) -> Factor:
    """A categorical column: its categories in order, None as a missing value."""

    native = series.to_native()
    if hasattr(native, "combine_chunks"):  # pyarrow has the codes at hand
        joined = native.combine_chunks()
        codes = joined.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.intp)
        return Factor(codes, as_labels(joined.dictionary.to_pylist()), ordered=bool(native.type.ordered))
    levels = as_labels(series.cat.get_categories().to_list())
    met = Character(_object_array(series)).factor()
    return Factor(match_levels(met, levels)[0], levels)


def value_of(array: Any, name: str = "x") -> Value:
    """Type an array of numpy or pandas as R would have it.

    Parameters
    ----------
    array
        ``(n,)`` numbers, truth values, strings (None for NA), a pandas Categorical or other pandas array; or ``(n, k)``
        numbers.
    name
        What to call it in an error.
    """
    if isinstance(array, np.ndarray):
        return _value_of_numpy(array, name)
    if isinstance(array, pd.Categorical):
        return Factor(array.codes.astype(np.intp), _labels_of(array.categories), bool(array.ordered))
    if hasattr(array, "to_dense"):
        return _value_of_numpy(np.asarray(array), name)
    dtype = array.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return Vector(array.to_numpy(dtype=np.float64, na_value=np.nan), "logical")
    if pd.api.types.is_numeric_dtype(dtype):
        values = array.to_numpy(dtype=np.float64, na_value=np.nan)
        return Vector(values, "integer" if pd.api.types.is_integer_dtype(dtype) else "double")
    if pd.api.types.is_string_dtype(dtype):
        return Character(array)
    raise _unusable(name, str(dtype))


def _value_of_numpy(array: NDArray[Any], name: str) -> Value:
    kind = array.dtype.kind
    if array.ndim == 2 and kind in "fiub":
        return Matrix(np.asarray(array, dtype=np.float64))
    if array.ndim != 1:
        raise DataError(f"variable {name!r} has {array.ndim} dimensions; give a vector, or a matrix of numbers")
    if kind == "f":
        return Vector(array if array.dtype == np.float64 else array.astype(np.float64))
    if kind in "iu":
        return Vector(array.astype(np.float64), "integer")
    if kind == "b":
        return Vector(array.astype(np.float64), "logical")
    if kind in "UT":
        return Character(array.astype(object))
    if kind == "O":
        return _value_of_objects(array, name)
    raise _unusable(name, str(array.dtype))


def _value_of_objects(array: NDArray[Any], name: str) -> Value:
    inferred = pd.api.types.infer_dtype(array, skipna=True)
    if inferred in ("string", "empty"):
        return Character(array)
    if inferred == "boolean":
        return Vector(np.array([np.nan if pd.isna(v) else float(v) for v in array]), "logical")
    if inferred in ("integer", "floating", "mixed-integer-float", "decimal"):
        try:
            values = np.array([np.nan if pd.isna(v) else float(v) for v in array])
        except OverflowError:
            raise DataError(f"variable '{name}' has a whole number beyond the range of doubles: rescale it") from None
        return Vector(values, "integer" if inferred == "integer" else "double")
    raise _unusable(name, inferred)


def _unusable(name: str, dtype: str) -> DataError:
    advice = "convert it to numbers, strings, truth values or a categorical"
    if dtype.startswith(("date", "Date", "timestamp")):
        advice = f"give numbers; (d['{name}'] - pd.Timestamp('1970-01-01')).dt.days are the days that R's Date counts"
    return DataError(f"invalid type ({dtype}) for variable '{name}': {advice}")


_seen_names: dict[int, tuple[weakref.ref[pd.Index], tuple[str, ...]]] = {}
_seen_labels: dict[int, tuple[weakref.ref[pd.Index], tuple[str, ...]]] = {}
_MOST_SEEN = 256


def _labels_of(categories: pd.Index) -> tuple[str, ...]:
    """Labels of a categorical's categories; remembered as long as the categories live."""
    return _remembered(_seen_labels, categories, as_labels)


def _names_of(columns: pd.Index) -> tuple[str, ...]:
    """Names of a data frame's columns; remembered as long as the index lives."""
    return _remembered(_seen_names, columns, lambda names: tuple(names))  # type: ignore[arg-type]


def _remembered(
    seen: dict[int, tuple[weakref.ref[pd.Index], tuple[str, ...]]],
    index: pd.Index,
    make: Callable[[list[object]], tuple[str, ...]],
) -> tuple[str, ...]:
    """What was made of an index (they never change), made once."""
    key = id(index)
    known = seen.get(key)
    if known is not None and known[0]() is index:
        return known[1]
    labels = make(index.tolist())
    if len(seen) >= _MOST_SEEN:
        seen.clear()
    seen[key] = (weakref.ref(index), labels)
    return labels
