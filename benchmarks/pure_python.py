r"""Back-propagation for a multi-layer perceptron in plain Python, to be read beside the formulas.

Nothing is imported beyond the standard library and nothing is made fast: one sample at a time, one multiplication at
a time, in the order of the derivation in

    D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by back-propagating errors",
    Nature 323, 533-536 (1986).

A network is a list of layers.  Layer l holds weights w[i][j] from its input i to its output j, biases b[j] and an
activation f.  The input of the first layer is the sample, a_0 = x; the output of the last, p = a_L, is the prediction.

1. Forward, layer by layer:

       z[j] = sum_i x[i] w[i][j] + b[j]            x is the output a of the layer before
       a[j] = f(z[j])

2. Loss, the mean over the n samples of a mini-batch, and its derivative with respect to the last z, for one sample:

       output     loss of one sample                                           dz[j]
       identity   squared error         sum_j (p[j] - y[j])^2 / n_out          2 (p[j] - y[j]) / (n n_out)
       sigmoid    binary cross-entropy  -sum_j (y[j] log p[j]                  (p[j] - y[j]) / (n n_out)
                                          + (1 - y[j]) log(1 - p[j])) / n_out
       softmax    cross-entropy         -log p[y],  y a class number           (p[j] - [j = y]) / n

   The last two are the chain rule through loss and activation at once: the p (1 - p) of the activation cancels
   against the 1 / p of the logarithm.

3. Backward, from the last layer to the first, by the chain rule; d is short for "derivative of the loss by":

       dw[i][j] = x[i] dz[j]                       summed over the samples
       db[j]    = dz[j]                            summed over the samples
       dx[i]    = sum_j w[i][j] dz[j]              which is the da of the layer before, whose
       dz[i]    = dx[i] f'(z[i])                   is found from it

4. Update, against the gradient, with the learning rate eta:

       w <- w - eta dw
       b <- b - eta db

Run this file to watch a network learn the exclusive or: ``python benchmarks/pure_python.py``.
"""

import math
import random
from dataclasses import dataclass


@dataclass
class Layer:
    """One dense layer: ``weights[i][j]`` from input i to output j, ``biases[j]``, and the name of an activation."""

    weights: list
    biases: list
    activation: str


def make_layer(n_in, n_out, activation, rng):
    """Return a layer with weights drawn evenly from +-sqrt(6 / (n_in + n_out)) (Glorot & Bengio, 2010), zero biases."""
    limit = math.sqrt(6.0 / (n_in + n_out))
    weights = [[rng.uniform(-limit, limit) for _ in range(n_out)] for _ in range(n_in)]
    return Layer(weights, [0.0] * n_out, activation)


# Activations --------------------------------------------------------------------------------------------------------


def relu(z):
    return z if z > 0.0 else 0.0


def sigmoid(z):
    # exp only ever sees a number below zero, so that it cannot overflow.
    if z >= 0.0:
        return 1.0 / (1.0 + math.exp(-z))
    e = math.exp(z)
    return e / (1.0 + e)


def softmax(z):
    largest = max(z)
    powers = [math.exp(zj - largest) for zj in z]
    total = sum(powers)
    return [power / total for power in powers]


# name: (f(z), f'(z) written with a = f(z), which is at hand)
ACTIVATIONS = {
    "identity": (lambda z: z, lambda a: 1.0),
    "relu": (relu, lambda a: 1.0 if a > 0.0 else 0.0),
    "tanh": (math.tanh, lambda a: 1.0 - a * a),
    "sigmoid": (sigmoid, lambda a: a * (1.0 - a)),
}


# Losses of one sample: (loss, dz of the last layer), not yet divided by the number of samples -----------------------


def squared_error(z, p, y):
    n_out = len(p)
    loss = sum((pj - yj) ** 2 for pj, yj in zip(p, y, strict=True)) / n_out
    return loss, [2.0 * (pj - yj) / n_out for pj, yj in zip(p, y, strict=True)]


def binary_cross_entropy(z, p, y):
    # -y log p - (1 - y) log(1 - p) with p = sigmoid(z) put in: no logarithm of a p that was rounded to 0 or 1.
    n_out = len(p)
    loss = sum(max(zj, 0.0) - zj * yj + math.log1p(math.exp(-abs(zj))) for zj, yj in zip(z, y, strict=True)) / n_out
    return loss, [(pj - yj) / n_out for pj, yj in zip(p, y, strict=True)]


def cross_entropy(z, p, y):
    # -log p[y] with p = softmax(z) put in.
    largest = max(z)
    loss = largest + math.log(sum(math.exp(zj - largest) for zj in z)) - z[y]
    return loss, [pj - (1.0 if j == y else 0.0) for j, pj in enumerate(p)]


