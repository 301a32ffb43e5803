"""A user's mistakes: mypy must find each, else it reports its `type: ignore` as unused. Never run."""

import numpy as np

import fastbp
from fastbp.typing import Reals

X = np.zeros((4, 2))
y = np.zeros(4, int)
net = fastbp.Network.mlp([2, 3])

fastbp.Network.mlp([2, 3], activation="swish")  # type: ignore[arg-type]
fastbp.Network.mlp([2, 3, 3], activation="softmax")  # type: ignore[arg-type]  # of the last layer alone
fastbp.Network.mlp([2, 3], output="Softmax")  # type: ignore[arg-type]
fastbp.Network.mlp([2, 3], dtype="float16")  # type: ignore[arg-type]
fastbp.Network.mlp([2, 3], dtype=np.int64)  # type: ignore[arg-type]
fastbp.Network.mlp([2.0, 3])  # type: ignore[list-item]
fastbp.Network(2, fastbp.Dense(3))  # type: ignore[arg-type]
fastbp.Dense(3, "relu", initializer="he")  # type: ignore[arg-type]
fastbp.set_target("sse2")  # type: ignore[arg-type]

net.n_in = 3  # type: ignore[misc]
net.layers[0].activation = "relu"  # type: ignore[misc]
net.weights  # type: ignore[attr-defined]  # noqa: B018
net.loss_and_grad(X, y)  # type: ignore[call-arg]
net.loss_and_grad(X, y, "cross_entropy")  # type: ignore[arg-type]
net.loss_and_grad(X, y, fastbp.CrossEntropy)  # type: ignore[arg-type]
net.predict(X, n_threads="all")  # type: ignore[arg-type]
labels: np.ndarray[tuple[int], np.dtype[np.int64]] = net.predict(X)  # type: ignore[assignment]
parameters: Reals = net.named_parameters()  # type: ignore[assignment]

trainer = fastbp.Trainer(net, optimizer="adam")  # type: ignore[arg-type]
trainer.optimizer.lr = 0.1  # type: ignore[attr-defined]
trainer.fit()  # type: ignore[call-arg]
trainer.fit(X, y, validation_data=X)  # type: ignore[arg-type]
trainer.fit(X, y, callbacks=[print])  # type: ignore[list-item]
trainer.fit(X, y, 10).history  # type: ignore[attr-defined]  # noqa: B018
trainer.evaluate(X, y).loss  # type: ignore[attr-defined]  # noqa: B018
fastbp.EarlyStopping(mode="best")  # type: ignore[arg-type]
trainer.fit(X, y, validation_split=0.2, split="stratified")  # type: ignore[arg-type]
fastbp.SGD(lr=0.1)  # type: ignore[call-arg]
fastbp.nothing  # type: ignore[attr-defined]  # noqa: B018


class Recorder(fastbp.Callback):
    def on_epoch_end(self, trainer: fastbp.Trainer, epoch: int) -> None:  # type: ignore[override]
        return
