"""Several tasks: the weighted sum of what each is alone, in value, gradient and training."""

import pickle

import numpy as np
import pytest

import fastbp
from tests import makers as make

N = 60
X, W = make.samples(N, 4), make.weights(N)


def task(name):
    """(loss, outputs, output activation that it goes with, targets)."""
    rng = np.random.default_rng(3)
    return {
        "labels": lambda: (fastbp.CrossEntropy(), 3, "softmax", rng.integers(0, 3, N)),
        "smooth": lambda: (fastbp.CrossEntropy(label_smoothing=0.2), 3, "softmax", rng.integers(0, 3, N)),
        "shares": lambda: (fastbp.CrossEntropy(), 3, "softmax", rng.dirichlet(np.ones(3), N)),
        "focal": lambda: (fastbp.FocalCrossEntropy(alpha=[1, 2, 3]), 3, "softmax", rng.integers(0, 3, N)),
        "numbers": lambda: (fastbp.SquaredError(), 2, "identity", rng.normal(size=(N, 2))),
        "one number": lambda: (fastbp.Huber(0.5), 1, "identity", rng.normal(size=N)),
        "flags": lambda: (fastbp.BinaryCrossEntropy(), 2, "sigmoid", rng.integers(0, 2, (N, 2))),
        "counts": lambda: (fastbp.Poisson(log_input=False), 1, "softplus", rng.poisson(2.0, N)),
        "margins": lambda: (fastbp.SquaredHinge(), 2, "identity", 2 * rng.integers(0, 2, (N, 2)) - 1),
        "variances": lambda: (fastbp.GaussianNLL(), 4, "identity", rng.normal(size=(N, 2))),
    }[name]()


MIXES = [
    ["labels"],
    ["labels", "numbers"],
    ["variances", "one number", "flags"],
    ["smooth", "counts", "margins", "shares"],
    ["flags", "focal", "numbers", "variances", "labels"],
]


def made(names, dtype="float64", weighted=True):
    """The network, the loss and the targets of these tasks, and a network for each task alone with the same weights."""
    tasks = [task(name) for name in names]
    weights = [1.0, 0.5, 2.0, 0.25, 3.0][: len(tasks)] if weighted else [1.0] * len(tasks)
    loss = fastbp.MultiTask([(each, n, w) for (each, n, _, _), w in zip(tasks, weights, strict=True)])
    net = make.network([4, 7, sum(n for _, n, _, _ in tasks)], "tanh", dtype=dtype)
    alone, begin = [], 0
    for each, n, output, y in tasks:
        part = make.network([4, 7, n], "tanh", output, dtype)
        for name, values in part.named_parameters().items():
            whole = net.named_parameters()[name]
            values[...] = whole if name.startswith("0") else whole[..., begin : begin + n]
        alone.append((part, each, y))
        begin += n
    return net, loss, [y for _, _, _, y in tasks], alone, weights


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("names", MIXES, ids="+".join)
def test_loss_and_gradient_are_sums(target, dtype, names, weighted):
    net, loss, y, alone, factors = made(names, dtype)
    sample_weight = W if weighted else None
    value, grad = net.loss_and_grad(X, y, loss, sample_weight)
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    begin, total, hidden = 0, 0.0, 0.0
    last = net.n_params - 8 * net.n_out
    columns = grad[last:].reshape(8, net.n_out)
    for (part, each, targets), factor in zip(alone, factors, strict=True):
        of_part, grad_of_part = part.loss_and_grad(X, targets, each, sample_weight)
        total += factor * of_part
        hidden = hidden + factor * grad_of_part[:last]
        own = factor * grad_of_part[last:].reshape(8, part.n_out)
        assert make.furthest(columns[:, begin : begin + part.n_out], own) < tolerance
        begin += part.n_out
    assert value == pytest.approx(total, rel=tolerance)
    assert make.furthest(grad[:last], hidden) < tolerance


@pytest.mark.parametrize("names", MIXES, ids="+".join)
def test_gradients(names):
    net, loss, y, _, _ = made(names)
    assert fastbp.check_gradients(net, X, y, loss, W) < 1e-6


@pytest.mark.parametrize("n_rows", [1, N])
def test_one_task_is_the_task(dtype, n_rows):
    """With integers, one row goes through without a batch."""
    net, loss, y, [(alone, each, targets)], _ = made(["labels"], dtype)
    histories = []
    for network, what, given in ((net, loss, [y[0][:n_rows]]), (alone, each, targets[:n_rows])):
        trainer = fastbp.Trainer(network, what, fastbp.SGD(0.1), batch_size=7)
        histories.append(trainer.fit(X[:n_rows], given, epochs=3).loss)
    assert histories[0] == pytest.approx(histories[1], rel=1e-5 if dtype == "float32" else 1e-12)
    assert make.furthest(net.params, alone.params) < (1e-5 if dtype == "float32" else 1e-12)


