from typing import ClassVar

from .trainer import Trainer
from .typing import BoolLike, FloatLike, IntLike, Monitor

__all__ = ["Callback", "EarlyStopping"]

class Callback:
    def on_fit_begin(self, trainer: Trainer) -> None: ...
    def on_fit_end(self, trainer: Trainer) -> None: ...
    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None: ...
    def on_epoch_end(self, trainer: Trainer, epoch: int, logs: dict[str, float]) -> None: ...

class EarlyStopping(Callback):
    MONITORS: ClassVar[tuple[Monitor, ...]]
    monitor: Monitor
    patience: int
    min_delta: float
    restore_best: bool
    best: float
    best_epoch: int
    def __init__(
        self,
        monitor: Monitor = "val_loss",
        patience: IntLike = 10,
        min_delta: FloatLike = 0.0,
        restore_best: BoolLike = True,
    ) -> None: ...
