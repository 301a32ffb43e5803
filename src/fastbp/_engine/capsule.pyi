from typing import Self

from typing_extensions import CapsuleType, disjoint_base

from .engine import Program
from .online import Learner

@disjoint_base
class Handle:
    def __new__(
        cls,
        program: Program,
        n_samples: int,
        learner: Learner | None = None,
        batch_size: int = 1,
        accumulate: int = 1,
        full_batch: bool = False,
    ) -> Self: ...

def capsule(handle: Handle) -> CapsuleType: ...
