from typing import Any, ClassVar

from .typing import BoolLike, FloatLike

__all__ = ["SGD", "Adam", "Optimizer"]

class Optimizer:
    kind: ClassVar[str]
    learning_rate: float
    weight_decay: float
    def config(self) -> dict[str, Any]: ...
    def n_states(self) -> int: ...
    def __eq__(self, other: object) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

class SGD(Optimizer):
    momentum: float
    nesterov: bool
    def __init__(
        self,
        learning_rate: FloatLike = 0.1,
        momentum: FloatLike = 0.0,
        nesterov: BoolLike = False,
        weight_decay: FloatLike = 0.0,
    ) -> None: ...

class Adam(Optimizer):
    beta_1: float
    beta_2: float
    epsilon: float
    def __init__(
        self,
        learning_rate: FloatLike = 0.001,
        beta_1: FloatLike = 0.9,
        beta_2: FloatLike = 0.999,
        epsilon: FloatLike = 1e-8,
        weight_decay: FloatLike = 0.0,
    ) -> None: ...
