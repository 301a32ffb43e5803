from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .typing import Activation, BoolLike, FloatLike, Reals

__all__ = [
    "AbsoluteError",
    "BinaryCrossEntropy",
    "BinaryFocalCrossEntropy",
    "CrossEntropy",
    "FocalCrossEntropy",
    "GaussianNLL",
    "Hinge",
    "Huber",
    "LogCosh",
    "Loss",
    "Poisson",
    "Quantile",
    "SquaredError",
    "SquaredHinge",
]

# As the engine takes them: rows of reals, or labels
_Targets: TypeAlias = Reals | NDArray[np.intp]
_Weights: TypeAlias = NDArray[np.float64] | None

class Loss:
    @property
    def kind(self) -> str: ...
    @property
    def fused(self) -> Activation | None: ...
    outputs: ClassVar[tuple[Activation, ...]]
    limits: ClassVar[tuple[float, float]]
    whole: ClassVar[bool]
    metric: ClassVar[str | None]
    any_units: ClassVar[bool]
    def check(self, activation: Activation, n_out: int) -> None: ...
    def config(self) -> dict[str, Any]: ...
    def targets(
        self, y: ArrayLike, n_samples: int, n_out: int, dtype: np.dtype[np.float32 | np.float64]
    ) -> _Targets: ...
    def classes(self, targets: _Targets, n_out: int) -> tuple[NDArray[np.intp], Sequence[int]]: ...
    def score(self, outputs: Reals, targets: _Targets, sample_weight: _Weights) -> float: ...
    def n_targets(self, n_out: int) -> int: ...
    def of_one(self, y: Any) -> Any: ...
    def own_metrics(self) -> list[tuple[str, Callable[[Any, Any, Any], float] | None]]: ...
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
    log_input: bool
    def __init__(self, log_input: BoolLike = True) -> None: ...
    def score(self, outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...

class GaussianNLL(Loss):
    epsilon: float
    def __init__(self, epsilon: FloatLike = 1e-6) -> None: ...
    def score(self, outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...

class Hinge(Loss):
    def score(self, outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...

class SquaredHinge(Hinge): ...

class CrossEntropy(Loss):
    label_smoothing: float
    def __init__(self, label_smoothing: FloatLike = 0.0) -> None: ...
    @staticmethod
    def score(outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...

class BinaryCrossEntropy(Loss):
    @staticmethod
    def score(outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...

class FocalCrossEntropy(Loss):
    gamma: float
    alpha: tuple[float, ...] | None
    def __init__(self, gamma: FloatLike = 2.0, alpha: Sequence[FloatLike] | None = None) -> None: ...
    @staticmethod
    def score(outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...

class BinaryFocalCrossEntropy(Loss):
    gamma: float
    alpha: float | None
    def __init__(self, gamma: FloatLike = 2.0, alpha: FloatLike | None = None) -> None: ...
    @staticmethod
    def score(outputs: Reals, targets: _Targets, sample_weight: _Weights = None) -> float: ...
