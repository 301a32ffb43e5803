from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from ..typing import Reals
from .engine import Program

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
