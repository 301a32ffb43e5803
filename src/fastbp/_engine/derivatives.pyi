from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from ..typing import Reals
from .data import Data
from .engine import Program
from .threads import Threads

def activations(program: Program, x: Reals, n_rows: int, slots: Sequence[int], outs: Sequence[Reals]) -> None: ...
def loss_and_grad(
    program: Program,
    data: Data,
    grad: Reals,
    training: bool = False,
    seed: int = 0,
    batch: int = 0,
    most_rows: int = 1024,
    n_threads: int = 1,
) -> float: ...
def loss_gradient(program: Program, data: Data, dx: Reals) -> None: ...
def pull_back(program: Program, x: Reals, n_rows: int, weights: Reals, dx: Reals) -> None: ...

@disjoint_base
class Evaluation(Threads): ...

@disjoint_base
class Jacobian:
    def __new__(cls, program: Program, n_rows: int, by_params: bool) -> Self: ...
    def take(
        self,
        x: Reals,
        n_rows: int,
        jacobian: Reals,
        outputs: Reals | None = None,
        scale: NDArray[np.float64] | None = None,
    ) -> None: ...
