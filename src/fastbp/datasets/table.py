"""A CSV file as a table to learn from: numbers, categories as indicator columns, and a target."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .csv_file import (
    NUMBER,
    StrPath,
    TextColumn,
    as_numbers,
    listed,
    parse_numbers,
    pyarrow,
    read_columns,
    refuse_missing,
)

CLASSIFICATION, REGRESSION = "classification", "regression"
MAX_INTEGER_CLASSES = 20
MAX_CATEGORIES = 100


Classes = tuple[str, ...] | tuple[int, ...] | tuple[float, ...]


@dataclass(frozen=True)
class Column:
    """One feature column of a file: its name, and its categories in order, or None if it holds numbers."""

    name: str
    categories: tuple[str, ...] | None = None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns of ``X`` this column becomes: ``age``, or ``colour=blue``, ``colour=red``."""
        return (self.name,) if self.categories is None else tuple(f"{self.name}={c}" for c in self.categories)


@dataclass(frozen=True)
class TableEncoding:
    """How the columns of a file become the columns of ``X``; made by `load_csv`, applied to further files.

    Attributes
    ----------
    columns : tuple of Column
        The feature columns. A number column gives one column of ``X``; a column with k categories gives k, of
        which one is 1 and the others are 0.
    target : str
        Name of the target column.
    classes : tuple of str, int or float, or None
        What the class codes 0, 1, ... stand for; None for regression.
    delimiter : str
        What separates the fields of the file.
    """

    columns: tuple[Column, ...]
    target: str
    classes: Classes | None
    delimiter: str = ","

    @property
    def task(self) -> str:
        """``"classification"`` or ``"regression"``."""
        return REGRESSION if self.classes is None else CLASSIFICATION

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the columns of ``X``."""
        return tuple(name for column in self.columns for name in column.feature_names)

    def encode(self, path: StrPath, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Encode the rows of another file; columns it has beyond the feature columns are not looked at.

        Parameters
        ----------
        path : path
            A CSV file with a header line that names every feature column, in any order.
        dtype : dtype, default float32
            float32 or float64.

        Returns
        -------
        ndarray of shape (n_rows, len(feature_names))

        Raises
        ------
        FileNotFoundError, ValueError
            What `load_csv` raises; besides, a feature column is missing, or a category is new.
        """
        found = read_columns(path, self.delimiter)
        absent = [column.name for column in self.columns if column.name not in found]
        if absent:
            raise ValueError(f"{path}: expected a column {listed(absent)}, found {listed(list(found))}")
        return self._encode(path, found, dtype)

    def _encode(self, path: StrPath, found: Mapping[str, TextColumn], dtype: DTypeLike) -> NDArray[Any]:
        named = {column.name: found[column.name] for column in self.columns}
        refuse_missing(path, named, exempt={c.name for c in self.columns if c.categories is not None})
        n_rows = len(next(iter(named.values())))
        X = np.zeros((n_rows, len(self.feature_names)), dtype)
        start = 0
        for column in self.columns:
            if column.categories is None:
                X[:, start] = _within(path, column.name, as_numbers(path, column.name, named[column.name]), dtype)
            else:
                codes = _codes(path, column.name, named[column.name], column.categories)
                X[np.arange(n_rows), start + codes] = 1
            start += len(column.feature_names)
        return X

    def to_dict(self) -> dict[str, Any]:
        """Return the encoding as a dict that `json` can write."""
        return {
            "columns": {c.name: "number" if c.categories is None else list(c.categories) for c in self.columns},
            "target": self.target,
            "classes": None if self.classes is None else list(self.classes),
            "delimiter": self.delimiter,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TableEncoding":
        """Return the encoding that `to_dict` was called on."""
        return cls(
            columns=tuple(
                Column(name, None if kind == "number" else tuple(kind)) for name, kind in values["columns"].items()
            ),
            target=values["target"],
            classes=None if values["classes"] is None else tuple(values["classes"]),
            delimiter=values["delimiter"],
        )


@dataclass(frozen=True)
class Table:
    """A data set read from a CSV file.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_features), float32 (float64 on request)
    y : ndarray of shape (n_rows,)
        int64 class codes, or regression targets of the type of ``X``.
    encoding : TableEncoding
        How ``X`` and ``y`` were made; ``table.encoding.encode(path)`` does the same to another file.
    """

    X: NDArray[Any]
    y: NDArray[Any]
    encoding: TableEncoding

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the columns of ``X``."""
        return self.encoding.feature_names

    @property
    def classes(self) -> Classes | None:
        """What the codes in ``y`` stand for, or None for regression."""
        return self.encoding.classes

    @property
    def task(self) -> str:
        """``"classification"`` or ``"regression"``."""
        return self.encoding.task

    def encode(self, path: StrPath) -> NDArray[Any]:
        """Encode another file in the same way: see `TableEncoding.encode`."""
        return self.encoding.encode(path, self.X.dtype)


def load_csv(
    path: StrPath,
    target: str,
    *,
    task: str | None = None,
    categorical: Iterable[str] = (),
    ignore: Iterable[str] = (),
    delimiter: str = ",",
    dtype: DTypeLike = np.float32,
) -> Table:
    """Load a CSV file with a header line; needs pyarrow (``pip install "fastbp[cli]"``).

    A column of numbers is a feature as it stands. Any other column is taken as categories, one indicator column
    each, sorted; but a column that mixes text into numbers (half of it or more), or has more than 100 categories, is
    refused unless it is named in ``categorical``. Nothing is guessed for missing values (an empty field, NA, NaN, null
    and the like): they are refused, with the columns and the numbers of rows.

    Parameters
    ----------
    path : path
        The file, UTF-8; it may be compressed, if its name says so (``.gz``).
    target : str
        The column to predict.
    task : {"classification", "regression"}, optional
        By default a text target is classification, so is a target of whole numbers with at most 20 different
        values, and any other is regression.
    categorical : sequence of str
        Columns whose every text is a category, even if it looks like a number or a missing value.
    ignore : sequence of str
        Columns to leave out.
    delimiter : str, default ","
        What separates the fields: one character.
    dtype : {float32, float64}
        Type of ``X``, and of ``y`` for regression. float32 keeps 7 digits: ask for float64 if a column has large
        values that differ little, such as dates in seconds, and subtract an offset before training.

    Returns
    -------
    Table

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ImportError
        pyarrow is not installed.
    ValueError
        The file is empty, has no rows or no features, is ragged or not UTF-8, has missing values, or text among
        numbers; or a column named in the arguments does not exist; or the target does not suit the task.

    Examples
    --------
    >>> table = load_csv("iris.csv", target="species")            # doctest: +SKIP
    >>> table.X.shape, table.classes                               # doctest: +SKIP
    ((150, 4), ('setosa', 'versicolor', 'virginica'))
    >>> X_new = table.encode("more_flowers.csv")                   # doctest: +SKIP
    """
    categorical, ignore = _names("categorical", categorical), _names("ignore", ignore)
    if task not in (None, CLASSIFICATION, REGRESSION):
        raise ValueError(f"task: expected {CLASSIFICATION!r}, {REGRESSION!r} or None, found {task!r}")
    if not (isinstance(delimiter, str) and len(delimiter) == 1):
        raise ValueError(f"delimiter: expected one character, found {delimiter!r}")
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype: expected float32 or float64, found {np.dtype(dtype)}")
    found = read_columns(path, delimiter)
    _require(path, list(found), [target], "target", delimiter)
    _require(path, list(found), categorical, "categorical", delimiter)
    _require(path, list(found), ignore, "ignore", delimiter)
    if target in ignore:
        raise ValueError(f"ignore: expected columns other than the target, found {target!r}")
    found = {name: column for name, column in found.items() if name not in ignore}
    if len(found) == 1:
        raise ValueError(f"{path}: expected at least one feature column beside the target {target!r}, found none")
    if "" in found:
        raise ValueError(
            f"{path}: expected a name for every column, found none for column {list(found).index('') + 1}. If it "
            "numbers the rows, leave it out (ignore the column '')"
        )
    refuse_missing(path, found, exempt=categorical)
    target_column = found.pop(target)
    classes, y = _target(path, target, target_column, task, target in categorical, dtype)
    columns = tuple(_describe(path, name, column, name in categorical) for name, column in found.items())
    encoding = TableEncoding(columns, target, classes, delimiter)
    return Table(encoding._encode(path, found, dtype), y, encoding)


def _names(argument: str, value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{argument}: expected a sequence of column names, found one {type(value).__name__}: {value!r}")
    return tuple(value)


def _require(path: StrPath, found: Sequence[str], names: Iterable[str], argument: str, delimiter: str) -> None:
    absent = [name for name in names if name not in found]
    if absent:
        hint = ""
        if len(found) == 1:
            hint = f". It has one column only: is {delimiter!r} what separates the fields (delimiter)?"
        elif all(re.match(NUMBER, name) for name in found):
            hint = ". Those are numbers: the first line must hold the names of the columns"
        raise ValueError(f"{path}: {argument}: no column {listed(absent)}; the columns are {listed(found)}{hint}")


def _target(
    path: StrPath, name: str, column: TextColumn, task: str | None, as_text: bool, dtype: DTypeLike
) -> tuple[Classes | None, NDArray[Any]]:
    """Return the classes (None for regression) and the target values."""
    numeric = not as_text and _mostly_numbers(column)
    if task == REGRESSION and not numeric:
        raise ValueError(
            f"{path}: target {name!r}: expected numbers for regression, found text such as {column[0].as_py()!r}"
        )
    if not numeric or (task == CLASSIFICATION and not parse_numbers(column)[1].all()):
        texts = column.unique().to_pylist()
        classes = tuple(sorted(texts))
        return _checked(path, name, classes), _codes(path, name, column, classes)
    values = as_numbers(path, name, column)
    distinct = np.unique(values)
    whole = bool((distinct == np.floor(distinct)).all())
    if task == REGRESSION or (task is None and not (whole and len(distinct) <= MAX_INTEGER_CLASSES)):
        return None, _within(path, name, values, dtype).astype(dtype)
    numbers = tuple(map(int, distinct)) if whole else tuple(map(float, distinct))
    return _checked(path, name, numbers), np.searchsorted(distinct, values).astype(np.int64)


def _checked(path: StrPath, name: str, classes: Classes) -> Classes:
    if len(classes) < 2:
        raise ValueError(f"{path}: target {name!r}: expected at least two classes, found only {classes[0]!r}")
    return classes


def _describe(path: StrPath, name: str, column: TextColumn, as_text: bool) -> Column:
    """Decide whether a column holds numbers or categories."""
    if not as_text and _mostly_numbers(column):
        return Column(name)
    categories = sorted(column.unique().to_pylist())
    if len(categories) > MAX_CATEGORIES and not as_text:
        raise ValueError(
            f"{path}: column {name!r}: expected numbers or at most {MAX_CATEGORIES} categories, found "
            f"{len(categories)} different texts, such as {categories[0]!r}. Leave the column out (ignore), or take "
            "each text as a category all the same (categorical)"
        )
    return Column(name, tuple(categories))


def _mostly_numbers(column: TextColumn) -> bool:
    # A column is one of numbers if at least half of its fields are; then every field has to be, so that a slip of the
    # pen does not turn a measurement into hundreds of categories.
    return bool(parse_numbers(column)[1].mean() >= 0.5)


def _codes(path: StrPath, name: str, column: TextColumn, categories: Sequence[str]) -> NDArray[np.int64]:
    """Return the position of each field's text in ``categories``."""
    pa = pyarrow()
    found = pa.compute.index_in(column, value_set=pa.array(categories, pa.string()))
    if found.null_count:
        row = int(found.is_null().to_numpy(zero_copy_only=False).argmax())
        raise ValueError(
            f"{path}: column {name!r}: expected one of the categories {listed(list(categories))}, found "
            f"{column[row].as_py()!r} in row {row + 1}"
        )
    codes: NDArray[np.int64] = found.to_numpy().astype(np.int64)
    return codes


def _within(path: StrPath, name: str, values: NDArray[np.float64], dtype: DTypeLike) -> NDArray[np.float64]:
    largest = np.finfo(dtype).max
    beyond = np.abs(values) > largest
    if beyond.any():
        row = int(beyond.argmax())
        raise ValueError(
            f"{path}: column {name!r}: expected numbers up to {largest:.3g}, found {values[row]:g} in row {row + 1}"
        )
    return values
