from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np

from . import typing
from ._validation import Checked
from .typing import BoolLike, FloatLike, Initializer, IntLike, Reals

__all__ = ["Activation", "Dense", "Layer", "LayerNorm", "Residual"]

_Operations: TypeAlias = list[dict[str, Any]]

class Layer(Checked):
    kind: ClassVar[str]
    n_toggles: ClassVar[int]
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
    def __init__(
        self,
        n_out: IntLike,
        activation: typing.Activation = "identity",
        initializer: Initializer | None = None,
        bias: BoolLike = True,
        trainable: BoolLike = True,
    ) -> None: ...

class Activation(Layer):
    def __init__(self, activation: typing.Activation) -> None: ...

class LayerNorm(Layer):
    epsilon: Final[float]
    affine: Final[bool]
    def __init__(self, epsilon: FloatLike = 1e-5, affine: BoolLike = True, trainable: BoolLike = True) -> None: ...

class Residual(Layer):
    layers: Final[tuple[Layer, ...]]
    projection: Final[bool]
    def __init__(self, layers: Iterable[Layer], projection: BoolLike = False, trainable: BoolLike = True) -> None: ...

KINDS: dict[str, type[Layer]]

def part_of(named: Mapping[str, Any], prefix: object) -> dict[str, Any]: ...
def as_layers(layers: Iterable[Layer | Mapping[str, Any]]) -> tuple[Layer, ...]: ...
def from_config(config: Mapping[str, Any]) -> Layer: ...
