"""Bad input is refused before anything happens: the message names what was expected and what came."""

import contextlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import fastbp
from tests import makers as make

X, LABELS = make.samples(10, 4), make.targets("labels", 10, 3)
NUMBERS, SHARES = make.targets("numbers", 10, 3), make.targets("shares", 10, 3)
ONE_HOT = np.eye(3)[LABELS]


def replaced(array, where, value):
    array = np.array(array, dtype=object if isinstance(value, str | None) else np.result_type(array, type(value)))
    array[where] = value
    return array


# Where X comes in, and beside fit and gradient y and weights: (net, X, y, weights).
PREDICTS = {"predict": lambda net, X, y, w: net.predict(X)}
LEARNS = {
    "loss_and_grad": lambda net, X, y, w: net.loss_and_grad(X, y, fastbp.Trainer(net).loss, w),
    "check_gradients": lambda net, X, y, w: fastbp.check_gradients(net, X, y, fastbp.Trainer(net).loss, w),
    "fit": lambda net, X, y, w: fastbp.Trainer(net).fit(X, y, epochs=1, sample_weight=w),
    "evaluate": lambda net, X, y, w: fastbp.Trainer(net).evaluate(X, y, w),
    "validation": lambda net, X, y, w: fastbp.Trainer(net).fit(
        make.samples(10, 4),
        {"softmax": LABELS, "sigmoid": SHARES, "identity": NUMBERS}[net.layers[-1].activation],
        epochs=1,
        validation_data=(X, y, w),
    ),
}


def refuse(output, entry, X, y, w, error, words):
    net = make.network([4, 6, 3], output=output, dtype="float32")
    before = net.params.copy()
    with pytest.raises(error) as caught:
        entry(net, X, y, w)
    message = str(caught.value)
    for word in words:
        assert word in message
    assert make.same_bits(net.params, before)
    assert len(fastbp.Trainer(net).fit(make.samples(10, 4), np.tile([1, 0, 0], (10, 1)), epochs=1).loss) == 1


def pairs(table, entries):
    """Every row of a table with every entry; but check_gradients works in float64."""
    for bad, entry in itertools.product(table, entries):
        if (bad, entry) != ("too large for float32", "check_gradients"):
            yield bad, entry


# X: error, what the message says.
BAD_X = {
    "too few features": (X[:, :3], ValueError, ["X", "4 features", "got 3"]),
    "too many features": (np.hstack([X, X]), ValueError, ["X", "4 features", "got 8"]),
    "no features": (X[:, :0], ValueError, ["X", "4 features", "got 0"]),
    "NaN": (replaced(X, (7, 2), np.nan), ValueError, ["X", "finite", "nan", "[7, 2]"]),
    "infinity": (replaced(X, (0, 1), np.inf), ValueError, ["X", "finite", "inf", "[0, 1]"]),
    "minus infinity": (replaced(X, (9, 3), -np.inf), ValueError, ["X", "finite", "-inf", "[9, 3]"]),
    "too large for float32": (replaced(X, (1, 1), 1e39), ValueError, ["X", "finite", "1e+39", "[1, 1]", "float32"]),
    "0 by 0": (np.empty((0, 0)), ValueError, ["X", "4 features", "got 0"]),
    "empty": (X[:0], ValueError, ["X", "at least one sample", "none"]),
    "empty list": ([], ValueError, ["X", "2 dimensions", "shape (0,)"]),
    "0-d": (np.float64(3), ValueError, ["X", "2 dimensions", "got 0"]),
    "1-d": (X[0], ValueError, ["X", "2 dimensions", "got 1", "shape (4,)", "predict_one"]),
    "3-d": (X[None], ValueError, ["X", "2 dimensions", "got 3", "shape (1, 10, 4)"]),
    "objects": (X.astype(object), TypeError, ["X", "real numbers", "object"]),
    "None within": (replaced(X, (1, 1), None), TypeError, ["X", "real numbers", "object"]),
    "text": (X.astype(str), TypeError, ["X", "real numbers", "<U"]),
    "complex": (X * 1j, TypeError, ["X", "real numbers", "complex128"]),
    "dates": (np.zeros((10, 4), "M8[s]"), TypeError, ["X", "real numbers", "datetime64"]),
    "None": (None, TypeError, ["X", "real numbers", "object"]),
    "ragged": ([[1, 2, 3, 4], [5, 6]], ValueError, ["inhomogeneous"]),
}


