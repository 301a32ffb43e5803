__all__ = ["History"]

class History:
    loss: list[float]
    val_loss: list[float]
    metrics: dict[str, list[float]]
    interrupted: bool
    def __init__(self) -> None: ...
