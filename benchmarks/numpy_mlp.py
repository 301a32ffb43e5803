"""The training step of a multi-layer perceptron in NumPy, as well as NumPy can do it.

The formulas are those of `benchmarks.pure_python`, a mini-batch at a time. All arrays are allocated once; every product
and every element-wise pass writes into one of them (``out=``), so that a step is nothing but BLAS calls and ufuncs.
"""

import itertools

import numpy as np


class NumpyMLP:
    """Relu layers, then a softmax (cross-entropy), sigmoid (binary cross-entropy) or identity (squared error) output.

    Parameters
    ----------
    widths : list of int
        Number of inputs, of units of each hidden layer, of outputs.
    output : {"softmax", "sigmoid", "identity"}
    batch_size : int
        The number of rows of every `X` that `step` gets.
    dtype : dtype
    seed : int
    """

    def __init__(self, widths, output, batch_size, dtype=np.float32, seed=0):
        rng = np.random.default_rng(seed)
        self.output = output
        self.weights, self.biases, self.dw, self.db, self.a, self.dz, self.is_active = [], [], [], [], [], [], []
        for n_in, n_out in itertools.pairwise(widths):
            self.weights.append(rng.normal(scale=np.sqrt(2.0 / n_in), size=(n_in, n_out)).astype(dtype))
            self.biases.append(np.zeros(n_out, dtype))
            self.dw.append(np.empty((n_in, n_out), dtype))
            self.db.append(np.empty(n_out, dtype))
            self.a.append(np.empty((batch_size, n_out), dtype))
            self.dz.append(np.empty((batch_size, n_out), dtype))
            self.is_active.append(np.empty((batch_size, n_out), bool))
        self.rows = np.arange(batch_size)
        self.per_row = np.empty((batch_size, 1), dtype)
        self.per_output = np.empty((batch_size, widths[-1]), dtype)

    def step(self, X, y, learning_rate):
        """Do one step of gradient descent and return its loss; `y` holds class numbers (n,) or targets (n, n_out)."""
        self._forward(X)
        loss = getattr(self, f"_{self.output}_loss")(y)
        self._backward(X)
        for w, b, dw, db in zip(self.weights, self.biases, self.dw, self.db, strict=True):
            dw *= learning_rate
            w -= dw
            db *= learning_rate
            b -= db
        return loss

    def _forward(self, X):
        """Leave every layer's activation in `a`; of the last layer only z, which the losses want."""
        x = X
        last = len(self.weights) - 1
        for index, (w, b, a) in enumerate(zip(self.weights, self.biases, self.a, strict=True)):
            np.matmul(x, w, out=a)
            a += b
            if index < last:
                np.maximum(a, 0, out=a)
            x = a

    def _backward(self, X):
        """Turn the dz of the last layer into all gradients."""
        for index in range(len(self.weights) - 1, -1, -1):
            dz = self.dz[index]
            x = X if index == 0 else self.a[index - 1]
            np.matmul(x.T, dz, out=self.dw[index])
            np.add.reduce(dz, axis=0, out=self.db[index])
            if index > 0:
                dx = self.dz[index - 1]
                np.matmul(dz, self.weights[index].T, out=dx)
                np.greater(x, 0, out=self.is_active[index - 1])
                dx *= self.is_active[index - 1]

    # Each loss reads the z of the last layer, returns the mean loss and leaves the gradient by z in dz[-1].

    def _softmax_loss(self, y):
        z, p, total = self.a[-1], self.dz[-1], self.per_row
        np.maximum.reduce(z, axis=1, keepdims=True, out=total)
        z -= total
        np.exp(z, out=p)
        np.add.reduce(p, axis=1, keepdims=True, out=total)
        p /= total
        np.log(total, out=total)
        loss = (np.add.reduce(total, axis=None) - np.add.reduce(z[self.rows, y])) / len(z)
        p[self.rows, y] -= 1
        p /= len(z)
        return float(loss)

    def _sigmoid_loss(self, y):
        z, dz, work = self.a[-1], self.dz[-1], self.per_output
        # log(1 + exp(z)) - z y, and p - y with p = (1 + tanh(z / 2)) / 2, which cannot overflow
        np.logaddexp(z, 0, out=work)
        np.multiply(z, y, out=dz)
        work -= dz
        loss = np.add.reduce(work, axis=None) / z.size
        z *= 0.5
        np.tanh(z, out=dz)
        dz += 1
        dz *= 0.5
        dz -= y
        dz /= z.size
        return float(loss)

    def _identity_loss(self, y):
        z, dz = self.a[-1], self.dz[-1]
        np.subtract(z, y, out=dz)
        loss = np.vdot(dz, dz) / z.size
        dz *= 2 / z.size
        return float(loss)
