from collections.abc import Mapping
from typing import Any, Self

from typing_extensions import disjoint_base

from ..typing import Reals
from .engine import Program as Program

@disjoint_base
class Learner:
    @property
    def n_steps(self) -> int: ...
    @property
    def n_batches(self) -> int: ...
    def __new__(
        cls,
        program: Program,
        loss: Mapping[str, Any],
        optimizer: Mapping[str, Any],
        states: Reals | None,
        n_steps: int,
        seed: int = 0,
        n_batches: int = 0,
    ) -> Self: ...
    def learn(self, x: object, y: object, weight: float = 1.0, checked: bool = False) -> float | None: ...
