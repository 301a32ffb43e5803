from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from ..typing import Reals
from .data import Data
from .engine import Program
from .threads import Threads

def permutation(n_rows: int, seed: int, epoch: int) -> NDArray[np.intp]: ...

@disjoint_base
class Training(Threads):
    @property
    def epoch(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def n_batches_done(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def weight(self) -> float: ...
    @property
    def n_batches_per_epoch(self) -> int: ...
    @property
    def n_steps(self) -> int: ...
    @property
    def averages(self) -> bool: ...
    @property
    def batch_loss(self) -> float: ...
    def __new__(
        cls,
        program: Program,
        data: Data,
        optimizer: Mapping[str, Any],
        states: Reals | None,
        n_steps: int,
        batch_size: int,
        epoch: int,
        shuffle: bool,
        seed: int,
        n_threads: int,
        accumulate: int = 1,
        average: Reals | None = None,
        averages: bool = False,
        n_batches: int = 0,
    ) -> Self: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...
    def set_optimizer(
        self,
        optimizer: Mapping[str, Any],
        states: Reals | None,
        n_steps: int,
        average: Reals | None = None,
        averages: bool = False,
    ) -> None: ...
    def train(self, n_batches: int, losses: NDArray[np.float64], rates: NDArray[np.float64] | None = None) -> bool: ...
    def save(self) -> None: ...
    def restore(self) -> None: ...
    def params_are_finite(self) -> bool: ...
    def first_layer_not_finite(self, outputs: bool) -> int: ...

def footprint(
    program: Program,
    optimizer: Mapping[str, Any],
    n_rows: int,
    batch_size: int,
    accumulate: int,
    n_threads: int,
    shuffle: bool,
    called: bool,
    scheduled: bool,
) -> tuple[int, int]: ...
