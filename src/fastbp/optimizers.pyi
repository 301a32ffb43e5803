from collections.abc import Callable
from typing import Any, ClassVar

from .schedules import Schedule
from .typing import BoolLike, FloatLike

__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Lion", "NAdam", "Optimizer", "RMSprop", "Rprop"]

class Optimizer:
    kind: ClassVar[str]
    full_batch: ClassVar[bool]
    @property
    def learning_rate(self) -> float | Schedule: ...
    @learning_rate.setter
    def learning_rate(self, value: FloatLike | Schedule | Callable[[int], FloatLike]) -> None: ...
    clip_value: float | None
    clip_norm: float | None
    def config(self) -> dict[str, Any]: ...
    def n_states(self) -> int: ...
    def __eq__(self, other: object) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

class SGD(Optimizer):
    momentum: float
    nesterov: bool
    weight_decay: float
    def __init__(
        self,
        learning_rate: FloatLike | Schedule | Callable[[int], FloatLike] = 0.1,
        momentum: FloatLike = 0.0,
        nesterov: BoolLike = False,
        weight_decay: FloatLike = 0.0,
        *,
        clip_value: FloatLike | None = None,
        clip_norm: FloatLike | None = None,
    ) -> None: ...

class Adagrad(Optimizer):
    learning_rate_decay: float
    weight_decay: float
    initial_accumulator_value: float
    epsilon: float
    def __init__(
        self,
        learning_rate: FloatLike | Schedule | Callable[[int], FloatLike] = 0.01,
        learning_rate_decay: FloatLike = 0.0,
        weight_decay: FloatLike = 0.0,
        initial_accumulator_value: FloatLike = 0.0,
        epsilon: FloatLike = 1e-10,
        *,
        clip_value: FloatLike | None = None,
        clip_norm: FloatLike | None = None,
    ) -> None: ...

class RMSprop(Optimizer):
    alpha: float
    epsilon: float
    weight_decay: float
    momentum: float
    centered: bool
    def __init__(
        self,
        learning_rate: FloatLike | Schedule | Callable[[int], FloatLike] = 0.01,
        alpha: FloatLike = 0.99,
        epsilon: FloatLike = 1e-08,
        weight_decay: FloatLike = 0.0,
        momentum: FloatLike = 0.0,
        centered: BoolLike = False,
        *,
        clip_value: FloatLike | None = None,
        clip_norm: FloatLike | None = None,
    ) -> None: ...

class Adadelta(Optimizer):
    rho: float
    epsilon: float
    weight_decay: float
    def __init__(
        self,
        learning_rate: FloatLike | Schedule | Callable[[int], FloatLike] = 1.0,
        rho: FloatLike = 0.9,
        epsilon: FloatLike = 1e-06,
        weight_decay: FloatLike = 0.0,
        *,
        clip_value: FloatLike | None = None,
        clip_norm: FloatLike | None = None,
    ) -> None: ...

class Adam(Optimizer):
    beta_1: float
    beta_2: float
    epsilon: float
    weight_decay: float
    amsgrad: bool
    def __init__(
        self,
        learning_rate: FloatLike | Schedule | Callable[[int], FloatLike] = 0.001,
        beta_1: FloatLike = 0.9,
        beta_2: FloatLike = 0.999,
        epsilon: FloatLike = 1e-08,
        weight_decay: FloatLike = 0.0,
        amsgrad: BoolLike = False,
        *,
        clip_value: FloatLike | None = None,
        clip_norm: FloatLike | None = None,
    ) -> None: ...

class AdamW(Optimizer):
    beta_1: float
    beta_2: float
    epsilon: float
    weight_decay: float
    amsgrad: bool
    def __init__(
        self,
        learning_rate: FloatLike | Schedule | Callable[[int], FloatLike] = 0.001,
        beta_1: FloatLike = 0.9,
        beta_2: FloatLike = 0.999,
        epsilon: FloatLike = 1e-08,
        weight_decay: FloatLike = 0.01,
        amsgrad: BoolLike = False,
        *,
        clip_value: FloatLike | None = None,
        clip_norm: FloatLike | None = None,
    ) -> None: ...

class NAdam(Optimizer):
    beta_1: float
    beta_2: float
    epsilon: float
    weight_decay: float
    momentum_decay: float
    decoupled_weight_decay: bool
    def __init__(
        self,
        learning_rate: FloatLike | Schedule | Callable[[int], FloatLike] = 0.002,
        beta_1: FloatLike = 0.9,
        beta_2: FloatLike = 0.999,
        epsilon: FloatLike = 1e-08,
        weight_decay: FloatLike = 0.0,
        momentum_decay: FloatLike = 0.004,
        decoupled_weight_decay: BoolLike = False,
        *,
        clip_value: FloatLike | None = None,
        clip_norm: FloatLike | None = None,
    ) -> None: ...

class Lion(Optimizer):
    beta_1: float
    beta_2: float
    weight_decay: float
    def __init__(
        self,
        learning_rate: FloatLike | Schedule | Callable[[int], FloatLike] = 0.0001,
        beta_1: FloatLike = 0.9,
        beta_2: FloatLike = 0.99,
        weight_decay: FloatLike = 0.0,
        *,
        clip_value: FloatLike | None = None,
        clip_norm: FloatLike | None = None,
    ) -> None: ...

class Rprop(Optimizer):
    eta_minus: float
    eta_plus: float
    min_step: float
    max_step: float
    def __init__(
        self,
        learning_rate: FloatLike | Schedule | Callable[[int], FloatLike] = 0.01,
        eta_minus: FloatLike = 0.5,
        eta_plus: FloatLike = 1.2,
        min_step: FloatLike = 1e-06,
        max_step: FloatLike = 50.0,
        *,
        clip_value: FloatLike | None = None,
        clip_norm: FloatLike | None = None,
    ) -> None: ...
