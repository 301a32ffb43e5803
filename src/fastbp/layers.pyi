from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import typing
from ._validation import Checked
from .typing import BoolLike, FloatLike, Initializer, IntLike, Reals

__all__ = [
    "Activation",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Embedding",
    "GaussianNoise",
    "Layer",
    "LayerNorm",
    "PReLU",
    "Residual",
    "Standardize",
    "Unstandardize",
]

_Operations: TypeAlias = list[dict[str, Any]]

class Layer(Checked):
    kind: ClassVar[str]
    last_toggle: ClassVar[object]
    place: ClassVar[Literal["first", "last"] | None]
    activation: Final[typing.Activation]
    trainable: BoolLike
    def config(self) -> dict[str, Any]: ...
    def width(self, n_in: int) -> int: ...
    def compile(self, operations: _Operations, source: int, n_in: int) -> int: ...
    def param_shapes(self, n_in: int) -> dict[str, tuple[int, ...]]: ...
    def buffer_shapes(self, n_in: int) -> dict[str, tuple[int, ...]]: ...
    def rows(self, name: str, n_in: int) -> list[tuple[str, str, str, str]]: ...
    def initialize(self, arrays: Mapping[str, Reals], rng: np.random.RandomState) -> None: ...
    def __eq__(self, other: object) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

class Dense(Layer):
    n_out: Final[int]
    initializer: Final[Initializer]
    bias: Final[bool]
    l1: Final[float]
    l2: Final[float]
    max_norm: Final[float | None]
    def __init__(
        self,
        n_out: IntLike,
        activation: typing.Activation = "identity",
        initializer: Initializer = "glorot_uniform",
        bias: BoolLike = True,
        l1: FloatLike = 0.0,
        l2: FloatLike = 0.0,
        max_norm: FloatLike | None = None,
        trainable: BoolLike = True,
    ) -> None: ...

class Activation(Layer):
    def __init__(self, activation: typing.Activation) -> None: ...

class PReLU(Layer):
    slope: Final[float]
    shared: Final[bool]
    def __init__(self, slope: FloatLike = 0.25, shared: BoolLike = False, trainable: BoolLike = True) -> None: ...

class Dropout(Layer):
    rate: Final[float]
    def __init__(self, rate: FloatLike) -> None: ...

class GaussianNoise(Layer):
    std: Final[float]
    def __init__(self, std: FloatLike) -> None: ...

class LayerNorm(Layer):
    epsilon: Final[float]
    affine: Final[bool]
    def __init__(self, epsilon: FloatLike = 1e-5, affine: BoolLike = True, trainable: BoolLike = True) -> None: ...

class BatchNorm(Layer):
    momentum: Final[float]
    epsilon: Final[float]
    affine: Final[bool]
    def __init__(
        self, momentum: FloatLike = 0.1, epsilon: FloatLike = 1e-5, affine: BoolLike = True, trainable: BoolLike = True
    ) -> None: ...

class Embedding(Layer):
    n_categories: Final[tuple[int, ...]]
    n_dim: Final[tuple[int, ...]]
    columns: Final[tuple[int, ...]]
    def __init__(
        self,
        n_categories: IntLike | Iterable[IntLike],
        n_dim: IntLike | Iterable[IntLike],
        columns: IntLike | Iterable[IntLike] = 0,
        trainable: BoolLike = True,
    ) -> None: ...
    def check(self, X: Reals) -> None: ...

class Residual(Layer):
    layers: Final[tuple[Layer, ...]]
    projection: Final[bool]
    def __init__(self, layers: Iterable[Layer], projection: BoolLike = False, trainable: BoolLike = True) -> None: ...

class Standardize(Layer):
    running: Final[bool]
    forgetting_factor: Final[float]
    columns: Final[tuple[int, ...] | None]
    def __init__(
        self,
        running: BoolLike = False,
        forgetting_factor: FloatLike = 1.0,
        columns: IntLike | Iterable[IntLike] | None = None,
        trainable: BoolLike = True,
    ) -> None: ...
    def chosen(self, n_in: int) -> NDArray[np.bool_]: ...
    def adapt(self, buffers: Mapping[str, Reals], X: Reals) -> None: ...

class Unstandardize(Layer):
    running: ClassVar[bool]
    def adapt(self, buffers: Mapping[str, Reals], y: Reals) -> None: ...

KINDS: dict[str, type[Layer]]

def part_of(named: Mapping[str, Any], prefix: object) -> dict[str, Any]: ...
def as_layers(layers: Iterable[Layer | Mapping[str, Any]]) -> tuple[Layer, ...]: ...
def from_config(config: Mapping[str, Any]) -> Layer: ...
