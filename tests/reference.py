"""The oracle: dense networks, their losses and optimisers in plain NumPy, with nothing in mind but being right.

A network is a dict of parameters, named as `fastbp.Network.named_parameters` names them ("0.weight" (n_in, n_out),
"0.bias" (n_out,), "1.weight", ...), and a list of the names of its layers' activations. Everything is computed in the
dtype of the parameters. `test_reference.py` checks all of it against central differences and closed forms.
"""

import math

import numpy as np

# Activations: f(z), and the derivative of the loss by z from that by a (da) ------------------------------------------

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _exp_of_negative(z):
    return np.exp(np.minimum(z, 0))


def sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1 / (1 + e), e / (1 + e))


def softplus(z):
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def log_softmax(z):
    shifted = z - z.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax(z):
    return np.exp(log_softmax(z))


def normal_cdf(z):
    return (0.5 * (1 + _erf(z / math.sqrt(2)))).astype(z.dtype)


def normal_pdf(z):
    return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _softmax_backward(z, da):
    a = softmax(z)
    return a * (da - (a * da).sum(axis=-1, keepdims=True))


def _by_element(derivative):
    return lambda z, da: da * derivative(z).astype(z.dtype)


# name: (f(z), (z, da) -> dz)
ACTIVATIONS = {
    "identity": (lambda z: z.copy(), _by_element(np.ones_like)),
    "relu": (lambda z: np.maximum(z, 0), _by_element(lambda z: z > 0)),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.01 * z), _by_element(lambda z: np.where(z > 0, 1, 0.01))),
    "elu": (lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))), _by_element(_exp_of_negative)),
    "gelu": (lambda z: z * normal_cdf(z), _by_element(lambda z: normal_cdf(z) + z * normal_pdf(z))),
    "silu": (lambda z: z * sigmoid(z), _by_element(lambda z: sigmoid(z) * (1 + z * sigmoid(-z)))),
    "sigmoid": (sigmoid, _by_element(lambda z: sigmoid(z) * sigmoid(-z))),
    "tanh": (np.tanh, _by_element(lambda z: 1 - np.tanh(z) ** 2)),
    "softplus": (softplus, _by_element(sigmoid)),
    "softmax": (softmax, _softmax_backward),
}


# Losses: (z, output activation, y, parameters) -> loss of each sample, and its derivative by z -----------------------


def _as_rows(y, z):
    """Return targets with the shape of `z`: a 1-D `y` is a column."""
    return np.asarray(y, z.dtype).reshape(z.shape)


def _mean_over_outputs(value, derivative):
    """A loss that is the mean over outputs of value(a, y), with its derivative by a."""

    def loss(z, output, y, **parameters):
        f, backward = ACTIVATIONS[output]
        a, y = f(z), _as_rows(y, z)
        return value(a, y, **parameters).mean(axis=1), backward(z, derivative(a, y, **parameters) / z.shape[1])

    return loss


def _huber(a, y, delta=1.0):
    e = np.abs(a - y)
    return np.where(e <= delta, e**2 / 2, delta * (e - delta / 2))


def _log_cosh(a, y):
    e = np.abs(a - y)
    return np.where(e < 0.5, np.log1p(2 * np.sinh(np.minimum(e, 1) / 2) ** 2), np.logaddexp(e, -e) - math.log(2))


def _pinball(a, y, q=0.5):
    return np.where(y > a, q * (y - a), (1 - q) * (a - y))


def _pinball_derivative(a, y, q=0.5):
    return np.where(y > a, -q, np.where(y < a, 1 - q, 0))


def _poisson(z, output, y, log_input=True):
    y = _as_rows(y, z)
    mean = np.exp(z) if log_input else softplus(z)
    log_mean = z if log_input else np.where(z < -40, z, np.log(np.maximum(mean, 1e-300)))
    slope = mean if log_input else sigmoid(z)  # of the mean
    of_log = 1 if log_input else np.where(z < -40, 1, slope / np.maximum(mean, 1e-300))
    return (mean - y * log_mean).mean(axis=1), (slope - y * of_log) / z.shape[1]


def _gaussian_nll(z, output, y, epsilon=1e-6):
    n = z.shape[1] // 2
    mean, log_variance = z[:, :n], z[:, n:]
    error = mean - _as_rows(y, mean)
    variance = np.maximum(np.exp(log_variance), epsilon)
    losses = (np.log(variance) + error**2 / variance).mean(axis=1) / 2
    slope = np.where(np.exp(log_variance) < epsilon, 0, (1 - error**2 / variance) / 2)
    return losses, np.hstack([error / variance, slope]) / n


