from typing import Any

import numpy as np
from numpy.typing import NDArray

from .typing import Reals

def accuracy(
    outputs: Reals, targets: NDArray[np.integer[Any]] | Reals, sample_weight: NDArray[np.float64] | None = None
) -> float: ...
def binary_accuracy(outputs: Reals, targets: Reals, sample_weight: NDArray[np.float64] | None = None) -> float: ...
def r2(outputs: Reals, targets: Reals, sample_weight: NDArray[np.float64] | None = None) -> float: ...
