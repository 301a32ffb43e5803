from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from ..typing import Activation, Reals

# Numbers of the tables in kernels.pxd and program.pxd
ACTIVATIONS: dict[Activation, int]
KINDS: dict[str, int]

@disjoint_base
class Program:
    @property
    def bits(self) -> int: ...
    @property
    def dtype(self) -> np.dtype[np.floating[Any]]: ...
    @property
    def n_in(self) -> int: ...
    @property
    def n_out(self) -> int: ...
    @property
    def n_params(self) -> int: ...
    # layers: (kind, n_in, n_out, activation, has_bias)
    def __new__(cls, layers: Sequence[tuple[str, int, int, Activation, bool]], params: Reals, bits: int) -> Self: ...
    def predict(self, x: Reals, out: Reals, n_rows: int) -> None: ...
    def predict_one(self, x: object, out: object) -> bool: ...
    def loss(self, data: Data, out: Reals | None = None) -> float: ...
    def loss_and_grad(self, data: Data, grad: Reals) -> float: ...

@disjoint_base
class Data:
    @property
    def n_rows(self) -> int: ...
    @property
    def fused(self) -> bool: ...
    @property
    def weight(self) -> float: ...
    def __new__(
        cls,
        program: Program,
        x: Reals,
        y: NDArray[np.intp] | Reals,
        weights: NDArray[np.float64] | None,
        loss: Mapping[str, Any],
    ) -> Self: ...
