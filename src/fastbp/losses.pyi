from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .typing import Activation, Reals

__all__ = ["BinaryCrossEntropy", "CrossEntropy", "Loss", "SquaredError"]

# As the engine takes them: rows of reals, or labels
_Targets: TypeAlias = Reals | NDArray[np.intp]
_Weights: TypeAlias = NDArray[np.float64] | None

class Loss:
    kind: ClassVar[str]
    fused: ClassVar[Activation | None]
    metric: ClassVar[str]
    def check(self, activation: Activation) -> None: ...
    def targets(
        self, y: ArrayLike, n_samples: int, n_out: int, dtype: np.dtype[np.float32 | np.float64]
    ) -> _Targets: ...
    def score(self, outputs: Reals, targets: _Targets, sample_weight: _Weights) -> float: ...
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

class SquaredError(Loss):
    @staticmethod
    def score(outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...

class CrossEntropy(Loss):
    @staticmethod
    def score(outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...

class BinaryCrossEntropy(Loss):
    @staticmethod
    def score(outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...
