"""A user's program, annotated: mypy must find nothing in it, and it must run. See tests/test_typing.py."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import fastbp
from fastbp.losses import Loss
from fastbp.optimizers import Optimizer
from fastbp.typing import Activation, DType, HiddenActivation, Reals, ValueAndGrad


def make(activation: HiddenActivation, output: Activation, dtype: DType = "float32") -> fastbp.Network:
    return fastbp.Network.mlp([4, np.int64(8), 3], activation=activation, output=output, dtype=dtype, seed=1)


def data(n_samples: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    X = np.random.default_rng(0).normal(size=(n_samples, 4))
    return X, X[:, :3].argmax(axis=1)


class Recorder(fastbp.Callback):
    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_epoch_end(self, trainer: fastbp.Trainer, epoch: int, logs: dict[str, float]) -> None:
        self.losses.append(logs["loss"])
        trainer.optimizer.learning_rate *= 0.9
        if logs["val_accuracy"] > 0.99:
            trainer.stop_training = True


class Tagged(fastbp.Network):
    """What class methods return is of the class they are called on."""

    tag = "mine"


def train() -> fastbp.Network:
    X, y = data(60)
    net = make("relu", "softmax")
    optimizer: Optimizer = fastbp.SGD(learning_rate=0.1, momentum=0.9, nesterov=True)
    recorder = Recorder()
    trainer = fastbp.Trainer(net, loss=fastbp.CrossEntropy(), optimizer=optimizer, batch_size=16, n_threads=1)
    history = trainer.fit(
        X,
        y,
        epochs=3,
        sample_weight=[1.0] * 60,
        validation_data=(X, y),
        callbacks=[recorder, fastbp.EarlyStopping("val_accuracy", patience=2)],
    )
    trainer.fit(X.tolist(), y.tolist(), epochs=1, validation_data=(X, y, np.ones(60)), callbacks=recorder)
    losses: list[float] = history.loss + history.val_loss
    accuracy: list[float] = history.metrics["val_accuracy"]
    assert len(losses) == 2 * len(accuracy) == 6
    score: float = trainer.evaluate(X, y)["accuracy"]
    include: str = fastbp.get_include()
    assert Path(include).is_dir()
    assert net.capsule() is not trainer.capsule(n_samples=32)
    one: float = trainer.learn_one(X[0], y[0]) + trainer.learn_one(X[1], 1)
    assert 0 <= score <= 1 < 1 + one
    many: NDArray[np.float64] = trainer.learn_many(X, y, sample_weight=np.ones(60), class_weight={0: 2})
    stream = trainer.progressive_validation(X.tolist(), y.tolist(), metrics=["f1"], window=np.int64(20))
    shares: NDArray[np.float64] = stream.windows["f1"]
    assert stream.scores["f1"] > 0 < many[0]
    assert len(stream.losses) == len(stream.outputs) == 20 * len(shares)
    return net


def predict(net: fastbp.Network) -> None:
    X, y = data(20)
    probabilities: Reals = net.predict(X, n_threads=2)
    right = probabilities.argmax(axis=1) == y
    assert 0 <= float(right.mean()) <= 1
    out = np.empty(net.n_out, np.float32)
    assert net.predict_one(X[0].astype(np.float32), out=out) is out
    assert net.predict_one([0.1, 0.2, 0.3, 0.4]).shape == (3,)
    assert net.activations(X)[-1].shape == probabilities.shape
    assert net.input_gradient(X, output=probabilities.argmax(axis=1)).shape == X.shape
    assert net.input_gradient(X[:2], [0, 1], fastbp.CrossEntropy(), sample_weight=[1, 2]).shape == (2, 4)
    assert net.jacobian(X[:2], wrt="params").shape == (2, 3, net.n_params)


def descend(net: fastbp.Network) -> float:
    """Gradient descent by hand, on the flat buffer and by name."""
    X, y = data(20)
    loss, gradient = net.loss_and_grad(X, y, fastbp.CrossEntropy(), sample_weight=np.ones(20))
    net.params -= 0.1 * gradient
    net.params[:] = np.clip(net.params, -10, 10)
    net.named_parameters()["0.weight"][0] = 0
    return loss


def describe(net: fastbp.Network) -> dict[str, Activation]:
    text = io.StringIO()
    net.summary(file=text)
    assert str(net.n_params) in text.getvalue()
    net.metadata["made by"] = {"program": "usage", "targets": fastbp.available_targets()}
    itemsize: int = net.dtype.itemsize
    assert net.params.nbytes == net.n_params * itemsize
    return {f"{number}": layer.activation for number, layer in enumerate(net.layers)}


def keep(folder: Path) -> None:
    layers = [fastbp.Dense(5, "tanh", initializer="lecun_normal", bias=False), fastbp.Dense(1)]
    made = Tagged(2, layers, dtype=np.float64, seed=3)
    made.save(folder / "net.npz")
    loaded: Tagged = Tagged.load(str(folder / "net.npz"))
    assert loaded.tag == "mine"
    assert loaded.layers == tuple(layers)


def scale() -> float:
    """Inputs and targets as they come."""
    X, y = data(30)
    layers = [fastbp.Standardize(columns=(0, 2, 3)), fastbp.Embedding(3, 2, 1), fastbp.Dense(1), fastbp.Unstandardize()]
    X[:, 1] = y
    net = fastbp.Network(4, layers)
    net.adapt(X, 1e6 * X[:, 0])
    net.adapt(X.tolist(), X[:, 0].tolist(), reset=False)
    stream = fastbp.Network(4, [fastbp.Standardize(running=True, forgetting_factor=0.999), fastbp.Dense(1)])
    fastbp.Trainer(stream).learn_many(X, y)
    return float(net.named_buffers()["0.mean"][0])


def check() -> float:
    X = data(5)[0]
    error: float = fastbp.check_gradients(make("gelu", "identity", np.float64), X, X[:, :3], fastbp.SquaredError())
    error += fastbp.check_gradients(make("silu", "sigmoid"), X, X[:, :3] > 0, fastbp.BinaryCrossEntropy())
    return error


class LogSquares:
    def value_and_grad(self, outputs: Reals, targets: Reals) -> tuple[Reals, Reals]:
        error = outputs - targets
        return np.log1p(error**2).sum(axis=1), 2 * error / (1 + error**2)


def lose() -> float:
    """Losses with parameters, one of the program's own, and weights."""
    X, y = data(20)
    losses: list[Loss | ValueAndGrad] = [fastbp.Huber(delta=0.5), fastbp.Quantile(np.float32(0.9)), LogSquares()]
    error = max(fastbp.check_gradients(make("tanh", "identity", np.float64), X, X[:, :3], loss) for loss in losses)
    focal = fastbp.FocalCrossEntropy(gamma=1, alpha=[1, 2, 0.5])
    focal.gamma = 3
    trainer = fastbp.Trainer(make("relu", "softmax"), focal)
    trainer.fit(X, y, epochs=1, class_weight="balanced")
    trainer.evaluate(X, y, class_weight={0: 1, 2: 0.5})
    trainer.learn_one(X[0], y[0], sample_weight=2, class_weight={0: 3})
    return error


def diverge() -> tuple[int, int, int | None]:
    X = data(20)[0]
    trainer = fastbp.Trainer(make("identity", "identity"), fastbp.SquaredError(), fastbp.Adam(1e30, beta_1=0))
    try:
        trainer.fit(1e30 * X, X[:, :3], epochs=100)
    except fastbp.DivergedError as error:
        return error.epoch, error.batch, error.layer
    raise AssertionError("it should have diverged")


def load() -> None:
    X, y = fastbp.datasets.load_digits()
    assert X.dtype == np.float32
    assert X.shape[0] == len(y)
    fastbp.set_target(fastbp.get_target())


def main(folder: Path) -> None:
    net = train()
    predict(net)
    assert descend(net) > 0
    assert describe(net) == {"0": "relu", "1": "softmax"}
    keep(folder)
    assert check() < 1e-5
    assert scale() != 0
    assert lose() < 1e-5
    assert diverge()[0] >= 0
    load()
