from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .typing import Initializer

# (generator, shape, n_in, n_out) -> numbers of that shape, for a layer of so many inputs and outputs
INITIALIZERS: dict[Initializer, Callable[[np.random.RandomState, tuple[int, ...], int, int], NDArray[np.float64]]]

def generator(seed: int) -> np.random.RandomState: ...
