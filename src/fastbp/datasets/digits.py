"""The handwritten digits that come with the package."""

from importlib.resources import files

import numpy as np
from numpy.typing import NDArray


def load_digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Load 1,797 handwritten digits, 8x8 pixels each.

    Returns
    -------
    X : ndarray of shape (1797, 64), float32
        The images, row by row; values are whole numbers from 0 (blank) to 16 (ink).
    y : ndarray of shape (1797,), int64
        The digit, 0 to 9.

    Notes
    -----
    Source: E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits* (1998), UCI Machine Learning
    Repository, the 1,797 images of the test part, https://doi.org/10.24432/C50P49, licence CC BY 4.0.

    Examples
    --------
    >>> X, y = load_digits()
    >>> X.shape, y[:5].tolist()
    ((1797, 64), [0, 1, 2, 3, 4])
    """
    with files(__package__).joinpath("digits.npz").open("rb") as file, np.load(file, allow_pickle=False) as data:
        return data["images"].astype(np.float32), data["labels"].astype(np.int64)
