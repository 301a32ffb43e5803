from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from ..typing import Reals
from .engine import Data, Program

def activations(program: Program, x: Reals, n_rows: int, slots: Sequence[int], outs: Sequence[Reals]) -> None: ...
def loss_gradient(program: Program, data: Data, dx: Reals) -> None: ...
def pull_back(program: Program, x: Reals, n_rows: int, weights: Reals, dx: Reals) -> None: ...

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
