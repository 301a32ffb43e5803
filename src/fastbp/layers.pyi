from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np

from .typing import Activation, BoolLike, Initializer, IntLike, Reals

__all__ = ["Dense"]

class Dense:
    kind: ClassVar[str]
    # A network is made for them and does not notice a change.
    n_out: Final[int]
    activation: Final[Activation]
    initializer: Final[Initializer]
    bias: Final[bool]
    def __init__(
        self,
        n_out: IntLike,
        activation: Activation = "identity",
        initializer: Initializer | None = None,
        bias: BoolLike = True,
    ) -> None: ...
    def config(self) -> dict[str, Any]: ...
    def operation(self, n_in: int) -> tuple[str, int, int, Activation, bool]: ...
    def param_shapes(self, n_in: int) -> dict[str, tuple[int, ...]]: ...
    def initialize(self, params: Mapping[str, Reals], rng: np.random.RandomState) -> None: ...
    def __eq__(self, other: object) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]
