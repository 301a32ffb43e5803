from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .typing import Initializer

# (generator, n_in, n_out) -> weights of shape (n_in, n_out)
INITIALIZERS: dict[Initializer, Callable[[np.random.RandomState, int, int], NDArray[np.float64]]]

def generator(seed: int) -> np.random.RandomState: ...