def _hinge(power):
    def of_each(a, y):
        return np.maximum(1 - np.where(y > 0, a, -a), 0)

    def derivative(a, y):
        return np.where(of_each(a, y) > 0, np.where(y > 0, -1, 1) * power * of_each(a, y) ** (power - 1), 0)

    means = _mean_over_outputs(lambda a, y: of_each(a, y) ** power, derivative)

    def loss(z, output, y):
        if np.ndim(y) == 2 or z.shape[1] == 1:
            return means(z, output, y)
        f, backward = ACTIVATIONS[output]
        a, rows = f(z), np.arange(len(z))
        others = a.copy()
        others[rows, y] = -np.inf
        rivals = others.argmax(axis=1)
        margin = np.maximum(1 + a[rows, rivals] - a[rows, y], 0)
        da = np.zeros_like(a)
        da[rows, rivals] = np.where(margin > 0, power * margin ** (power - 1), 0)
        da[rows, y] = -da[rows, rivals]
        return margin**power, backward(z, da)

    return loss


def _class_rows(y, z):
    y = np.asarray(y)
    return np.eye(z.shape[1], dtype=z.dtype)[y] if y.ndim == 1 else y.astype(z.dtype)


def _cross_entropy(z, output, y, label_smoothing=0.0):
    if output != "softmax":
        raise ValueError(f"CrossEntropy is for a softmax output, got {output}")
    rows = (1 - label_smoothing) * _class_rows(y, z) + label_smoothing / z.shape[1]
    return -(rows * log_softmax(z)).sum(axis=1), softmax(z) * rows.sum(axis=1, keepdims=True) - rows


def _binary_cross_entropy(z, output, y):
    if output != "sigmoid":
        raise ValueError(f"BinaryCrossEntropy is for a sigmoid output, got {output}")
    y = _as_rows(y, z)
    return (softplus(z) - z * y).mean(axis=1), (sigmoid(z) - y) / z.shape[1]


def _focal(z, output, y, gamma=2.0, alpha=None):
    rows = _class_rows(y, z) * (1 if alpha is None else np.array(alpha))
    log_p = log_softmax(z)
    p, u = np.exp(log_p), -np.expm1(log_p)
    by_p = rows * (gamma * u ** (gamma - 1) * log_p - u**gamma / p)
    return -(rows * u**gamma * log_p).sum(axis=1), p * (by_p - (p * by_p).sum(axis=1, keepdims=True))


def _binary_focal(z, output, y, gamma=2.0, alpha=None):
    y = _as_rows(y, z)
    positive, negative = (1, 1) if alpha is None else (alpha, 1 - alpha)

    def of_yes(z):
        return sigmoid(-z) ** gamma * softplus(-z)

    def slope_of_yes(z):
        return -(sigmoid(-z) ** gamma) * (gamma * sigmoid(z) * softplus(-z) + sigmoid(-z))

    losses = positive * y * of_yes(z) + negative * (1 - y) * of_yes(-z)
    dz = positive * y * slope_of_yes(z) - negative * (1 - y) * slope_of_yes(-z)
    return losses.mean(axis=1), dz / z.shape[1]


LOSSES = {
    "SquaredError": _mean_over_outputs(lambda a, y: (a - y) ** 2, lambda a, y: 2 * (a - y)),
    "AbsoluteError": _mean_over_outputs(lambda a, y: np.abs(a - y), lambda a, y: np.sign(a - y)),
    "Huber": _mean_over_outputs(_huber, lambda a, y, delta=1.0: np.clip(a - y, -delta, delta)),
    "LogCosh": _mean_over_outputs(_log_cosh, lambda a, y: np.tanh(a - y)),
    "Quantile": _mean_over_outputs(_pinball, _pinball_derivative),
    "Poisson": _poisson,
    "GaussianNLL": _gaussian_nll,
    "Hinge": _hinge(1),
    "SquaredHinge": _hinge(2),
    "CrossEntropy": _cross_entropy,
    "BinaryCrossEntropy": _binary_cross_entropy,
    "FocalCrossEntropy": _focal,
    "BinaryFocalCrossEntropy": _binary_focal,
}


# Forward, loss, backward ---------------------------------------------------------------------------------------------