@pytest.mark.parametrize(("bad", "entry"), list(pairs(BAD_X, [*PREDICTS, *LEARNS])))
def test_samples(bad, entry):
    x, error, words = BAD_X[bad]
    refuse("softmax", {**PREDICTS, **LEARNS}[entry], x, LABELS, None, error, words)


# By output: y, error, what the message says.
BAD_Y = {
    "softmax": {
        "too few": (LABELS[:9], ValueError, ["y", "as many rows as X, 10", "got 9"]),
        "too many": (np.tile(LABELS, 2), ValueError, ["y", "as many rows as X, 10", "got 20"]),
        "none": (LABELS[:0], ValueError, ["y", "as many rows as X, 10", "got 0"]),
        "out of range": (replaced(LABELS, 5, 3), ValueError, ["labels", "0 ... 2", "3 outputs", "to 3"]),
        "negative": (replaced(LABELS, 5, -1), ValueError, ["labels", "0 ... 2", "from -1"]),
        "far out": (replaced(LABELS, 5, 2**62), ValueError, ["labels", "0 ... 2", f"to {2**62}"]),
        "unsigned and far out": (np.full(10, 2**64 - 5, "u8"), ValueError, ["labels", "0 ... 2", f"to {2**64 - 5}"]),
        "floats": (LABELS * 1.0, TypeError, ["labels must be integers 0 ... 2", "float64", "astype(int)"]),
        "NaN": (replaced(LABELS, 5, np.nan), TypeError, ["labels must be integers", "float64"]),
        "text": (LABELS.astype(str), TypeError, ["labels must be integers", "<U", "numpy.unique"]),
        "objects": (LABELS.astype(object), TypeError, ["labels must be integers", "object"]),
        "a column": (LABELS[:, None], ValueError, ["y", "shape (10, 3)", "got (10, 1)"]),
        "too few columns": (ONE_HOT[:, :2], ValueError, ["y", "shape (10, 3)", "3 outputs", "got (10, 2)"]),
        "too few rows": (ONE_HOT[:9], ValueError, ["y", "as many rows as X, 10", "got 9"]),
        "rows that sum to 2": (2 * ONE_HOT, ValueError, ["y", "probabilities", "summing to 1", "to 2"]),
        "negative rows": (ONE_HOT + np.array([-1, 1, 0]), ValueError, ["y", "probabilities", "not negative", "-1"]),
        "infinite rows": (replaced(ONE_HOT, (2, 1), np.inf), ValueError, ["y", "finite", "inf", "[2, 1]"]),
        "3-d": (ONE_HOT[None], ValueError, ["y", "shape (n_samples, 3)", "got (1, 10, 3)"]),
        "0-d": (1, ValueError, ["y", "shape (n_samples, 3)", "got ()"]),
        "None": (None, (TypeError, ValueError), ["y", "must", "got"]),
    },
    "sigmoid": {
        "too high": (replaced(SHARES, (4, 1), 1.5), ValueError, ["y", "[0, 1]", "BinaryCrossEntropy", "to 1.5"]),
        "negative": (replaced(SHARES, (4, 1), -0.5), ValueError, ["y", "[0, 1]", "BinaryCrossEntropy", "from -0.5"]),
        "NaN": (replaced(SHARES, (4, 1), np.nan), ValueError, ["y", "finite", "nan", "[4, 1]"]),
        "labels": (LABELS, ValueError, ["y", "shape (10, 3)", "3 outputs", "got (10,)"]),
    },
    "identity": {
        "too few": (NUMBERS[:9], ValueError, ["y", "as many rows as X, 10", "got 9"]),
        "too few columns": (NUMBERS[:, :2], ValueError, ["y", "shape (10, 3)", "3 outputs", "got (10, 2)"]),
        "one column": (NUMBERS[:, 0], ValueError, ["y", "shape (10, 3)", "3 outputs", "got (10,)"]),
        "3-d": (NUMBERS[:, :, None], ValueError, ["y", "shape (n_samples, 3)", "got (10, 3, 1)"]),
        "0-d": (1.0, ValueError, ["y", "shape (n_samples, 3)", "got ()"]),
        "NaN": (replaced(NUMBERS, (4, 1), np.nan), ValueError, ["y", "finite", "nan", "[4, 1]"]),
        "infinity": (replaced(NUMBERS, (4, 1), np.inf), ValueError, ["y", "finite", "inf", "[4, 1]"]),
        "too large for float32": (replaced(NUMBERS, (4, 1), -1e39), ValueError, ["y", "finite", "-1e+39", "float32"]),
        "text": (NUMBERS.astype(str), TypeError, ["y", "real numbers", "<U"]),
        "objects": (NUMBERS.astype(object), TypeError, ["y", "real numbers", "object"]),
    },
}


