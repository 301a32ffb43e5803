"""Layers as objects: arguments, checks, how they compare and read."""

import pickle

import numpy as np
import pytest

import fastbp
from fastbp import activations
from tests import makers as make
from tests import reference


def test_defaults():
    layer = fastbp.Dense(7)
    assert (layer.n_out, layer.activation, layer.initializer, layer.bias) == (7, "identity", "glorot_uniform", True)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0,), ValueError, "n_out must be at least 1, got 0"),
        ((-1,), ValueError, "n_out must be at least 1, got -1"),
        ((2.0,), TypeError, "n_out must be an integer, got 2.0"),
        (("2",), TypeError, "n_out must be an integer, got '2'"),
        ((True,), TypeError, "n_out must be an integer, got True"),
        ((2, "Tanh"), ValueError, "activation must be one of identity, relu, .*softmax, got 'Tanh'"),
        ((2, None), ValueError, "activation must be one of identity, .*, got None"),
        ((2, np.tanh), ValueError, "activation must be one of identity, .*, got <ufunc 'tanh'>"),
        ((2, "tanh", "xavier"), ValueError, "initializer must be one of he_normal, .*zeros, got 'xavier'"),
        ((2, "tanh", 0.1), ValueError, "initializer must be one of he_normal, .*, got 0.1"),
        ((2, "tanh", "zeros", 0), TypeError, "bias must be True or False, got 0"),
    ],
    ids=str,
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        fastbp.Dense(*arguments)


@pytest.mark.parametrize("layer", [fastbp.Dense(3), fastbp.Dense(4, "gelu", "zeros", bias=False)], ids=repr)
def test_layers_are_values(layer):
    for twin in (eval(repr(layer), vars(fastbp)), pickle.loads(pickle.dumps(layer))):
        assert twin == layer
        assert vars(twin) == vars(layer)
    assert layer != fastbp.Dense(layer.n_out, "tanh")
    assert layer != layer.n_out


def test_names_are_the_same_everywhere():
    assert set(activations.NAMES) == {*make.HIDDEN, "softmax"}
    assert list(activations.NAMES) == list(reference.ACTIVATIONS)


def test_layers_may_be_shared():
    layer = fastbp.Dense(3, "tanh")
    one, two = fastbp.Network(3, [layer, layer], seed=0), fastbp.Network(3, [layer], seed=0)
    assert one.layers == (layer, layer)
    assert len({values.ctypes.data for net in (one, two) for values in net.named_parameters().values()}) == 6
