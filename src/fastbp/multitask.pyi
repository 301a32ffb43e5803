from collections.abc import Iterable
from typing import Any, TypeAlias

from .losses import Loss
from .typing import FloatLike, IntLike, Reals

__all__ = ["MultiTask"]

_Task: TypeAlias = tuple[Loss, IntLike] | tuple[Loss, IntLike, FloatLike]

class MultiTask(Loss):
    tasks: tuple[tuple[Loss, int, float], ...]
    def __init__(self, tasks: Iterable[_Task]) -> None: ...
    def of_one(self, y: Any) -> Any: ...
    def predictions(self, outputs: Reals) -> list[Reals]: ...  # type: ignore[override]