@pytest.mark.parametrize(
    ("output", "bad", "entry"), [(output, *pair) for output, table in BAD_Y.items() for pair in pairs(table, LEARNS)]
)
def test_targets(output, bad, entry):
    y, error, words = BAD_Y[output][bad]
    refuse(output, LEARNS[entry], X, y, None, error, words)


BAD_WEIGHTS = {
    "too few": (np.ones(9), ValueError, ["sample_weight", "(10,)", "got (9,)"]),
    "none": (np.ones(0), ValueError, ["sample_weight", "(10,)", "got (0,)"]),
    "a column": (np.ones((10, 1)), ValueError, ["sample_weight", "(10,)", "got (10, 1)"]),
    "one number": (1.0, ValueError, ["sample_weight", "(10,)", "got ()"]),
    "negative": (replaced(np.ones(10), 6, -2.0), ValueError, ["sample_weight", "not be negative", "-2", "[6]"]),
    "all zero": (np.zeros(10), ValueError, ["sample_weight", "zero for every sample"]),
    "NaN": (replaced(np.ones(10), 6, np.nan), ValueError, ["sample_weight", "finite", "nan", "[6]"]),
    "infinity": (replaced(np.ones(10), 6, np.inf), ValueError, ["sample_weight", "finite", "inf", "[6]"]),
    "too large a sum": (np.full(10, 1e308), ValueError, ["sample_weight", "sum", "inf"]),
    "too small a sum": (np.full(10, 1e-320), ValueError, ["sample_weight", "sum", "e-320"]),
    "text": (np.full(10, "1"), TypeError, ["sample_weight", "real numbers", "<U1"]),
    "objects": (np.full(10, None), TypeError, ["sample_weight", "real numbers", "object"]),
    "named": ("balanced", TypeError, ["sample_weight", "real numbers", "<U8"]),
}


@pytest.mark.parametrize("entry", LEARNS)
@pytest.mark.parametrize("bad", BAD_WEIGHTS)
def test_weights(bad, entry):
    w, error, words = BAD_WEIGHTS[bad]
    refuse("identity", LEARNS[entry], X, NUMBERS, w, error, words)


@pytest.mark.parametrize(
    ("output", "loss", "words"),
    [(output, fastbp.CrossEntropy(), ["CrossEntropy", "softmax output", f"got {output}"]) for output in make.HIDDEN]
    + [
        (output, fastbp.BinaryCrossEntropy(), ["BinaryCrossEntropy", "sigmoid output", f"got {output}"])
        for output in (*make.HIDDEN, "softmax")
        if output != "sigmoid"
    ],
)
def test_losses_that_do_not_fit(output, loss, words):
    net = make.network([4, 6, 3], output=output)
    for use in (
        lambda: fastbp.Trainer(net, loss),
        lambda: net.loss_and_grad(X, LABELS, loss),
        lambda: fastbp.check_gradients(net, X, LABELS, loss),
    ):
        with pytest.raises(ValueError, match="needs a network with a") as caught:
            use()
        for word in [*words, "SquaredError()", f'output="{loss.fused}"']:
            assert word in str(caught.value)


NOT_A_LOSS = ["cross_entropy", None, fastbp.CrossEntropy, 3]


