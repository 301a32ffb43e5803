from .typing import Activation

NAMES: tuple[Activation, ...]
