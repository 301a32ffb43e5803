from .typing import Activation, Initializer

NAMES: tuple[Activation, ...]
INITIALIZERS: dict[Activation, Initializer]
