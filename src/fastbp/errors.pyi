__all__ = ["DivergedError"]

class DivergedError(ArithmeticError):
    epoch: int
    batch: int
    layer: int | None
    def __init__(self, message: str, epoch: int, batch: int, layer: int | None = None) -> None: ...
