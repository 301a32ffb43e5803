"""``fastbp info``."""

import argparse
from collections.abc import Mapping
from typing import Any

from .. import Network


def run(arguments: argparse.Namespace) -> None:
    """Print the layers of a model, and what its metadata says."""
    net = Network.load(arguments.model)
    print(net)
    if net.metadata:
        print()
        _print(net.metadata, indent="")


def _print(values: Mapping[str, Any], indent: str) -> None:
    for name, value in values.items():
        if isinstance(value, dict):
            print(f"{indent}{name}:")
            _print(value, indent + "  ")
        elif value is not None:
            print(f"{indent}{name}: {_short(value)}")


def _short(value: Any, limit: int = 10) -> str:
    if not isinstance(value, list):
        return f"{value:.6g}" if isinstance(value, float) else str(value)
    more = f", ... ({len(value)} in all)" if len(value) > limit else ""
    return ", ".join(_short(v) for v in value[:limit]) + more
