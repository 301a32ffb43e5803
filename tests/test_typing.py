"""The types that the stubs promise are those of the running package; the rest is for mypy and mypy.stubtest to say."""

from typing import get_args

import pytest

import fastbp
from fastbp import _splitting, activations, initializers, typing
from tests.typing import usage


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (typing.Activation, activations.NAMES),
        (typing.HiddenActivation, [name for name in activations.NAMES if name != "softmax"]),
        (typing.Initializer, initializers.INITIALIZERS),
        (typing.Split, _splitting.WAYS),
    ],
)
def test_names_are_those_of_the_table(names, table):
    assert get_args(names) == tuple(table)


def test_targets_are_among_the_named():
    assert set(fastbp.available_targets()) <= set(get_args(typing.Target))


@pytest.mark.parametrize("dtype", get_args(typing.DTypeName))
def test_dtypes_are_accepted(dtype):
    assert fastbp.Network(1, [fastbp.Dense(1)], dtype=dtype).dtype.name == dtype


def test_annotated_program_runs(tmp_path):
    usage.main(tmp_path)
