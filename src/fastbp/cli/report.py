"""Figures of a test, and their plain-text form."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_CLASSES = 20
MAX_NAME = 12


def regression_figures(y: NDArray[Any], predicted: NDArray[Any]) -> dict[str, float | None]:
    """Return R2 (None where all targets are equal, which leaves it undefined) and the root mean squared error."""
    residual, total = np.sum((y - predicted) ** 2), np.sum((y - y.mean()) ** 2)
    return {"r2": float(1 - residual / total) if total else None, "rmse": float(np.sqrt(residual / len(y)))}


def confusion_matrix(y: NDArray[Any], predicted: NDArray[Any], n_classes: int) -> NDArray[np.intp]:
    """Count the samples of each true class (row) that were predicted to be of each class (column)."""
    return np.bincount(y * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


def format_confusion(matrix: NDArray[np.intp], classes: Sequence[Any]) -> str:
    """Return the matrix as an aligned table; for many classes the commonest mistakes instead."""
    names = [_short(name) for name in classes]
    if len(classes) > MAX_CLASSES:
        return _commonest_mistakes(matrix, names)
    width = max(len(text) for text in [*names, *(str(n) for n in matrix.ravel())])
    lines = [[" " * width, *names]] + [[name, *map(str, row)] for name, row in zip(names, matrix, strict=True)]
    table = ("  ".join(f"{cell:>{width}}" for cell in line).rstrip() for line in lines)
    return "confusion matrix (row: true class, column: predicted)\n" + "\n".join(table)


def _commonest_mistakes(matrix: NDArray[np.intp], names: Sequence[str], limit: int = 10) -> str:
    mistakes = matrix - np.diag(matrix.diagonal())
    order = np.argsort(-mistakes, axis=None, kind="stable")[:limit]
    pairs = [divmod(int(i), len(names)) for i in order if mistakes.flat[i]]
    lines = [f"  {names[i]} taken for {names[j]}: {mistakes[i, j]}" for i, j in pairs]
    return "commonest mistakes:\n" + ("\n".join(lines) or "  none")


def _short(name: Any) -> str:
    text = " ".join(str(name).split())
    return text if len(text) <= MAX_NAME else text[: MAX_NAME - 2] + ".."
