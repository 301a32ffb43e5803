"""What comes in as X: data frames with columns of categories, sparse matrices."""

import numbers

import numpy as np
from sklearn.utils import check_array, check_X_y
from sklearn.utils.validation import validate_data

from .._engine.training import permutation

_CATEGORICAL = ("category", "categorical", "enum", "str", "utf8", "object")
_ELEMENTS = 2**20  # of a sparse matrix, expanded at one time


def is_frame(X):
    """Whether X is a pandas or polars DataFrame, or looks like one."""
    return hasattr(X, "columns") and hasattr(X, "dtypes") and not isinstance(X, np.ndarray)


class Categories:
    """The categories of a frame's columns, and the codes that stand for them.

    Attributes
    ----------
    values : dict of int to ndarray
        The categories, in ascending order, of each column that holds them, by number: names may be there twice.
    names : list
        Of these columns.
    """

    def __init__(self, X):
        self.values = {}
        self.names = []
        if is_frame(X):
            for number, name in enumerate(X.columns):
                column = _column(X, number)
                if _is_categorical(column):
                    self.values[number] = _found(_without_missing(column, name), name)
                    self.names.append(name)

    @property
    def counts(self):
        """How many categories there are in each of these columns: dict of int to int."""
        return {number: len(values) for number, values in self.values.items()}

    def encoded(self, X):
        """Return a frame as an array of floats, categories as their codes.

        Raises
        ------
        ValueError
            If it is no frame, or has a category that was not there before, or numbers are missing or infinite, or a
            column holds neither numbers nor categories.
        """
        if not is_frame(X):
            raise ValueError(
                f"X must be a data frame, for the columns {', '.join(map(repr, self.names))} hold categories, got "
                f"{type(X).__name__}"
            )
        encoded = np.empty((len(X), len(X.columns)))
        for number, name in enumerate(X.columns):
            column = _column(X, number)
            encoded[:, number] = self._codes(column, number, name) if number in self.values else _numbers(column, name)
        return encoded

    def _codes(self, column, number, name):
        values, known = _without_missing(column, name), self.values[number]
        table = {value: code for code, value in enumerate(known.tolist())}
        try:
            return [table[value] for value in values.tolist()]
        except KeyError as error:
            shown = ", ".join(map(repr, known[:10].tolist())) + (", ..." if len(known) > 10 else "")
            raise ValueError(
                f"column {name!r} holds the category {error.args[0]!r}, which was not there in fit: it knows {shown}. "
                "Replace it, or fit with data that has it"
            ) from None


def _column(X, number):
    return X.iloc[:, number] if hasattr(X, "iloc") else X[X.columns[number]]


def _numbers(column, name):
    values = np.asarray(column)
    if values.dtype.kind in "mM":
        raise ValueError(
            f"column {name!r} holds dates or durations, {column.dtype}, which are no numbers: make numbers of them, "
            "days since a date say"
        )
    return check_array(values, ensure_2d=False, dtype=np.float64, input_name=f"X[{name!r}]")


def _is_categorical(column):
    dtype = str(column.dtype).lower()
    if not dtype.startswith(_CATEGORICAL):
        return False
    return dtype != "object" or not all(isinstance(value, numbers.Number) for value in column)


def _without_missing(column, name):
    values = np.asarray(column)
    missing = column.isna() if hasattr(column, "isna") else column.is_null()
    if np.asarray(missing).any():
        raise ValueError(
            f"column {name!r} lacks the category of row {int(np.argmax(missing))}: give what is missing a category of "
            "its own, or drop the row"
        )
    return values


def _found(values, name):
    try:
        return np.unique(values)
    except TypeError as error:
        raise ValueError(f"column {name!r} holds values of several types, {error}: convert it to strings") from error


def validated(estimator, X, reset, **options):
    """Return X as scikit-learn validates it, and more of it: frames with categories become arrays of floats.

    With reset the estimator takes note of features, names and categories. `options` are those of `validate_data`.
    """
    if reset:
        estimator._categories = Categories(X)
    y = options.pop("y", "no_validation")
    if not estimator._categories.values:
        kind = {"accept_sparse": "csr", "dtype": (np.float64, np.float32), "reset": reset}
        return validate_data(estimator, X, y, **kind, **options)
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    encoded = estimator._categories.encoded(X)
    if isinstance(y, str):
        return check_array(encoded)
    return check_X_y(encoded, y, estimator=estimator, **options)


class SparseRows:
    """The rows of a sparse matrix for `Trainer.fit`, expanded some mini-batches at a time.

    They come in the order that the trainer would take them in, were they dense: so the result is the same, bit for bit.

    Parameters
    ----------
    X : csr matrix of shape (n_samples, n_in)
    targets : ndarray
    sample_weight : ndarray or None
    trainer : Trainer
    shuffle : bool
    """

    def __init__(self, X, targets, sample_weight, trainer, shuffle):
        self.X = X
        self.targets = targets
        self.sample_weight = sample_weight
        self.trainer = trainer
        self.shuffle = shuffle

    def __iter__(self):
        n, trainer = self.X.shape[0], self.trainer
        order = permutation(n, trainer.seed, trainer.epoch) if self.shuffle else np.arange(n)
        size = trainer.batch_size
        size *= max(1, _ELEMENTS // (size * self.X.shape[1]))
        for begin in range(0, n, size):
            rows = order[begin : begin + size]
            block = self.X[rows].toarray(), self.targets[rows]
            yield block if self.sample_weight is None else (*block, self.sample_weight[rows])


def dense_blocks(X):
    """Yield slices of the rows of a sparse matrix, and these rows expanded."""
    size = max(1, _ELEMENTS // X.shape[1])
    for begin in range(0, X.shape[0], size):
        rows = slice(begin, begin + size)
        yield rows, X[rows].toarray()
