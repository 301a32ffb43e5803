from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from ..typing import Reals
from .data import Data as Data
from .engine import Program as Program

@disjoint_base
class Learner:
    @property
    def n_steps(self) -> int: ...
    @property
    def n_batches_done(self) -> int: ...
    @property
    def averages(self) -> bool: ...
    def __new__(
        cls,
        program: Program,
        loss: Mapping[str, Any],
        optimizer: Mapping[str, Any],
        states: Reals | None,
        n_steps: int,
        seed: int = 0,
        average: Reals | None = None,
        averages: bool = False,
        rates: NDArray[np.float64] | None = None,
        n_batches: int = 0,
    ) -> Self: ...
    def learn(self, x: object, y: object, weight: float = 1.0, checked: bool = False) -> float | None: ...
    def learn_many(
        self, data: Data, begin: int, end: int, losses: NDArray[np.float64], outputs: Reals | None = None
    ) -> int: ...
    @property
    def closed(self) -> bool: ...
    def retire(self) -> None: ...
