from typing import Final

import numpy as np
from numpy.typing import NDArray

from .typing import Reals

__all__ = ["ProgressiveValidation"]

class ProgressiveValidation:
    outputs: Final[Reals]
    losses: Final[NDArray[np.float64]]
    scores: Final[dict[str, float]]
    windows: Final[dict[str, NDArray[np.float64]]]
    def __init__(
        self,
        outputs: Reals,
        losses: NDArray[np.float64],
        scores: dict[str, float],
        windows: dict[str, NDArray[np.float64]],
    ) -> None: ...