def forward(parameters, activations, X):
    """Return for each layer its input, z and a."""
    x = np.asarray(X, parameters["0.weight"].dtype)
    trace = []
    for index, activation in enumerate(activations):
        z = x @ parameters[f"{index}.weight"] + parameters[f"{index}.bias"]
        a = ACTIVATIONS[activation][0](z)
        trace.append((x, z, a))
        x = a
    return trace


def predict(parameters, activations, X):
    """Return the output of the last layer, (n_samples, n_out)."""
    return forward(parameters, activations, X)[-1][2]


def sample_losses(parameters, activations, X, y, loss, **settings):
    """Return the loss of each sample, (n_samples,); `loss` is the name of a class of `fastbp`'s losses."""
    z = forward(parameters, activations, X)[-1][1]
    return LOSSES[loss](z, activations[-1], y, **settings)[0]


def loss_and_grad(parameters, activations, X, y, loss, sample_weight=None, **settings):
    """Return the mean loss, weighted if weights are given, and its gradient as a dict with the names of `parameters`.

    The mean is sum_i w_i l_i / sum_i w_i; settings are the parameters of the loss.
    """
    trace = forward(parameters, activations, X)
    z = trace[-1][1]
    losses, dz = LOSSES[loss](z, activations[-1], y, **settings)
    share = np.ones(len(z)) if sample_weight is None else np.asarray(sample_weight, float)
    share = (share / share.sum()).astype(z.dtype)
    dz = dz * share[:, None]
    gradient = {}
    for index in range(len(activations) - 1, -1, -1):
        x = trace[index][0]
        gradient[f"{index}.weight"] = x.T @ dz
        gradient[f"{index}.bias"] = dz.sum(axis=0)
        if index > 0:
            _, backward = ACTIVATIONS[activations[index - 1]]
            dz = backward(trace[index - 1][1], dz @ parameters[f"{index}.weight"].T)
    return float(losses @ share), {name: gradient[name] for name in parameters}


def central_differences(parameters, activations, X, y, loss, sample_weight=None, step=1e-5, **settings):
    """Return the gradient that the loss itself shows when one parameter after the other is moved by +-`step`."""
    gradient = {name: np.zeros_like(values) for name, values in parameters.items()}
    for name, values in parameters.items():
        for where in np.ndindex(values.shape):
            kept = values[where]
            values[where] = kept + step
            above, _ = loss_and_grad(parameters, activations, X, y, loss, sample_weight, **settings)
            values[where] = kept - step
            below, _ = loss_and_grad(parameters, activations, X, y, loss, sample_weight, **settings)
            values[where] = kept
            gradient[name][where] = (above - below) / (2 * step)
    return gradient


# Optimisers, as PyTorch defines them: https://pytorch.org/docs/stable/optim.html -------------------------------------


class SGD:
    """Gradient descent; the first velocity is the gradient itself, and there is no damping."""

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=0.0):
        self.learning_rate, self.momentum, self.nesterov = learning_rate, momentum, nesterov
        self.weight_decay = weight_decay
        self.velocity = {}

    def update(self, parameters, gradient):
        """Move `parameters` in place."""
        for name, w in parameters.items():
            g = gradient[name] + self.weight_decay * w
            v = self.momentum * self.velocity[name] + g if name in self.velocity else g
            self.velocity[name] = v
            w -= self.learning_rate * (g + self.momentum * v if self.nesterov else v)


class Adam:
    """Kingma & Ba (2015), algorithm 1, with weight decay added to the gradient."""

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=0.0):
        self.learning_rate, self.beta_1, self.beta_2 = learning_rate, beta_1, beta_2
        self.epsilon, self.weight_decay = epsilon, weight_decay
        self.m, self.v, self.n_steps = {}, {}, 0

    def update(self, parameters, gradient):
        """Move `parameters` in place."""
        self.n_steps += 1
        for name, w in parameters.items():
            g = gradient[name] + self.weight_decay * w
            m = self.beta_1 * self.m.get(name, 0) + (1 - self.beta_1) * g
            v = self.beta_2 * self.v.get(name, 0) + (1 - self.beta_2) * g * g
            self.m[name], self.v[name] = m, v
            unbiased_m = m / (1 - self.beta_1**self.n_steps)
            unbiased_v = v / (1 - self.beta_2**self.n_steps)
            w -= self.learning_rate * unbiased_m / (np.sqrt(unbiased_v) + self.epsilon)