LOSSES = {"identity": squared_error, "sigmoid": binary_cross_entropy, "softmax": cross_entropy}


# The four steps -----------------------------------------------------------------------------------------------------


def forward(layers, x):
    """Return what each layer computed for the sample `x`: a list of (input, z, a)."""
    trace = []
    for layer in layers:
        z = list(layer.biases)
        for xi, row in zip(x, layer.weights, strict=True):
            for j, w in enumerate(row):
                z[j] += xi * w
        if layer.activation == "softmax":
            a = softmax(z)
        else:
            f, _ = ACTIVATIONS[layer.activation]
            a = [f(zj) for zj in z]
        trace.append((x, z, a))
        x = a
    return trace


def predict(layers, x):
    """Return the output of the last layer for the sample `x`."""
    return forward(layers, x)[-1][2]


def backward(layers, trace, dz, gradients):
    """Carry `dz` of the last layer back through all layers and add what it gives to `gradients`."""
    for index in reversed(range(len(layers))):
        x, _, _ = trace[index]
        weights = layers[index].weights
        dw, db = gradients[index]
        for j, dzj in enumerate(dz):
            db[j] += dzj
        for i, xi in enumerate(x):
            for j, dzj in enumerate(dz):
                dw[i][j] += xi * dzj
        if index > 0:  # the sample itself is not to be changed: the first layer needs no dx
            _, derivative = ACTIVATIONS[layers[index - 1].activation]
            dx = [sum(w * dzj for w, dzj in zip(row, dz, strict=True)) for row in weights]
            dz = [dxi * derivative(xi) for dxi, xi in zip(dx, x, strict=True)]


def loss_and_gradients(layers, X, y):
    """Return the mean loss over the samples `X` with targets `y`, and per layer its gradients ``(dw, db)``."""
    n_samples = len(X)
    sample_loss = LOSSES[layers[-1].activation]
    gradients = [([[0.0] * len(layer.biases) for _ in layer.weights], [0.0] * len(layer.biases)) for layer in layers]
    total = 0.0
    for x, target in zip(X, y, strict=True):
        trace = forward(layers, x)
        _, z, p = trace[-1]
        loss, dz = sample_loss(z, p, target)
        total += loss
        backward(layers, trace, [dzj / n_samples for dzj in dz], gradients)
    return total / n_samples, gradients


def update(layers, gradients, learning_rate):
    """Move every weight and bias against its gradient, in place."""
    for layer, (dw, db) in zip(layers, gradients, strict=True):
        for row, drow in zip(layer.weights, dw, strict=True):
            for j, d in enumerate(drow):
                row[j] -= learning_rate * d
        for j, d in enumerate(db):
            layer.biases[j] -= learning_rate * d


def train(layers, X, y, *, epochs=1, batch_size=32, learning_rate=0.1, rng=None):
    """Train by mini-batch gradient descent, in place.

    Parameters
    ----------
    layers : list of Layer
        The last layer's activation picks the loss: identity, sigmoid or softmax, as in the table above.
    X : list of n_samples lists of n_in floats
    y : list of n_samples targets
        A class number for softmax, a list of n_out floats otherwise.
    epochs, batch_size, learning_rate
        The last mini-batch of an epoch is a smaller one where `batch_size` does not divide the number of samples.
    rng : random.Random, optional
        Shuffles the samples before every epoch. Without it they are taken in the order given.

    Returns
    -------
    list of float
        The loss of each step, before its update.
    """
    losses = []
    order = list(range(len(X)))
    for _ in range(epochs):
        if rng is not None:
            rng.shuffle(order)
        for start in range(0, len(X), batch_size):
            batch = order[start : start + batch_size]
            loss, gradients = loss_and_gradients(layers, [X[i] for i in batch], [y[i] for i in batch])
            update(layers, gradients, learning_rate)
            losses.append(loss)
    return losses


def main():
    rng = random.Random(1)
    X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    y = [[0.0], [1.0], [1.0], [0.0]]
    layers = [make_layer(2, 8, "tanh", rng), make_layer(8, 1, "sigmoid", rng)]
    losses = train(layers, X, y, epochs=2000, batch_size=4, learning_rate=0.5)
    for step in (0, 9, 99, 999, 1999):
        print(f"step {step + 1:4d}   loss {losses[step]:.5f}")
    for x in X:
        print(f"{x[0]:.0f} xor {x[1]:.0f} = {predict(layers, x)[0]:.3f}")


if __name__ == "__main__":
    main()
