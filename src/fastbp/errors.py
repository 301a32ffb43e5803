"""What fastbp raises besides ValueError and TypeError."""

__all__ = ["DivergedError"]


class DivergedError(ArithmeticError):
    """Training met a loss or a parameter that is not finite.

    The network keeps the last parameters that were finite.

    Attributes
    ----------
    epoch, batch : int
        Where it happened, both counted from 0.
    layer : int or None
        The first layer whose outputs or parameters were not finite; None if only the loss was not.
    """

    def __init__(self, message, epoch, batch, layer=None):
        super().__init__(message)
        self.epoch = epoch
        self.batch = batch
        self.layer = layer

    def __reduce__(self):
        return type(self), (self.args[0], self.epoch, self.batch, self.layer)
