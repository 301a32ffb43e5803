from collections.abc import Mapping
from typing import Any

# Numbers of the table in kernels.pxd
KINDS: dict[str, int]
N_STATES: dict[int, int]

def n_states(config: Mapping[str, Any]) -> int: ...
