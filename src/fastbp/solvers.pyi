from typing import Any, ClassVar, Literal, TypeAlias

from .optimizers import Optimizer
from .typing import FloatLike, IntLike

__all__ = ["LBFGS", "LevenbergMarquardt", "ScipyMinimize", "Solver"]

SCIPY_METHODS: tuple[str, ...]
BAYESIAN: str
_Method: TypeAlias = Literal[
    "CG", "BFGS", "Newton-CG", "L-BFGS-B", "TNC", "SLSQP", "trust-constr", "trust-ncg", "trust-krylov"
]

class Solver(Optimizer):
    learning_rate: ClassVar[None]  # type: ignore[assignment]

class LevenbergMarquardt(Solver):
    damping: float
    damping_increase: float
    damping_decrease: float
    max_damping: float
    weight_decay: float | Literal["bayesian"]
    ftol: float
    gtol: float
    restarts: int
    def __init__(
        self,
        damping: FloatLike = 1.0,
        damping_increase: FloatLike = 2.0,
        damping_decrease: FloatLike = ...,
        max_damping: FloatLike = 1e10,
        weight_decay: FloatLike | Literal["bayesian"] = 0.0,
        ftol: FloatLike = 1e-10,
        gtol: FloatLike = 1e-10,
        restarts: IntLike = 0,
    ) -> None: ...

class LBFGS(Solver):
    memory: int
    ftol: float
    gtol: float
    max_line_search: int
    def __init__(
        self, memory: IntLike = 10, ftol: FloatLike = 2.2e-9, gtol: FloatLike = 1e-5, max_line_search: IntLike = 20
    ) -> None: ...

class ScipyMinimize(Solver):
    method: _Method
    options: dict[str, Any]
    def __init__(self, method: _Method = "BFGS", options: dict[str, Any] | None = None) -> None: ...
