from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import CapsuleType

from .callbacks import Callback
from .history import History
from .losses import Loss
from .network import Network
from .optimizers import Optimizer
from .prequential import ProgressiveValidation
from .range_test import LearningRateCurve
from .typing import BoolLike, ClassWeight, FloatLike, IntLike, Metric, Reals, Split, ValueAndGrad

__all__ = ["Trainer"]

_Block: TypeAlias = tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike | None]

class Trainer:
    @property
    def network(self) -> Network: ...
    @property
    def loss(self) -> Any: ...  # what was given, with the parameters it has
    optimizer: Optimizer
    batch_size: int
    n_threads: int
    seed: int
    accumulate: int
    ema: float | None
    epoch: int
    stop_training: bool
    monitored: tuple[str, ...]
    def __init__(
        self,
        net: Network,
        loss: Loss | ValueAndGrad | None = None,
        optimizer: Optimizer | None = None,
        batch_size: IntLike = 32,
        n_threads: IntLike = 1,
        seed: IntLike = 0,
        *,
        accumulate: IntLike = 1,
        ema: FloatLike | None = None,
    ) -> None: ...
    def fit(
        self,
        X: ArrayLike | Iterable[_Block],
        y: ArrayLike | None = None,
        epochs: IntLike = 10,
        sample_weight: ArrayLike | None = None,
        validation_data: _Block | None = None,
        callbacks: Callback | Iterable[Callback] = (),
        shuffle: BoolLike = True,
        progress: BoolLike = False,
        *,
        validation_split: FloatLike | None = None,
        split: Split = "shuffle",
        metrics: Metric | Iterable[Metric] | None = None,
        class_weight: ClassWeight | None = None,
        statistics: BoolLike = False,
    ) -> History: ...
    def memory_estimate(self, n_samples: IntLike, shuffle: BoolLike = True) -> dict[str, int]: ...
    def learn_one(
        self,
        x: ArrayLike,
        y: ArrayLike,
        sample_weight: FloatLike | None = None,
        class_weight: Mapping[int, FloatLike] | None = None,
    ) -> float: ...
    def learn_many(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        class_weight: Mapping[int, FloatLike] | None = None,
    ) -> NDArray[np.float64]: ...
    def capsule(self, n_samples: IntLike = 256) -> CapsuleType: ...
    def progressive_validation(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        metrics: Metric | Iterable[Metric] | None = None,
        class_weight: Mapping[int, FloatLike] | None = None,
        window: IntLike | None = None,
    ) -> ProgressiveValidation: ...
    def reset(self, seed: IntLike | None = None) -> None: ...
    def find_learning_rate(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        class_weight: ClassWeight | None = None,
        lowest: FloatLike = 1e-7,
        highest: FloatLike = 10.0,
        n_steps: IntLike = 100,
        smoothing: FloatLike = 0.9,
        blow_up: FloatLike = 4.0,
    ) -> LearningRateCurve: ...
    @property
    def averaged_params(self) -> Reals | None: ...
    def use_average(self) -> AbstractContextManager[Network]: ...
    def evaluate(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        metrics: Metric | Iterable[Metric] | None = None,
        class_weight: ClassWeight | None = None,
    ) -> dict[str, float]: ...
