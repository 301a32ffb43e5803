from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .typing import Activation, FloatLike, Reals

__all__ = [
    "AbsoluteError",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Huber",
    "LogCosh",
    "Loss",
    "Poisson",
    "Quantile",
    "SquaredError",
]

# As the engine takes them: rows of reals, or labels
_Targets: TypeAlias = Reals | NDArray[np.intp]
_Weights: TypeAlias = NDArray[np.float64] | None

class Loss:
    kind: ClassVar[str]
    fused: ClassVar[Activation | None]
    outputs: ClassVar[tuple[Activation, ...]]
    limits: ClassVar[tuple[float, float]]
    metric: ClassVar[str]
    def check(self, activation: Activation) -> None: ...
    def config(self) -> dict[str, Any]: ...
    def targets(
        self, y: ArrayLike, n_samples: int, n_out: int, dtype: np.dtype[np.float32 | np.float64]
    ) -> _Targets: ...
    def score(self, outputs: Reals, targets: _Targets, sample_weight: _Weights) -> float: ...
    def predictions(self, outputs: Reals) -> Reals: ...
    def __setattr__(self, name: str, value: object) -> None: ...
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

class SquaredError(Loss):
    @staticmethod
    def score(outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...

class AbsoluteError(Loss):
    @staticmethod
    def score(outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...

class Huber(Loss):
    delta: float
    def __init__(self, delta: FloatLike = 1.0) -> None: ...
    @staticmethod
    def score(outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...

class LogCosh(Loss):
    @staticmethod
    def score(outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...

class Quantile(Loss):
    q: float
    def __init__(self, q: FloatLike = 0.5) -> None: ...
    def score(self, outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...

class Poisson(Loss):
    @staticmethod
    def score(outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...

class CrossEntropy(Loss):
    @staticmethod
    def score(outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...

class BinaryCrossEntropy(Loss):
    @staticmethod
    def score(outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...
