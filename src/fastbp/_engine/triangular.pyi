import numpy as np
from numpy.typing import NDArray

def substitute(
    lower: NDArray[np.float64], x: NDArray[np.float64], n_columns: int = 1, transposed: bool = False
) -> None: ...
