from collections.abc import Iterable
from os import PathLike
from typing import Any, Final, Literal, Self

import numpy as np
from _typeshed import SupportsWrite
from numpy.typing import ArrayLike, NDArray
from typing_extensions import CapsuleType

from .layers import Layer
from .losses import Loss
from .typing import Activation, BoolLike, DType, HiddenActivation, IntLike, Reals, ValueAndGrad

__all__ = ["Network"]

class Network:
    n_in: Final[int]
    n_out: Final[int]
    n_params: Final[int]
    dtype: Final[np.dtype[np.float32 | np.float64]]
    layers: Final[tuple[Layer, ...]]
    params: Reals  # not Final, for `net.params -= step` is sound
    metadata: dict[str, Any]
    def __init__(self, n_in: IntLike, layers: Iterable[Layer], dtype: DType = "float32", seed: IntLike = 0) -> None: ...
    @classmethod
    def mlp(
        cls,
        widths: Iterable[IntLike],
        activation: HiddenActivation = "relu",
        output: Activation = "identity",
        dtype: DType = "float32",
        seed: IntLike = 0,
    ) -> Self: ...
    @property
    def widths(self) -> tuple[int, ...]: ...
    @property
    def buffers(self) -> Reals: ...
    def named_parameters(self) -> dict[str, Reals]: ...
    def named_buffers(self) -> dict[str, Reals]: ...
    def predict(self, X: ArrayLike, check_finite: BoolLike = True, n_threads: IntLike = 1) -> Reals: ...
    def predict_one(self, x: ArrayLike, out: Reals | None = None) -> Reals: ...
    def adapt(self, X: ArrayLike, y: ArrayLike | None = None, *, reset: BoolLike = True) -> None: ...
    def capsule(self, n_samples: IntLike = 256) -> CapsuleType: ...
    def loss_and_grad(
        self,
        X: ArrayLike,
        y: ArrayLike,
        loss: Loss | ValueAndGrad,
        sample_weight: ArrayLike | None = None,
        training: BoolLike = False,
        seed: IntLike = 0,
    ) -> tuple[float, Reals]: ...
    def activations(self, X: ArrayLike) -> list[Reals]: ...
    def input_gradient(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        loss: Loss | ValueAndGrad | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        output: ArrayLike | None = None,
    ) -> Reals: ...
    def jacobian(self, X: ArrayLike, wrt: Literal["inputs", "params"] = "inputs") -> Reals: ...
    def hessian_vector_product(
        self,
        X: ArrayLike,
        y: ArrayLike,
        loss: Loss | ValueAndGrad,
        vector: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> NDArray[np.float64]: ...
    def save(self, path: str | PathLike[str]) -> None: ...
    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self: ...
    def summary(self, file: SupportsWrite[str] | None = None) -> None: ...
