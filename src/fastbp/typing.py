"""Types for annotations: the names and kinds of values that the public functions take.

The stubs are written with them. fastbp itself does not import this module; a program that passes such values on can:
``from fastbp.typing import Activation``.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Activation",
    "BoolLike",
    "ClassWeight",
    "DType",
    "DTypeName",
    "FloatLike",
    "HiddenActivation",
    "Initializer",
    "IntLike",
    "Metric",
    "Reals",
    "Split",
    "Target",
    "ValueAndGrad",
]

HiddenActivation: TypeAlias = Literal[
    "identity", "relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh", "softplus"
]
Activation: TypeAlias = Literal[HiddenActivation, "softmax"]
Initializer: TypeAlias = Literal["he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "lecun_normal", "zeros"]
Split: TypeAlias = Literal["shuffle", "stratify", "tail"]
Target: TypeAlias = Literal["baseline", "avx2", "avx512"]

DTypeName: TypeAlias = Literal["float32", "float64"]
DType: TypeAlias = DTypeName | type[np.float32] | type[np.float64] | np.dtype[np.float32] | np.dtype[np.float64]

# float32 or float64; said more precisely, the stubs of NumPy 1.26 refuse `net.params -= step`.
Reals: TypeAlias = NDArray[np.floating[Any]]

BoolLike: TypeAlias = bool | np.bool_
IntLike: TypeAlias = int | np.integer[Any]
FloatLike: TypeAlias = float | np.floating[Any] | np.integer[Any]

# A name, "top_3" say, or a function of (outputs, targets, sample_weight)
Metric: TypeAlias = str | Callable[[Any, Any, Any], FloatLike]

ClassWeight: TypeAlias = Literal["balanced"] | Mapping[int, FloatLike]


class ValueAndGrad(Protocol):
    """A loss of the caller's own: docs/losses.md says what it is given and what it returns."""

    def value_and_grad(self, outputs: Any, targets: Any, /) -> tuple[Any, Any]: ...
