from typing import Any

__all__ = ["History"]

class History:
    loss: list[float]
    val_loss: list[float]
    metrics: dict[str, list[float]]
    interrupted: bool
    statistics: dict[str, dict[str, list[float]]]
    solver: dict[str, Any]
    def __init__(self) -> None: ...
