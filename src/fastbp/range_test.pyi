import numpy as np
from numpy.typing import NDArray

from ._engine.training import Training
from .typing import FloatLike, IntLike

__all__ = ["LearningRateCurve"]

class LearningRateCurve:
    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float | None
    def __init__(
        self, rates: NDArray[np.float64], losses: NDArray[np.float64], smoothed: NDArray[np.float64]
    ) -> None: ...

def checked(
    lowest: FloatLike, highest: FloatLike, n_steps: IntLike, smoothing: FloatLike, blow_up: FloatLike
) -> tuple[NDArray[np.float64], float, float]: ...
def sweep(training: Training, rates: NDArray[np.float64], smoothing: float, blow_up: float) -> LearningRateCurve: ...
