from typing_extensions import disjoint_base

from ..typing import Reals
from .data import Data
from .engine import Program
from .threads import Threads

@disjoint_base
class Inference(Threads): ...

def predict(program: Program, x: Reals, out: Reals, n_rows: int, n_threads: int = 1) -> bool: ...
def loss(
    program: Program,
    data: Data,
    out: Reals | None = None,
    n_threads: int = 1,
    training: bool = False,
    seed: int = 0,
) -> float: ...
