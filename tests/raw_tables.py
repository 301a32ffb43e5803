"""Tables as they come: features of scales from 1e-6 to 1e6, far from 0, and one that is constant."""

import numpy as np

CASES = ("regression", "classification")
WIDTHS = (32, 32)
EPOCHS = 40


def begin_as_scikit_learn(net, seed):
    """Draw weights and biases as its networks with relu begin: both within sqrt(6 / (n_in + n_out))."""
    rng = np.random.default_rng(seed)
    params = net.named_parameters()
    for name in params:
        shape = params[name.replace("bias", "weight")].shape
        params[name][...] = rng.uniform(-1, 1, params[name].shape) * np.sqrt(6 / sum(shape))


def table(name):
    """Return (X, y) to learn from and (X, y) to test on."""
    rng = np.random.default_rng(7)
    z = rng.normal(size=(900, 7))
    scales = 10.0 ** np.array([-6, -4, -2, 0, 2, 4, 6])
    X = np.column_stack([(z + rng.uniform(-3, 3, 7)) * scales, np.full(900, 4711.1)])
    signal = np.sin(2 * z[:, 0]) + z[:, 1] * z[:, 6] + 0.5 * z[:, 3] ** 2 + 0.1 * rng.normal(size=900)
    y = 3e7 + 2e5 * signal if name == "regression" else np.digitize(signal, [-0.5, 1])
    return (X[:600], y[:600]), (X[600:], y[600:])
