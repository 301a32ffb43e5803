"""A loss of the caller's own: it is asked once a batch, what it returns is checked, and all else is as ever."""

import math
import time
import warnings

import numpy as np
import pytest

import fastbp
from tests import makers as make
from tests.test_interrupts import check_interrupted, interrupt_soon  # noqa: F401 (a fixture)


class OfEach:
    """The squared error, a value for each sample."""

    def __init__(self):
        self.sizes = []

    def value_and_grad(self, outputs, targets):
        self.sizes.append(len(outputs))
        error = outputs - targets
        return (error**2).mean(axis=1), 2 * error / error.shape[1]


class OfBatch(OfEach):
    """The squared error, one value for the batch."""

    def value_and_grad(self, outputs, targets):
        losses, grad = super().value_and_grad(outputs, targets)
        return losses.mean(), grad / len(losses)


class OfLabels:
    """Cross-entropy from probabilities and labels."""

    def value_and_grad(self, outputs, targets):
        rows = np.arange(len(outputs))
        grad = np.zeros(outputs.shape)  # of another dtype than the network may have
        grad[rows, targets] = -1 / outputs[rows, targets]
        return -np.log(outputs[rows, targets]), grad


class Coupled:
    """The spread of the errors of a batch: no mean over its samples."""

    def value_and_grad(self, outputs, targets):
        error = outputs - targets
        centered = error - error.mean(axis=0)
        return (centered**2).mean(), 2 * centered / centered.size


class Returns:
    def __init__(self, answer):
        self.answer = answer

    def value_and_grad(self, outputs, targets):
        return self.answer(outputs, targets)


TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
X, Y = make.samples(50, 5), make.targets("numbers", 50, 3)


@pytest.mark.parametrize("n_samples", [1, 5, 33, 1500])
@pytest.mark.parametrize("output", ["identity", "softmax"])
def test_loss_and_gradient(target, dtype, output, n_samples):
    net = make.network([5, 7, 3], output=output, dtype=dtype)
    X, y = make.samples(n_samples, 5), make.targets("numbers", n_samples, 3)
    for loss, weights in [(OfEach(), None), (OfEach(), make.weights(n_samples)), (OfBatch(), None)]:
        value, grad = net.loss_and_grad(X, y, loss, weights)
        expected, gradient = net.loss_and_grad(X, y, fastbp.SquaredError(), weights)
        assert loss.sizes == [n_samples]
        assert value == pytest.approx(expected, rel=TOLERANCE[dtype])
        assert make.furthest(grad, gradient) < TOLERANCE[dtype]


@pytest.mark.parametrize(
    ("loss", "output", "kind"),
    [
        (OfEach(), "tanh", "numbers"),
        (OfBatch(), "softmax", "numbers"),
        (OfLabels(), "softmax", "labels"),
        (Coupled(), "silu", "numbers"),
    ],
)
def test_against_differences(loss, output, kind):
    net = make.network([5, 4, 3], "tanh", output)
    assert fastbp.check_gradients(net, make.samples(9, 5), make.targets(kind, 9, 3), loss) < 1e-6


def test_a_wrong_gradient_is_found():
    net = make.network([5, 4, 3])
    wrong = Returns(lambda outputs, targets: (((outputs - targets) ** 2).mean(axis=1), outputs - targets))
    assert fastbp.check_gradients(net, X, Y, wrong) > 0.1