@pytest.mark.parametrize("loss", NOT_A_LOSS, ids=repr)
def test_unknown_losses(loss):
    net = make.network([4, 6, 3], output="softmax")
    expected = r"loss must be a fastbp loss, .* or an object with value_and_grad\(outputs, targets\), got "
    with pytest.raises(TypeError, match=expected):
        net.loss_and_grad(X, LABELS, loss)
    if loss is not None:
        with pytest.raises(TypeError, match=expected):
            fastbp.Trainer(net, loss=loss)


# Settings of a trainer: value, error, what the message says. They hold for the constructor and for attributes alike.
BAD_SETTINGS = [
    ("batch_size", 0, ValueError, ["at least 1", "got 0"]),
    ("batch_size", -3, ValueError, ["at least 1", "got -3"]),
    ("batch_size", 2**70, ValueError, ["at most", f"got {2**70}"]),
    ("batch_size", 1.5, TypeError, ["integer", "got 1.5"]),
    ("batch_size", 32.0, TypeError, ["integer", "got 32.0"]),
    ("batch_size", "32", TypeError, ["integer", "got '32'"]),
    ("batch_size", None, TypeError, ["integer", "got None"]),
    ("batch_size", True, TypeError, ["integer", "got True"]),
    ("n_threads", 0, ValueError, ["at least 1", "got 0"]),
    ("n_threads", -1, ValueError, ["at least 1", "got -1"]),
    ("n_threads", 2**40, ValueError, ["at most", f"got {2**40}"]),
    ("n_threads", None, TypeError, ["integer", "got None"]),
    ("seed", -1, ValueError, ["at least 0", "got -1"]),
    ("seed", 2**64, ValueError, ["at most", f"got {2**64}"]),
    ("seed", None, TypeError, ["integer", "got None"]),
    ("seed", 0.5, TypeError, ["integer", "got 0.5"]),
    ("optimizer", "adam", TypeError, ["fastbp optimiser", "SGD()", "Adam()", "got 'adam'"]),
    ("optimizer", fastbp.Adam, TypeError, ["fastbp optimiser", "SGD()", "Adam()", "Adam"]),
    ("optimizer", 0.1, TypeError, ["fastbp optimiser", "got 0.1"]),
]


@pytest.mark.parametrize(("name", "value", "error", "words"), BAD_SETTINGS)
def test_settings_of_a_trainer(name, value, error, words):
    net = make.network([4, 6, 3])
    trainer = fastbp.Trainer(net)
    before = getattr(trainer, name)
    for use in (lambda: fastbp.Trainer(net, **{name: value}), lambda: setattr(trainer, name, value)):
        with pytest.raises(error, match=f"^{name} must be ") as caught:
            use()
        for word in words:
            assert word in str(caught.value)
    assert getattr(trainer, name) is before


@pytest.mark.parametrize("name", ["network", "loss"])
def test_what_a_trainer_trains_is_settled(name):
    trainer = fastbp.Trainer(make.network([4, 6, 3]))
    with pytest.raises(AttributeError, match=name):
        setattr(trainer, name, None)


@pytest.mark.parametrize("net", [None, "model.npz", fastbp.Network, np.ones(3)], ids=type)
def test_networks_of_a_trainer(net):
    with pytest.raises(TypeError, match=r"net must be a fastbp\.Network, got"):
        fastbp.Trainer(net)


BAD_FITS = [
    ({"epochs": 0}, ValueError, ["epochs", "at least 1", "got 0"]),
    ({"epochs": -5}, ValueError, ["epochs", "at least 1", "got -5"]),
    ({"epochs": 2.0}, TypeError, ["epochs", "integer", "got 2.0"]),
    ({"epochs": None}, TypeError, ["epochs", "integer", "got None"]),
    ({"shuffle": "yes"}, TypeError, ["shuffle", "True or False", "got 'yes'"]),
    ({"shuffle": 1}, TypeError, ["shuffle", "True or False", "got 1"]),
    ({"progress": None}, TypeError, ["progress", "True or False", "got None"]),
    ({"callbacks": [print]}, TypeError, ["callbacks", "fastbp.Callback", "print"]),
    ({"callbacks": [fastbp.EarlyStopping]}, TypeError, ["callbacks", "fastbp.Callback", "EarlyStopping"]),
    ({"callbacks": ["EarlyStopping"]}, TypeError, ["callbacks", "fastbp.Callback", "'EarlyStopping'"]),
    ({"validation_data": X}, TypeError, ["validation_data", "(X, y)"]),
    ({"validation_data": (X,)}, TypeError, ["validation_data", "(X, y)"]),
    ({"validation_data": (X, NUMBERS, None, None)}, TypeError, ["validation_data", "(X, y)"]),
    ({"validation_data": 0.2}, TypeError, ["validation_data", "(X, y)"]),
    ({"validation_data": (X, LABELS)}, ValueError, ["validation_data", "shape (10, 3)", "got (10,)"]),
    ({"callbacks": [fastbp.EarlyStopping()]}, ValueError, ["'val_loss'", "loss", "validation_data"]),
]


