from collections.abc import Callable
from os import PathLike
from typing import Any, Literal, TypeAlias

from .errors import DivergedError
from .trainer import Trainer
from .typing import BoolLike, FloatLike, IntLike

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "LambdaCallback",
    "ModelCheckpoint",
    "RetryOnDivergence",
    "TerminateOnNaN",
    "Timer",
]

_Path: TypeAlias = str | PathLike[str] | PathLike[bytes]
_Mode: TypeAlias = Literal["auto", "min", "max"]
_Remedy: TypeAlias = Literal["stop", "retry"] | None
_Logs: TypeAlias = dict[str, float]

class Callback:
    every: int
    def on_fit_begin(self, trainer: Trainer) -> None: ...
    def on_fit_end(self, trainer: Trainer) -> None: ...
    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None: ...
    def on_epoch_end(self, trainer: Trainer, epoch: int, logs: _Logs) -> None: ...
    def on_batch_end(self, trainer: Trainer, batch: int, logs: _Logs) -> None: ...
    def on_diverged(self, trainer: Trainer, error: DivergedError) -> _Remedy: ...

class _Monitoring(Callback):
    monitor: str
    mode: _Mode
    min_delta: float
    best: float
    best_epoch: int
    def __init__(self, monitor: str, mode: _Mode, min_delta: FloatLike) -> None: ...

class EarlyStopping(_Monitoring):
    patience: int
    restore_best: bool
    def __init__(
        self,
        monitor: str = "val_loss",
        patience: IntLike = 10,
        min_delta: FloatLike = 0.0,
        restore_best: BoolLike = True,
        mode: _Mode = "auto",
    ) -> None: ...

class ModelCheckpoint(_Monitoring):
    path: str
    save_best_only: bool
    saved_path: str | None
    def __init__(
        self, path: _Path, monitor: str = "val_loss", save_best_only: BoolLike = False, mode: _Mode = "auto"
    ) -> None: ...

class CSVLogger(Callback):
    path: str
    append: bool
    def __init__(self, path: _Path, append: BoolLike = False) -> None: ...

class Timer(Callback):
    seconds: list[float]
    total: float
    def __init__(self) -> None: ...

class LambdaCallback(Callback):
    def __init__(
        self,
        on_fit_begin: Callable[[Trainer], Any] | None = None,
        on_fit_end: Callable[[Trainer], Any] | None = None,
        on_epoch_begin: Callable[[Trainer, int], Any] | None = None,
        on_epoch_end: Callable[[Trainer, int, _Logs], Any] | None = None,
        on_batch_end: Callable[[Trainer, int, _Logs], Any] | None = None,
        on_diverged: Callable[[Trainer, DivergedError], _Remedy] | None = None,
        every: IntLike = 1,
    ) -> None: ...

class TerminateOnNaN(Callback): ...

class RetryOnDivergence(Callback):
    factor: float
    retries: int
    n_retries: int
    def __init__(self, factor: FloatLike = 0.5, retries: IntLike = 3) -> None: ...
