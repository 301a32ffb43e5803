"""Arrays of every kind are taken: the numbers count, not how they lie in memory."""

import importlib.util
import math
import sys
import tempfile
from array import array as standard_array

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastbp
from tests import makers as make


def frozen(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def strided(array):
    return np.repeat(array, 2, axis=0)[::2]


def strided_inside(array):
    return np.repeat(array, 3, axis=-1)[..., 1::3]


def reversed_twice(array):
    return array[::-1].copy()[::-1]


def swapped(array):
    return array.astype(array.dtype.newbyteorder())


def misaligned(array):
    data = bytes(1) + array.tobytes()
    moved = np.frombuffer(data, array.dtype, offset=1).reshape(array.shape)
    assert not moved.flags.aligned
    return moved


class Subclass(np.ndarray):
    """What is an array and something more."""


class Wrapped:
    """What has no more than the array protocol."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array if dtype is None else self.array.astype(dtype)


class Interface:
    """What has no more than the array interface."""

    def __init__(self, array):
        self.array, self.__array_interface__ = array, array.__array_interface__


def mapped(array):
    with tempfile.TemporaryFile() as file:
        file.write(array.tobytes())
        file.flush()
        return np.memmap(file, array.dtype, "r", shape=array.shape)


def of_the_standard_library(values):
    rows = [standard_array(values.dtype.char, row) for row in np.atleast_2d(values)]
    return rows if values.ndim == 2 else rows[0]


def frame_of_polars(array):
    polars = pytest.importorskip("polars")
    return polars.DataFrame(array) if array.ndim == 2 else polars.Series(array)


def tensor_of_torch(array):
    import torch

    return np.from_dlpack(torch.from_numpy(array.copy()))


# All numbers are integers below 100, which every dtype holds.
FORMS = {
    "read-only": frozen,
    "strided": strided,
    "strided inside": strided_inside,
    "negative strides": reversed_twice,
    "Fortran-ordered": np.asfortranarray,
    "byte-swapped": swapped,
    "byte order by name": lambda array: array.astype(
        array.dtype.newbyteorder("<" if sys.byteorder == "little" else ">")
    ),
    "misaligned": misaligned,
    "subclass": lambda array: array.view(Subclass),
    "array protocol": Wrapped,
    "array interface": Interface,
    "memoryview": memoryview,
    "bytearray": lambda array: memoryview(bytearray(array.tobytes())).cast("B").cast(array.dtype.char, array.shape),
    "array.array": of_the_standard_library,
    "memory map": mapped,
    "DLPack": lambda array: np.from_dlpack(array),
    **({"PyTorch by DLPack": tensor_of_torch} if importlib.util.find_spec("torch") else {}),
    "pandas": lambda array: pd.DataFrame(array) if array.ndim == 2 else pd.Series(array),
    "polars": frame_of_polars,
    "masked, but nothing is": np.ma.array,
    "list": lambda array: array.tolist(),
    "tuple": lambda array: tuple(array.tolist()),
    "float16": lambda array: array.astype(np.float16),
    "float32": lambda array: array.astype(np.float32),
    "float64": lambda array: array.astype(np.float64),
    "longdouble": lambda array: array.astype(np.longdouble),
    "int8": lambda array: array.astype(np.int8),
    "int64": lambda array: array.astype(np.int64),
    "swapped ints": lambda array: swapped(array.astype(np.int32)),
}
LABEL_FORMS = {
    **{name: FORMS[name] for name in FORMS if not name.startswith(("float", "longdouble"))},
    "uint8": lambda array: array.astype(np.uint8),
    "uint64": lambda array: array.astype(np.uint64),
    "intp": lambda array: array.astype(np.intp),
}


def integers(*shape):
    return np.random.default_rng(4).integers(-40, 40, size=shape)


@pytest.fixture
def net(dtype):
    net = make.network([6, 9, 6], "tanh", "identity", dtype)
    net.params /= 16  # tanh is to see more than its ends
    return net


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_predict(net, form):
    X = integers(33, 6).astype(net.dtype)
    assert make.same_bits(net.predict(form(X)), net.predict(X))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_predict_one(net, form):
    x = integers(6).astype(net.dtype)
    assert make.same_bits(net.predict_one(form(x)), net.predict_one(x))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_gradient_and_training(net, form):
    X, y, weights = integers(33, 6).astype(net.dtype), integers(33, 6).astype(net.dtype), 1.0 + np.arange(33) % 3
    expected = net.loss_and_grad(X, y, fastbp.SquaredError(), weights)
    got = net.loss_and_grad(form(X), form(y), fastbp.SquaredError(), form(weights))
    assert got[0] == expected[0]
    assert make.same_bits(got[1], expected[1])

    trained = []
    for arrays in ((X, y, weights), (form(X), form(y), form(weights))):
        copy = make.network([6, 9, 6], "tanh", "identity", net.dtype.name)
        trainer = fastbp.Trainer(copy, batch_size=8)
        trainer.fit(*arrays[:2], epochs=2, sample_weight=arrays[2], validation_data=arrays)
        trained.append((copy.params.tobytes(), trainer.evaluate(*arrays)))
    assert trained[0] == trained[1]


@pytest.mark.parametrize("form", LABEL_FORMS.values(), ids=LABEL_FORMS)
def test_labels(form):
    net = make.network([6, 5], output="softmax")
    X, y = make.samples(33, 6), make.targets("labels", 33, 5)
    expected = net.loss_and_grad(X, y, fastbp.CrossEntropy())
    got = net.loss_and_grad(X, form(y), fastbp.CrossEntropy())
    assert got[0] == expected[0]
    assert make.same_bits(got[1], expected[1])


def test_truth_values_are_labels():
    net = make.network([6, 2], output="softmax")
    X, y = make.samples(33, 6), make.targets("labels", 33, 2)
    assert net.loss_and_grad(X, y == 1, fastbp.CrossEntropy())[0] == net.loss_and_grad(X, y, fastbp.CrossEntropy())[0]


@pytest.mark.parametrize("loss", [fastbp.SquaredError(), fastbp.BinaryCrossEntropy()], ids=repr)
def test_targets_of_one_output_may_be_flat(loss):
    net = make.network([6, 4, 1], output="sigmoid")
    X, y = make.samples(33, 6), make.targets("shares", 33, 1)
    flat, column = (net.loss_and_grad(X, targets, loss) for targets in (y[:, 0], y))
    assert flat[0] == column[0]
    assert make.same_bits(flat[1], column[1])


def test_what_was_handed_in_is_not_written(dtype):
    net = make.network([6, 9, 6], dtype=dtype)
    arrays = [make.samples(33, 6).astype(dtype), make.targets("numbers", 33, 6).astype(dtype), make.weights(33)]
    kept = [array.copy() for array in arrays]
    X, y, weights = arrays
    net.predict(X)
    net.loss_and_grad(X, y, fastbp.SquaredError(), weights)
    fastbp.Trainer(net).fit(X, y, epochs=2, sample_weight=weights, validation_data=(X, y, weights))
    for array, copy in zip(arrays, kept, strict=True):
        assert make.same_bits(array, copy)


DTYPES = ["f2", "f4", "f8", "g", "i1", "i2", "i4", "i8"]


@st.composite
def views(draw, *shape):
    """Numbers of any dtype and byte order, anywhere and any way round in a memory that holds NaN otherwise."""
    values = np.random.default_rng(draw(st.integers(0, 99))).integers(-40, 40, size=shape)
    dtype = np.dtype(draw(st.sampled_from(DTYPES))).newbyteorder(draw(st.sampled_from("<>")))
    steps = [draw(st.sampled_from([-3, -2, -1, 1, 1, 2, 3])) for _ in shape]
    order = draw(st.permutations(range(len(shape))))
    extent = [n * abs(step) for n, step in zip(shape, steps, strict=True)]
    offset = draw(st.integers(0, dtype.itemsize))
    memory = bytearray(b"\xff" * (offset + math.prod(extent) * dtype.itemsize))
    whole = np.ndarray([extent[axis] for axis in order], dtype, memory, offset).transpose(np.argsort(order))
    view = whole[tuple(slice(None, None, step) for step in steps)]
    view[...] = values
    if draw(st.booleans()):  # all rows are the first one, which is there once
        view = np.broadcast_to(view[:1], shape)
    view.flags.writeable = False
    return view


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(1, 70), st.integers(1, 9), st.integers(1, 4), st.sampled_from(["float32", "float64"]))
def test_any_view_of_any_memory(data, n_rows, n_in, n_out, dtype):
    """Predictions and a training have the bits that a plain copy gives."""
    shapes = (n_rows, n_in), (n_rows, n_out), (n_rows,)
    X, y, weights = (data.draw(views(*shape)) for shape in shapes)
    weights = abs(weights) + 1 if data.draw(st.booleans()) else np.broadcast_to(weights.dtype.type(2), n_rows)
    plain = [np.array(each.tolist(), dtype) for each in (X, y, weights)]
    outcomes = []
    for rows, targets, w in ((X, y, weights), plain):
        net = make.network([n_in, 5, n_out], "tanh", "identity", dtype)
        net.params /= 16
        trainer = fastbp.Trainer(net, batch_size=16)
        predictions = net.predict(rows), net.predict_one(rows[-1])
        losses = trainer.fit(rows, targets, epochs=1, sample_weight=w).loss
        losses += [trainer.learn_one(rows[0], targets[0])]
        outcomes.append((*(each.tobytes() for each in predictions), losses, net.params.tobytes()))
    assert outcomes[0] == outcomes[1]