@pytest.mark.parametrize(("settings", "error", "words"), BAD_FITS, ids=str)
def test_settings_of_a_fit(settings, error, words):
    net = make.network([4, 6, 3])
    before = net.params.copy()
    trainer = fastbp.Trainer(net)
    with pytest.raises(error) as caught:
        trainer.fit(X, NUMBERS, **{"epochs": 2, **settings})
    for word in words:
        assert word in str(caught.value)
    assert make.same_bits(net.params, before)
    assert trainer.epoch == 0


BAD_NETWORKS = [
    (lambda: fastbp.Network(0, [fastbp.Dense(2)]), ValueError, ["n_in", "at least 1", "got 0"]),
    (lambda: fastbp.Network(2.0, [fastbp.Dense(2)]), TypeError, ["n_in", "integer", "got 2.0"]),
    (lambda: fastbp.Network(2, []), ValueError, ["layers", "at least one", "none"]),
    (lambda: fastbp.Network(2, [3]), TypeError, ["layers", "Dense(n_out, activation)", "got 3"]),
    (lambda: fastbp.Network(2, [fastbp.Dense]), TypeError, ["layers", "Dense(n_out, activation)", "got <class"]),
    (lambda: fastbp.Network(2, [fastbp.Dense(2)], dtype="float16"), ValueError, ["dtype", "float32 or", "'float16'"]),
    (lambda: fastbp.Network(2, [fastbp.Dense(2)], dtype="single one"), ValueError, ["dtype", "'single one'"]),
    (lambda: fastbp.Network(2, [fastbp.Dense(2)], dtype=int), ValueError, ["dtype", "float32 or float64", "int"]),
    (lambda: fastbp.Network(2, [fastbp.Dense(2)], dtype=None), ValueError, ["dtype", "float32 or float64", "None"]),
    (lambda: fastbp.Network(2, [fastbp.Dense(2)], seed=-1), ValueError, ["seed", "at least 0", "got -1"]),
    (lambda: fastbp.Network(2, [fastbp.Dense(2)], seed="a"), TypeError, ["seed", "integer", "got 'a'"]),
    (
        lambda: fastbp.Network(2, [fastbp.Dense(2, "softmax"), fastbp.Dense(2)]),
        ValueError,
        ["softmax", "last layer alone", "layer 0 of 2"],
    ),
    (lambda: fastbp.Network.mlp([4]), ValueError, ["widths", "at least one layer", "[4]"]),
    (lambda: fastbp.Network.mlp([]), ValueError, ["widths", "at least one layer", "[]"]),
    (lambda: fastbp.Network.mlp([4, 0, 2]), ValueError, ["width", "at least 1", "got 0"]),
    (lambda: fastbp.Network.mlp([4, 2.5]), TypeError, ["width", "integer", "got 2.5"]),
    (lambda: fastbp.Network.mlp("48"), TypeError, ["width", "integer", "got '4'"]),
    (lambda: fastbp.Network.mlp([4, 3, 2], activation="Relu"), ValueError, ["activation", "relu", "got 'Relu'"]),
    (lambda: fastbp.Network.mlp([4, 3, 2], activation="softmax"), ValueError, ["softmax", "last layer alone"]),
    (lambda: fastbp.Network.mlp([4, 3, 2], output="linear"), ValueError, ["activation", "identity", "got 'linear'"]),
    (lambda: fastbp.Network.mlp([4, 3, 2], activation=None), ValueError, ["activation", "relu", "got None"]),
]


