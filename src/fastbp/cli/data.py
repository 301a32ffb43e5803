"""What ``fastbp train`` learns from: training, validation and test parts, scaled, and the recipe that made them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import load_csv, load_digits, load_idx
from ..datasets.table import Classes, TableEncoding
from .recipe import Recipe, Scaling

Part = tuple[NDArray[Any], NDArray[Any]]
Rows = NDArray[np.intp]

VALIDATION_SHARE, TEST_SHARE = 0.1, 0.2


@dataclass(frozen=True)
class Problem:
    """A name, three pairs (X, y) ready for a network, and the recipe. ``y`` is class codes, or scaled targets."""

    name: str
    training: Part
    validation: Part
    test: Part
    recipe: Recipe

    @property
    def n_outputs(self) -> int:
        """One output a class, or one."""
        return 1 if self.recipe.classes is None else len(self.recipe.classes)


def digits(seed: int) -> Problem:
    """Return the problem of the bundled digits."""
    X, y = load_digits()
    rows = split(y, seed, VALIDATION_SHARE, TEST_SHARE)
    return _problem("digits", [(X[part], y[part]) for part in rows], classes=tuple(range(10)), shared_scale=True)


def idx(folder: str, seed: int) -> Problem:
    """Return the problem of a folder of IDX files; the validation part comes out of the training images."""
    if Path(folder).is_file():
        raise ValueError(f"{folder}: expected a folder with four IDX files, found a file")
    (X, y), (X_test, y_test) = load_idx(folder)
    if X.shape[1] != X_test.shape[1]:
        raise ValueError(f"{folder}: expected test images of {X.shape[1]} pixels, found {X_test.shape[1]}")
    classes = np.unique(y)
    unknown = np.setdiff1d(y_test, classes)
    if len(unknown):
        raise ValueError(f"{folder}: expected test labels among {classes.tolist()}, found {unknown.tolist()}")
    training, validation, _ = split(y, seed, VALIDATION_SHARE, 0)
    parts = [(X[training], y[training]), (X[validation], y[validation]), (X_test, y_test)]
    return _problem(
        Path(folder).resolve().name,
        [(X, np.searchsorted(classes, y)) for X, y in parts],
        classes=tuple(classes.tolist()),
        shared_scale=True,
    )


def table(path: str, seed: int, **options: Any) -> Problem:
    """Return the problem of a CSV file; the options are those of `load_csv`."""
    data = load_csv(path, dtype=np.float64, **options)
    groups = np.zeros(len(data.y), int) if data.classes is None else data.y
    try:
        rows = split(groups, seed, VALIDATION_SHARE, TEST_SHARE)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    parts = [(data.X[part], data.y[part]) for part in rows]
    name = Path(path).name.removesuffix(".gz").removesuffix(".csv")
    return _problem(name, parts, classes=data.classes, encoding=data.encoding)


def split(groups: NDArray[Any], seed: int, validation: float, test: float) -> tuple[Rows, Rows, Rows]:
    """Divide the rows at random into training, validation and test rows, in each group by the same shares.

    Returns three arrays of row numbers, each in ascending order.
    """
    rng = np.random.default_rng(seed)
    parts: tuple[list[Rows], list[Rows], list[Rows]] = [], [], []
    for group in np.unique(groups):
        rows = rng.permutation(np.flatnonzero(groups == group))
        n_test, n_validation = round(test * len(rows)), round(validation * len(rows))
        n_training = len(rows) - n_validation - n_test
        for part, chosen in zip(parts, np.split(rows, [n_training, n_training + n_validation]), strict=True):
            part.append(chosen)
    training, held_out, tested = (np.sort(np.concatenate(part)) for part in parts)
    if not len(held_out) or (test and not len(tested)):
        raise ValueError(
            f"expected enough rows to set some aside for validation and test (at least six of a class), found "
            f"{len(groups)} rows in {len(parts[0])} group{'s' * (len(parts[0]) > 1)}"
        )
    return training, held_out, tested


def _problem(
    name: str,
    parts: list[Part],
    classes: Classes | None,
    encoding: TableEncoding | None = None,
    shared_scale: bool = False,
) -> Problem:
    features = Scaling.fit(parts[0][0], shared_scale)
    target = None
    if classes is None:
        parts = [(X, y[:, np.newaxis]) for X, y in parts]
        target = Scaling.fit(parts[0][1])
    training, validation, test = ((features.apply(X), y if target is None else target.apply(y)) for X, y in parts)
    return Problem(name, training, validation, test, Recipe(classes, encoding, features, target))
