"""Networks as objects: parameters and their layout, what they print."""

import io

import numpy as np
import pytest

import fastbp
from tests import makers as make


def test_mlp_is_short_for_layers():
    net = fastbp.Network.mlp([64, 128, 32, 10], activation="tanh", output="softmax", dtype="float64", seed=5)
    layers = [fastbp.Dense(128, "tanh"), fastbp.Dense(32, "tanh"), fastbp.Dense(10, "softmax")]
    twin = fastbp.Network(64, layers, dtype="float64", seed=5)
    assert net.layers == twin.layers == tuple(layers)
    assert make.same_bits(net.params, twin.params)


def test_defaults():
    net = fastbp.Network.mlp([3, 5, 2])
    assert net.dtype == np.float32
    assert isinstance(net.dtype, np.dtype)
    assert [layer.activation for layer in net.layers] == ["relu", "identity"]
    assert (net.n_in, net.n_out, net.n_params, net.metadata) == (3, 2, 3 * 5 + 5 + 5 * 2 + 2, {})
    assert make.same_bits(net.params, fastbp.Network.mlp([3, 5, 2], seed=0).params)
    assert not make.same_bits(net.params, fastbp.Network.mlp([3, 5, 2], seed=1).params)


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("f4"), "f4", "single"])
def test_names_of_a_dtype(dtype):
    assert fastbp.Network.mlp([2, 2], dtype=dtype).dtype == np.float32


@pytest.mark.thread_unsafe(reason="uses up an iterator")
@pytest.mark.parametrize("widths", [(3, 5, 2), np.array([3, 5, 2]), iter([3, 5, 2])], ids=type)
def test_kinds_of_widths(widths):
    assert fastbp.Network.mlp(widths).n_params == 32


@pytest.mark.parametrize("widths", [[1, 1], [3, 5, 2], [7, 19, 13, 3], [1000, 1]], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_parameters_are_views_of_one_buffer(dtype, widths, bias):
    net = make.network(widths, dtype=dtype, bias=bias)
    assert net.params.shape == (net.n_params,)
    assert net.params.dtype == net.dtype
    assert net.params.flags.carray
    assert net.params.ctypes.data % 64 == 0
    assert net.params is net.params
    names = ["weight", "bias"] if bias else ["weight"]
    assert list(net.named_parameters()) == [f"{i}.{name}" for i in range(len(widths) - 1) for name in names]
    net.params[...] = np.arange(net.n_params)
    pieces = net.named_parameters().values()
    np.testing.assert_array_equal(np.concatenate([piece.ravel() for piece in pieces]), np.arange(net.n_params))
    for piece in pieces:
        assert piece.flags.c_contiguous
        assert np.shares_memory(piece, net.params)
        piece *= 2
    np.testing.assert_array_equal(net.params, 2 * np.arange(net.n_params))


def test_a_step_by_hand():
    """The flat buffer and the flat gradient are all that an optimiser of one's own needs."""
    net, twin = (make.network([5, 7, 3], output="softmax") for _ in range(2))
    X, y = make.samples(30, 5), make.targets("labels", 30, 3)
    for _ in range(3):
        _, grad = net.loss_and_grad(X, y, fastbp.CrossEntropy())
        net.params -= 0.1 * grad
    fastbp.Trainer(twin, optimizer=fastbp.SGD(0.1), batch_size=30).fit(X, y, epochs=3, shuffle=False)
    assert make.furthest(net.params, twin.params) < 1e-15


def test_summary(capsys):
    net = fastbp.Network(784, [fastbp.Dense(128, "gelu"), fastbp.Dense(10, "softmax", bias=False)])
    assert net.summary() is None
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert [line.split() for line in lines] == [
        ["layer", "activation", "shape", "parameters"],
        ["-" * len(lines[1])],
        ["0", "dense", "gelu", "784", "->", "128", "100,480"],
        ["1", "dense", "softmax", "128", "->", "10", "1,280"],
        ["101,760", "parameters", "of", "float32,", "407,040", "bytes"],
    ]
    assert len({len(line) for line in lines[:4]}) == 1  # a table
    file = io.StringIO()
    net.summary(file=file)
    assert file.getvalue() == printed == f"{net}\n"
    assert capsys.readouterr().out == ""


def test_repr():
    net = make.network([3, 5, 2], "tanh", dtype="float64")
    twin = eval(repr(net), vars(fastbp))
    assert (twin.n_in, twin.layers, twin.dtype) == (net.n_in, net.layers, net.dtype)


def test_layers_cannot_be_exchanged():
    net = make.network([3, 5, 2])
    assert isinstance(net.layers, tuple)
    with pytest.raises(TypeError, match="tuple"):
        net.layers[0] = fastbp.Dense(5)


def test_many_networks_come_and_go():
    nets = [make.network([n, 3, 2], dtype="float32") for n in range(1, 40)]
    expected = [net.predict(np.ones((5, net.n_in))) for net in nets]
    del nets[::2]
    for net, p in zip(nets, expected[1::2], strict=True):
        assert make.same_bits(net.predict(np.ones((5, net.n_in))), p)