@pytest.mark.parametrize(("make_network", "error", "words"), BAD_NETWORKS)
def test_networks(make_network, error, words):
    with pytest.raises(error) as caught:
        make_network()
    for word in words:
        assert word in str(caught.value)


BAD_ONES = {
    "too few features": (np.ones(3), None, ["x", "shape (4,)", "got (3,)"]),
    "no features": (np.ones(0), None, ["x", "shape (4,)", "got (0,)"]),
    "a row": (np.ones((1, 4)), None, ["x", "shape (4,)", "got (1, 4)"]),
    "a number": (1.0, None, ["x", "shape (4,)", "got ()"]),
    "text": (list("abcd"), None, ["x", "real numbers", "<U1"]),
    "nothing": (None, None, ["x", "real numbers", "object"]),
    "out of another width": (np.ones(4), np.ones(4), ["out", "shape (3,)", "float64"]),
    "out of another dtype": (np.ones(4), np.ones(3, "f4"), ["out", "shape (3,)", "float64"]),
    "out of other bytes": (np.ones(4), np.ones(3, np.dtype("f8").newbyteorder()), ["out", "shape (3,)", "float64"]),
    "out a row": (np.ones(4), np.ones((1, 3)), ["out", "shape (3,)", "float64"]),
    "out a list": (np.ones(4), [0.0] * 3, ["out", "shape (3,)", "float64", "[0.0, 0.0, 0.0]"]),
    "out strided": (np.ones(4), np.ones(6)[::2], ["out", "contiguous"]),
    "out read-only": (np.ones(4), np.broadcast_to(1.0, 3), ["out", "writable"]),
}


@pytest.mark.parametrize(("x", "out", "words"), BAD_ONES.values(), ids=BAD_ONES)
def test_predict_one(x, out, words):
    net = make.network([4, 6, 3])
    with pytest.raises((TypeError, ValueError)) as caught:
        net.predict_one(x, out=out)
    for word in words:
        assert word in str(caught.value)
    if out is not None:
        assert np.ptp(out) == 0


def test_parameters_cannot_be_replaced():
    net = make.network([4, 6, 3])
    before = net.params
    with pytest.raises(AttributeError, match=r"net\.params\[\.\.\.\] = values"):
        net.params = before * 0
    assert net.params is before
    expected = before * 0.5
    net.params *= 0.5
    assert make.same_bits(net.params, expected)


@pytest.mark.parametrize("values", [np.ones(5), np.ones((6, 4)), "abc"], ids=str)
def test_parameters_of_another_shape(values):
    net = make.network([4, 6, 3])
    before = net.params.copy()
    with pytest.raises(ValueError, match=r"broadcast|convert"):
        net.named_parameters()["0.weight"][...] = values
    assert make.same_bits(net.params, before)


def test_the_scan_can_be_skipped():
    net = make.network([4, 6, 3], output="identity")
    X = np.ones((2, 4))
    X[0, 1] = np.nan
    p = net.predict(X, check_finite=False)
    assert np.isnan(p[0]).all()
    assert np.isfinite(p[1]).all()
    assert np.isnan(net.predict_one(X[0])).all()


# Every NaN that there is: any sign, quiet or signalling, any payload.
NANS = {
    "float32": st.builds(
        lambda sign, payload: sign << 31 | 0x7F8 << 20 | payload, st.booleans(), st.integers(1, 2**23 - 1)
    ),
    "float64": st.builds(
        lambda sign, payload: sign << 63 | 0x7FF << 52 | payload, st.booleans(), st.integers(1, 2**52 - 1)
    ),
}


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(sorted(NANS)), st.integers(1, 40), st.sampled_from(["X", "y", "sample_weight"]))
def test_any_nan_anywhere_is_found(data, dtype, n_rows, name):
    given = {
        "X": np.ones((n_rows, 4), dtype),
        "y": np.ones((n_rows, 3), dtype),
        "sample_weight": np.ones(n_rows, dtype),
    }
    array = given[name]
    bits = array.view(f"u{array.itemsize}")
    position = data.draw(st.integers(0, array.size - 1))
    bits.flat[position] = data.draw(NANS[dtype])
    where = ", ".join(map(str, np.unravel_index(position, array.shape)))
    net = make.network([4, 3], dtype=dtype)
    before, trainer = net.params.copy(), fastbp.Trainer(net)
    words = rf"^{name} must be finite, got -?nan at \[{where}\]: replace"
    with pytest.raises(ValueError, match=words):
        trainer.fit(**given, epochs=1)
    with pytest.raises(ValueError, match=words):
        trainer.evaluate(**given)
    if name == "X":
        with pytest.raises(ValueError, match=words):
            net.predict(array)
    assert make.same_bits(net.params, before)


