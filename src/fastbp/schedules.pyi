from collections.abc import Callable, Iterable
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .typing import FloatLike, IntLike

__all__ = [
    "Constant",
    "CosineDecay",
    "CosineRestarts",
    "ExponentialDecay",
    "FunctionSchedule",
    "InverseTimeDecay",
    "LinearWarmup",
    "OneCycle",
    "PolynomialDecay",
    "Product",
    "ReduceOnPlateau",
    "Schedule",
    "Sequence",
    "StepDecay",
]

_Unit: TypeAlias = Literal["epoch", "step"]
_Mode: TypeAlias = Literal["auto", "min", "max"]
_Function: TypeAlias = Callable[[int], FloatLike]

class Progress:
    steps: NDArray[np.float64]
    epochs: NDArray[np.float64]
    steps_per_epoch: float
    memory: list[tuple[Schedule, object]]
    def __init__(
        self,
        steps: NDArray[np.float64],
        epochs: NDArray[np.float64],
        steps_per_epoch: float,
        memory: list[tuple[Schedule, object]],
    ) -> None: ...
    def count(self, unit: _Unit) -> NDArray[np.float64]: ...
    def after(self, duration: float, unit: _Unit) -> Progress: ...
    def in_steps(self, n_epochs: float) -> float: ...
    def where(self, mask: NDArray[np.bool_]) -> Progress: ...
    def remembered(self, schedule: Schedule, beginning: Callable[[], object]) -> object: ...

class Schedule:
    unit: _Unit
    def rates(self, n_steps: IntLike, steps_per_epoch: IntLike = 1) -> NDArray[np.float64]: ...
    def __or__(self, other: Schedule | FloatLike | _Function) -> Sequence: ...
    def __ror__(self, other: FloatLike | _Function) -> Sequence: ...
    def __mul__(self, other: Schedule | FloatLike | _Function) -> Product: ...
    def __rmul__(self, other: FloatLike | _Function) -> Product: ...
    def __eq__(self, other: object) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]
    def __format__(self, specification: str) -> str: ...

class Constant(Schedule):
    rate: float
    duration: float
    def __init__(
        self,
        rate: FloatLike,
        duration: FloatLike = 1.0,
        unit: _Unit = "epoch",
    ) -> None: ...

class StepDecay(Schedule):
    initial: float
    every: float
    factor: float
    def __init__(
        self,
        initial: FloatLike,
        every: FloatLike,
        factor: FloatLike = 0.1,
        unit: _Unit = "epoch",
    ) -> None: ...

class ExponentialDecay(Schedule):
    initial: float
    factor: float
    def __init__(
        self,
        initial: FloatLike,
        factor: FloatLike,
        unit: _Unit = "epoch",
    ) -> None: ...

class InverseTimeDecay(Schedule):
    initial: float
    decay: float
    def __init__(
        self,
        initial: FloatLike,
        decay: FloatLike,
        unit: _Unit = "epoch",
    ) -> None: ...

class PolynomialDecay(Schedule):
    initial: float
    duration: float
    power: float
    final: float
    def __init__(
        self,
        initial: FloatLike,
        duration: FloatLike,
        power: FloatLike = 1.0,
        final: FloatLike = 0.0,
        unit: _Unit = "epoch",
    ) -> None: ...

class CosineDecay(Schedule):
    initial: float
    duration: float
    final: float
    def __init__(
        self,
        initial: FloatLike,
        duration: FloatLike,
        final: FloatLike = 0.0,
        unit: _Unit = "epoch",
    ) -> None: ...

class CosineRestarts(Schedule):
    initial: float
    duration: float
    growth: int
    final: float
    def __init__(
        self,
        initial: FloatLike,
        duration: FloatLike,
        growth: IntLike = 1,
        final: FloatLike = 0.0,
        unit: _Unit = "epoch",
    ) -> None: ...

class OneCycle(Schedule):
    peak: float
    duration: float
    rise: float
    start_divisor: float
    final_divisor: float
    def __init__(
        self,
        peak: FloatLike,
        duration: FloatLike,
        rise: FloatLike = 0.3,
        start_divisor: FloatLike = 25.0,
        final_divisor: FloatLike = 10000.0,
        unit: _Unit = "epoch",
    ) -> None: ...

class LinearWarmup(Schedule):
    peak: float
    duration: float
    start: float
    def __init__(
        self,
        peak: FloatLike,
        duration: FloatLike,
        start: FloatLike = 0.0,
        unit: _Unit = "epoch",
    ) -> None: ...

class FunctionSchedule(Schedule):
    function: _Function
    def __init__(
        self,
        function: _Function,
        unit: _Unit = "epoch",
    ) -> None: ...

class ReduceOnPlateau(Schedule):
    initial: float
    monitor: str
    factor: float
    patience: int
    threshold: float
    cooldown: int
    minimum: float
    mode: _Mode
    def __init__(
        self,
        initial: FloatLike,
        monitor: str = "val_loss",
        factor: FloatLike = 0.1,
        patience: IntLike = 10,
        threshold: FloatLike = 0.0001,
        cooldown: IntLike = 0,
        minimum: FloatLike = 0.0,
        mode: _Mode = "auto",
    ) -> None: ...

class Sequence(Schedule):
    schedules: tuple[Schedule, ...]
    def __init__(
        self,
        schedules: Iterable[Schedule | FloatLike | _Function],
    ) -> None: ...

class Product(Schedule):
    schedules: tuple[Schedule, ...]
    def __init__(
        self,
        schedules: Iterable[Schedule | FloatLike | _Function],
    ) -> None: ...