def test_training_predictions_and_scores():
    rng = np.random.default_rng(0)
    data = rng.normal(size=(400, 4))
    y = [(data[:, 0] > 0).astype(int), data[:, 1:3] * 0.5, (data[:, 3] > 0)[:, None]]
    loss = fastbp.MultiTask([(fastbp.CrossEntropy(), 2), (fastbp.SquaredError(), 2), (fastbp.BinaryCrossEntropy(), 1)])
    net = fastbp.Network.mlp([4, 32, 5], seed=0)
    trainer = fastbp.Trainer(net, loss, fastbp.Adam(0.01))
    best = fastbp.EarlyStopping("val_r2_1", patience=20)
    history = trainer.fit(data, y, epochs=40, validation_split=0.25, callbacks=[best])
    assert list(history.metrics) == ["val_accuracy_0", "val_r2_1", "val_accuracy_2"]
    scores = trainer.evaluate(data, y)
    assert list(scores) == ["loss", "accuracy_0", "r2_1", "accuracy_2"]
    assert min(list(scores.values())[1:]) > 0.9
    probabilities, numbers, flags = loss.predictions(net.predict(data))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert np.mean(probabilities.argmax(axis=1) == y[0]) == pytest.approx(scores["accuracy_0"])
    assert numbers.shape == (400, 2)
    assert np.mean((flags > 0.5) == y[2]) == pytest.approx(scores["accuracy_2"])


def test_blocks_and_threads(all_threads):
    net, loss, y, _, _ = made(["labels", "numbers"])
    results = []
    for n_threads, in_blocks in ((1, False), (3, False), (2, True)):
        net = made(["labels", "numbers"])[0]
        trainer = fastbp.Trainer(net, loss, batch_size=8, n_threads=n_threads)
        data = ([(X[:21], [part[:21] for part in y]), (X[21:], [part[21:] for part in y])],) if in_blocks else (X, y)
        trainer.fit(*data, epochs=2, shuffle=False)
        results.append(net.params.tobytes())
    assert results[0] == results[1] == results[2]


def test_learn_one():
    net, loss, y, _, _ = made(["labels", "numbers"])
    twin = made(["labels", "numbers"])[0]
    one, batch = (fastbp.Trainer(n, loss, fastbp.SGD(0.1), batch_size=1) for n in (net, twin))
    for i in range(3):
        value = one.learn_one(X[i], [y[0][i], y[1][i]])
        assert [value] == batch.fit(X[i : i + 1], [y[0][i : i + 1], y[1][i : i + 1]], epochs=1).loss
    assert make.same_bits(net.params, twin.params)


def test_as_an_object():
    loss = fastbp.MultiTask([(fastbp.CrossEntropy(), 3), (fastbp.Huber(2.0), 1, 0.5)])
    assert repr(loss) == "MultiTask(tasks=((CrossEntropy(label_smoothing=0.0), 3, 1.0), (Huber(delta=2.0), 1, 0.5)))"
    assert pickle.loads(pickle.dumps(loss)) == loss
    assert loss != fastbp.MultiTask([(fastbp.CrossEntropy(), 3), (fastbp.Huber(2.0), 1)])


@pytest.mark.parametrize(
    ("tasks", "error", "message"),
    [
        ([], ValueError, "at least one loss"),
        ([fastbp.SquaredError()], TypeError, r"task 0 must be \(loss, n_outputs\) or"),
        ([(fastbp.SquaredError(), 1, 2, 3)], TypeError, "task 0 must be"),
        ([(fastbp.SquaredError, 1)], TypeError, "the loss of task 0 must be a single fastbp loss, got <class"),
        ([(fastbp.SquaredError(), 0)], ValueError, "number of outputs of task 0 must be at least 1"),
        ([(fastbp.SquaredError(), 1), (fastbp.SquaredError(), 1, 0)], ValueError, "weight of task 1 must be greater"),
        ([(fastbp.MultiTask([(fastbp.SquaredError(), 1)]), 1)], TypeError, "must be a single fastbp loss"),
    ],
    ids=range(7),
)
def test_tasks_that_cannot_be(tasks, error, message):
    with pytest.raises(error, match=message):
        fastbp.MultiTask(tasks)


def test_networks_that_do_not_fit():
    loss = fastbp.MultiTask([(fastbp.CrossEntropy(), 3), (fastbp.SquaredError(), 2)])
    with pytest.raises(ValueError, match="needs a network with an identity output, got softmax"):
        fastbp.Trainer(make.network([4, 5], output="softmax"), loss)
    with pytest.raises(ValueError, match="have 5 outputs, the network has 4"):
        fastbp.Trainer(make.network([4, 4]), loss)
    with pytest.raises(ValueError, match="needs 2 outputs for each target"):
        fastbp.Trainer(make.network([4, 4]), fastbp.MultiTask([(fastbp.GaussianNLL(), 3), (fastbp.SquaredError(), 1)]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"y": np.ones((N, 5))}, "a list with the targets of each of 2 tasks, got ndarray"),
        ({"y": [np.zeros(N, int)]}, "a list with the targets of each of 2 tasks, got 1 of them"),
        ({"y": [np.zeros(N, int), np.ones((N, 3))]}, r"task 1: y must have shape \(60, 2\)"),
        ({"y": [np.full(N, 3), np.ones((N, 2))]}, "task 0: labels must be in 0 ... 2"),
        ({"validation_split": 0.5, "split": "stratify"}, "has targets of several kinds"),
        ({"validation_split": 0.5, "metrics": ["f1"]}, "has targets of several kinds: a metric of them must be a fun"),
        ({"class_weight": "balanced"}, "has several targets a sample"),
    ],
    ids=range(7),
)
def test_arguments_that_do_not_fit(settings, message):
    net, loss, y, _, _ = made(["labels", "numbers"])
    with pytest.raises(ValueError, match=message):
        fastbp.Trainer(net, loss).fit(X, **{"y": y, **settings})


def test_hinge_of_labels_is_no_task():
    loss = fastbp.MultiTask([(fastbp.Hinge(), 3)])
    with pytest.raises(ValueError, match="task 0: y must have rows of 1 and -1"):
        fastbp.Trainer(make.network([4, 3]), loss).fit(X, [np.zeros(N, int)])
