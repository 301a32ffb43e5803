from numpy.typing import ArrayLike

from .losses import Loss
from .network import Network
from .typing import BoolLike, IntLike, ValueAndGrad

__all__ = ["check_gradients"]

def check_gradients(
    net: Network,
    X: ArrayLike,
    y: ArrayLike,
    loss: Loss | ValueAndGrad,
    sample_weight: ArrayLike | None = None,
    training: BoolLike = False,
    seed: IntLike = 0,
) -> float: ...