def numbers(dtype, *shape):
    """Any at all: huge, denormal, NaN and infinities."""
    width = np.dtype(dtype).itemsize * 8
    return arrays(dtype, shape, elements=st.floats(width=width) | st.floats(-2, 2, width=width))


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(["float32", "float64"]), st.integers(1, 20))
def test_any_numbers(data, dtype, n_rows):
    """They are refused, or learnt from, or too much for the optimiser; nothing else, and what is left is finite."""
    X, y = data.draw(numbers(dtype, n_rows, 4)), data.draw(numbers(dtype, n_rows, 3))
    net = make.network([4, 6, 3], dtype=dtype)
    before, trainer = net.params.copy(), fastbp.Trainer(net, batch_size=8)
    finite = np.isfinite(X).all() and np.isfinite(y).all()
    for train in (lambda: trainer.fit(X, y, epochs=2), lambda: trainer.learn_many(X, y)):
        if finite:
            with contextlib.suppress(fastbp.DivergedError):
                train()
        else:
            with pytest.raises(ValueError, match="must be finite, got"):
                train()
            assert make.same_bits(net.params, before)
        assert np.isfinite(net.params).all()


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(["float32", "float64"]), st.integers(1, 20))
def test_any_finite_numbers_are_predicted(data, dtype, n_rows):
    """As exactly as their sum of products can be, wherever that does not overflow; denormal numbers count as 0."""
    X = data.draw(numbers(dtype, n_rows, 4).filter(lambda X: np.isfinite(X).all()))
    net = make.network([4, 3], dtype=dtype)
    info = np.finfo(dtype)
    w, b = (values.astype(np.longdouble) for values in net.named_parameters().values())
    size = abs(X) @ abs(w) + abs(b)
    exact = X @ w + b
    close = abs(net.predict(X) - exact) <= 4 * info.eps * size + 4 * info.tiny * (1 + abs(w).sum(axis=0))
    assert (close | (size >= info.max)).all()
    for x, expected in zip(X, net.predict(X), strict=True):
        assert make.same_bits(net.predict_one(x), expected)


def test_denormal_numbers_count_as_zero(target, dtype):
    """In samples, targets and weights of the network, alone and in every way of working with them."""
    tiny = np.finfo(dtype).smallest_subnormal * np.arange(1, 5).astype(dtype)
    X = np.outer(np.ones(40, dtype), tiny)
    y = np.outer(np.ones(40, dtype), tiny[:3])
    outcomes = []
    for scale in (1, 0):
        net = make.network([4, 9, 3], dtype=dtype)
        net.named_parameters()["0.bias"][...] = scale * tiny[0]
        net.named_parameters()["1.bias"][...] = 0
        trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(0.1), batch_size=16)
        predictions = net.predict(scale * X), net.predict_one(scale * X[0])
        losses = [*trainer.fit(scale * X, scale * y, epochs=2).loss, trainer.learn_one(scale * X[0], scale * y[0])]
        outcomes.append((losses, *predictions, net.params))
    for got, expected in zip(*outcomes, strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=np.finfo(dtype).tiny)


def test_what_numpy_is_told_to_raise_does_not_matter():
    net = make.network([4, 6, 3], dtype="float32")
    with np.errstate(all="raise"):
        assert make.same_bits(net.predict(np.full((2, 4), 1e-300)), net.predict(np.zeros((2, 4))))
        with pytest.raises(ValueError, match=r"finite as float32, got 1e\+300"):
            net.predict(np.full((2, 4), 1e300))
