from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from ..typing import Activation, Reals
from .threads import Threads

# Numbers of the tables in kernels.pxd
ACTIVATIONS: dict[Activation, int]

@disjoint_base
class Evaluation(Threads): ...

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
    @property
    def n_buffers(self) -> int: ...
    # operations: fields of Op in program.pxd
    def __new__(cls, operations: Sequence[Mapping[str, Any]], params: Reals, buffers: Reals, bits: int) -> Self: ...
    def set_trainable(self, trainable: Sequence[bool]) -> None: ...
    def predict_one(self, x: object, out: object) -> bool: ...
    def loss_and_grad(
        self,
        data: Data,
        grad: Reals,
        training: bool = False,
        seed: int = 0,
        batch: int = 0,
        most_rows: int = 1024,
        n_threads: int = 1,
    ) -> float: ...

@disjoint_base
class Exclusive:
    def __new__(cls, program: Program) -> Self: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *error: object) -> None: ...

@disjoint_base
class Data:
    @property
    def n_rows(self) -> int: ...
    @property
    def weight(self) -> float: ...
    def __new__(
        cls,
        program: Program,
        x: Reals,
        y: NDArray[Any],
        weights: NDArray[np.float64] | None,
        loss: Mapping[str, Any],
        gain: float = 1.0,
    ) -> Self: ...