@pytest.mark.parametrize("settings", [{}, {"batch_size": 1}, {"batch_size": 2000, "n_threads": 2}, {"n_threads": 3}])
@pytest.mark.parametrize("optimizer", [fastbp.SGD(0.1), fastbp.Adam(0.01)], ids=repr)
def test_training(all_threads, dtype, optimizer, settings):
    n_samples = {1: 20, 2000: 1100}.get(settings.get("batch_size"), 75)
    X, y, weights = make.samples(n_samples, 5), make.targets("numbers", n_samples, 3), make.weights(n_samples)
    for loss, w in [(OfEach(), weights), (OfBatch(), None)]:
        one, other = (
            fastbp.Trainer(make.network([5, 7, 3], dtype=dtype), each, optimizer, **settings)
            for each in [loss, fastbp.SquaredError()]
        )
        assert one.loss is loss
        histories = [trainer.fit(X, y, epochs=3, sample_weight=w) for trainer in (one, other)]
        np.testing.assert_allclose(histories[0].loss, histories[1].loss, rtol=TOLERANCE[dtype])
        assert make.furthest(one.network.params, other.network.params) < 100 * TOLERANCE[dtype]
        if w is None:
            size = min(settings.get("batch_size", 32), n_samples)
            sizes = [size] * (n_samples // size) + [n_samples % size] * (n_samples % size > 0)
            assert loss.sizes == 3 * sizes
        assert make.furthest(one.learn_one(X[0], y[0]), other.learn_one(X[0], y[0])) < 100 * TOLERANCE[dtype]


def test_the_result_does_not_depend_on_threads(all_threads):
    params = []
    for n_threads in [1, 3]:
        trainer = fastbp.Trainer(make.network([5, 7, 3]), OfEach(), batch_size=16, n_threads=n_threads)
        trainer.fit(X, Y, epochs=3)
        params.append(trainer.network.params)
    assert make.same_bits(*params)


def test_it_is_asked_once():
    loss = OfEach()
    trainer = fastbp.Trainer(make.network([5, 7, 3]), loss)
    scores = trainer.evaluate(X, Y)
    assert scores == {"loss": pytest.approx(trainer.network.loss_and_grad(X, Y, fastbp.SquaredError())[0], rel=1e-12)}
    assert loss.sizes == [50]
    trainer.learn_one(X[0], Y[0])
    trainer.learn_one(X[1], Y[1])
    assert loss.sizes == [50, 1, 1]
    history = trainer.fit(X, Y, epochs=2, validation_data=(X, Y))
    assert loss.sizes == [50, 1, 1, 32, 18, 50, 32, 18, 50]
    assert len(history.val_loss) == 2
    assert history.metrics == {}


def test_batches_of_no_weight_are_not_asked_for():
    loss = OfEach()
    trainer = fastbp.Trainer(make.network([5, 7, 3]), loss, batch_size=10)
    trainer.fit(X, Y, epochs=1, shuffle=False, sample_weight=np.arange(50) >= 20)
    assert loss.sizes == [10, 10, 10]


def test_it_sees_the_rows_of_its_targets(dtype):
    """Targets of any kind, in the order of the samples."""
    seen = []

    def answer(outputs, targets):
        seen.extend(targets.tolist())
        assert outputs.dtype == dtype
        np.testing.assert_allclose(outputs[:, 0], [len(name) for name in targets])
        outputs[...] = np.nan  # it is its own
        return np.zeros(len(outputs)), np.zeros((len(outputs), 1))

    names = np.array(["a", "bb", "ccc", "dddd", "eeeee"])
    net = fastbp.Network(1, [fastbp.Dense(1, "identity", "zeros")], dtype=dtype)
    net.named_parameters()["0.weight"][...] = 1
    lengths = np.array([[len(name)] for name in names])
    trainer = fastbp.Trainer(net, Returns(answer), fastbp.SGD(0.1), batch_size=2)
    assert trainer.fit(lengths, names, epochs=3).loss == [0, 0, 0]
    assert sorted(seen) == sorted(names.tolist() * 3)
    assert seen[:5] != seen[5:10]
    assert trainer.evaluate(lengths, names) == {"loss": 0}
    assert trainer.learn_one(lengths[2], names[2]) == 0
    assert net.params.tolist() == [1, 0]


class Fails(OfEach):
    def __init__(self, after, error):
        super().__init__()
        self.after, self.error = after, error

    def value_and_grad(self, outputs, targets):
        if len(self.sizes) == self.after:
            raise self.error
        return super().value_and_grad(outputs, targets)


@pytest.mark.parametrize("optimizer", [fastbp.SGD(0.1), fastbp.Adam(0.01)], ids=repr)
def test_an_exception_leaves_the_network_before_its_batch(optimizer):
    trainer = fastbp.Trainer(make.network([5, 7, 3]), Fails(3, ZeroDivisionError("mine")), optimizer, batch_size=10)
    with pytest.raises(ZeroDivisionError, match="mine"):
        trainer.fit(X, Y, epochs=1, shuffle=False)
    twin = fastbp.Trainer(make.network([5, 7, 3]), OfEach(), optimizer, batch_size=10)
    twin.fit(X[:30], Y[:30], epochs=1, shuffle=False)
    assert make.same_bits(trainer.network.params, twin.network.params)
    trainer.loss.after = -1  # both go on alike
    for each in (trainer, twin):
        each.fit(X[:30], Y[:30], epochs=1, shuffle=False)
    assert make.same_bits(trainer.network.params, twin.network.params)


def test_layers_that_know_training_from_predictions():
    """They draw the same as with another loss, and remember nothing of a batch whose loss raises."""

    def trainer(loss):
        layers = [fastbp.Dense(7, "tanh"), fastbp.Dropout(0.3), fastbp.BatchNorm(), fastbp.Dense(3)]
        return fastbp.Trainer(fastbp.Network(5, layers, dtype="float64"), loss, fastbp.SGD(0.1), batch_size=10)

    one, other, failing = trainer(OfEach()), trainer(fastbp.SquaredError()), trainer(Fails(7, LookupError("mine")))
    one.fit(X, Y, epochs=3)
    other.fit(X, Y, epochs=3)
    assert make.furthest(one.network.params, other.network.params) < 1e-12
    assert fastbp.check_gradients(one.network, X[:9], Y[:9], OfEach(), training=True, seed=1) < 1e-6
    with pytest.raises(LookupError, match="mine"):
        failing.fit(X, Y, epochs=3, shuffle=False)
    before = failing.network.params.copy(), failing.network.buffers.copy()
    with pytest.raises(LookupError, match="mine"):
        failing.fit(X, Y, epochs=3)
    assert make.same_bits(failing.network.params, before[0])
    assert make.same_bits(failing.network.buffers, before[1])


def test_an_exception_elsewhere():
    net = make.network([5, 7, 3])
    before = net.params.copy()
    trainer = fastbp.Trainer(net, Fails(0, LookupError("mine")))
    for use in (
        lambda: trainer.evaluate(X, Y),
        lambda: trainer.learn_one(X[0], Y[0]),
        lambda: net.loss_and_grad(X, Y, trainer.loss),
        lambda: fastbp.check_gradients(net, X, Y, trainer.loss),
    ):
        with pytest.raises(LookupError, match="mine"):
            use()
    assert make.same_bits(net.params, before)


def test_an_interrupt_of_the_loss():
    loss = Fails(12, KeyboardInterrupt())
    trainer = fastbp.Trainer(make.network([5, 7, 3]), loss, batch_size=10)
    with pytest.warns(UserWarning, match="interrupted in epoch 2"):
        history = trainer.fit(X, Y, epochs=9)
    assert history.interrupted
    assert len(history.loss) == 2


@pytest.mark.parametrize("seconds", [0, 0.005])
def test_an_interrupt(interrupt_soon, seconds):  # noqa: F811
    def answer(outputs, targets):
        time.sleep(seconds)
        return OfEach().value_and_grad(outputs, targets)

    trainer = fastbp.Trainer(make.network([5, 7, 3]), Returns(answer))
    check_interrupted(trainer, interrupt_soon, X, Y)


def test_training_that_diverges():
    def answer(outputs, targets):
        assert np.isfinite(outputs).all()
        return OfEach().value_and_grad(outputs, targets)

    net = make.network([5, 7, 3], "relu", dtype="float32")
    trainer = fastbp.Trainer(net, Returns(answer), fastbp.SGD(1e6))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the loss may overflow first
        with pytest.raises((fastbp.DivergedError, ValueError), match=r"diverged|finite"):
            trainer.fit(X, Y, epochs=100)
    assert np.isfinite(net.params).all()


def test_outputs_that_are_not_finite_are_not_asked_about():
    net = make.network([5, 7, 3])
    net.params[-1] = np.inf
    loss = OfEach()
    assert math.isnan(net.loss_and_grad(X, Y, loss)[0])
    assert math.isnan(fastbp.Trainer(net, loss).evaluate(X, Y)["loss"])
    with pytest.raises(fastbp.DivergedError):
        fastbp.Trainer(net, loss).fit(X, Y)
    assert loss.sizes == []


def test_divergence_that_does_not_repeat():
    """Nothing to find when the loss is another every time: it must come to an end all the same."""

    class Fickle(OfEach):
        def value_and_grad(self, outputs, targets):
            losses, grad = super().value_and_grad(outputs, targets)
            return losses, 1e300 * grad if len(self.sizes) == 3 else 0 * grad

    net = make.network([5, 7, 3], "relu")
    with pytest.raises(fastbp.DivergedError):
        fastbp.Trainer(net, Fickle(), fastbp.SGD(1e100)).fit(X, Y, epochs=20)
    assert np.isfinite(net.params).all()


def test_the_network_may_be_used_meanwhile():
    net = make.network([5, 7, 3])

    def answer(outputs, targets):
        net.predict(X)
        with pytest.raises(RuntimeError, match="being trained already"):
            fastbp.Trainer(net).fit(X, Y)
        return OfEach().value_and_grad(outputs, targets)

    twin = make.network([5, 7, 3])
    fastbp.Trainer(net, Returns(answer)).fit(X, Y, epochs=2)
    fastbp.Trainer(twin, OfEach()).fit(X, Y, epochs=2)
    assert make.same_bits(net.params, twin.params)


def good(outputs, targets):
    return OfEach().value_and_grad(outputs, targets)


def replaced(index, change):
    def answer(outputs, targets):
        both = list(good(outputs, targets))
        both[index] = change(both[index])
        return tuple(both)

    return answer


def with_nan(array):
    array = array.copy()
    array[-1] = math.nan
    return array


BAD = {
    "nothing": (lambda o, t: None, TypeError, r"must return \(value, gradient\), got None"),
    "one array": (lambda o, t: good(o, t)[1], TypeError, r"must return \(value, gradient\)"),
    "three": (lambda o, t: (*good(o, t), 1), TypeError, r"must return \(value, gradient\)"),
    "text": (replaced(0, lambda v: "0.5"), TypeError, "real numbers, got a value of dtype <U3"),
    "no value": (replaced(0, lambda v: None), TypeError, "real numbers, got a value of dtype object"),
    "complex": (replaced(1, lambda g: g * 1j), TypeError, "real numbers, got a gradient of dtype complex128"),
    "a column": (replaced(0, lambda v: v[:, None]), ValueError, r"loss of each sample, of shape \(\d+,\).*got .*, 1\)"),
    "one too few": (replaced(0, lambda v: v[1:]), ValueError, r"loss of each sample, of shape"),
    "a flat gradient": (replaced(1, np.ravel), ValueError, r"shape of the outputs, \(\d+, 3\), got \(\d+,\)"),
    "a column of a gradient": (replaced(1, lambda g: g[:, :1]), ValueError, r"shape of the outputs, \(\d+, 3\), got"),
    "a value of NaN": (replaced(0, lambda v: math.nan), ValueError, "finite numbers, got a value of nan"),
    "a value that is NaN": (replaced(0, with_nan), ValueError, r"finite numbers, got a value of nan at \[\d+\]"),
    "a gradient with NaN": (replaced(1, with_nan), ValueError, r"a gradient of nan at \[\d+, 0\] \(as float32\)"),
    "too large for float32": (
        replaced(1, lambda g: g + 1e39),
        ValueError,
        r"gradient of inf at .* \(as float32\)",
    ),
}


@pytest.mark.parametrize(("answer", "error", "message"), BAD.values(), ids=BAD)
def test_bad_answers(answer, error, message):
    net = make.network([5, 7, 3], dtype="float32")
    before = net.params.copy()
    trainer = fastbp.Trainer(net, Returns(answer))
    for use in (
        trainer.fit,
        trainer.evaluate,
        lambda X, y: net.loss_and_grad(X, y, trainer.loss),
        lambda X, y: trainer.learn_one(X[0], y[0]),
    ):
        with pytest.raises(error, match=message) as caught:
            use(X, Y.astype("float64"))
        assert str(caught.value).startswith("Returns.value_and_grad ")
    assert make.same_bits(net.params, before)
    trainer.loss.answer = good
    trainer.fit(X, Y)


def test_targets_of_another_shape_than_the_outputs_are_named():
    net = make.network([5, 7, 1])
    with pytest.raises(ValueError, match=r"outputs, \(50, 1\), got \(50, 50\); the targets have shape \(50,\)"):
        net.loss_and_grad(X, Y[:, 0], OfEach())


def test_weights_need_the_loss_of_each_sample():
    net = make.network([5, 7, 3])
    before = net.params.copy()
    trainer = fastbp.Trainer(net, OfBatch())
    for use in (
        trainer.fit,
        trainer.evaluate,
        lambda X, y, sample_weight: net.loss_and_grad(X, y, OfBatch(), sample_weight),
    ):
        with pytest.raises(ValueError, match=r"one number for the batch.*sample_weight.*return the loss of"):
            use(X, Y, sample_weight=np.ones(50))
    assert make.same_bits(net.params, before)


@pytest.mark.parametrize(
    ("y", "message"), [(Y[:49], r"as many rows as X, 50, got shape \(49, 3\)"), (1.0, r"got shape \(\)")]
)
def test_bad_targets(y, message):
    with pytest.raises(ValueError, match=message):
        fastbp.Trainer(make.network([5, 7, 3]), OfEach()).fit(X, y)
