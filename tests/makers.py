"""Networks and data for tests, and a network as the oracle (reference.py) takes it."""

import numpy as np

import fastbp

HIDDEN = ("identity", "relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh", "softplus")

# Every loss with every output that it fits, and the kind of targets: a name in `targets`.
PAIRS = [("SquaredError", output, "numbers") for output in (*HIDDEN, "softmax")] + [
    ("CrossEntropy", "softmax", "labels"),
    ("CrossEntropy", "softmax", "probabilities"),
    ("BinaryCrossEntropy", "sigmoid", "shares"),
]
# One of each loss, for what does not depend on the output.
LOSSES = [("SquaredError", "identity", "numbers"), PAIRS[-3], PAIRS[-1]]
# Every loss, with parameters and without, an output that it fits, and the kind of targets.
EVERY_LOSS = [
    (fastbp.SquaredError(), "identity", "numbers"),
    (fastbp.AbsoluteError(), "identity", "numbers"),
    (fastbp.AbsoluteError(), "softmax", "shares"),
    (fastbp.Huber(), "tanh", "numbers"),
    (fastbp.Huber(0.3), "identity", "numbers"),
    (fastbp.LogCosh(), "softplus", "numbers"),
    (fastbp.LogCosh(), "identity", "numbers"),
    (fastbp.Quantile(), "identity", "numbers"),
    (fastbp.Quantile(0.9), "relu", "numbers"),
    (fastbp.Poisson(), "identity", "counts"),
    (fastbp.Poisson(log_input=False), "softplus", "counts"),
    (fastbp.GaussianNLL(), "identity", "halves"),
    (fastbp.GaussianNLL(0.5), "identity", "halves"),
    (fastbp.Hinge(), "tanh", "labels"),
    (fastbp.Hinge(), "identity", "bits"),
    (fastbp.SquaredHinge(), "tanh", "signs"),
    (fastbp.SquaredHinge(), "identity", "labels"),
    (fastbp.CrossEntropy(), "softmax", "labels"),
    (fastbp.CrossEntropy(0.2), "softmax", "probabilities"),
    (fastbp.CrossEntropy(0.2), "softmax", "labels"),
    (fastbp.FocalCrossEntropy(), "softmax", "probabilities"),
    (fastbp.FocalCrossEntropy(), "softmax", "labels"),
    (fastbp.FocalCrossEntropy(0), "softmax", "labels"),
    (fastbp.FocalCrossEntropy(0.5, (1, 2, 3, 0.5)), "softmax", "labels"),
    (fastbp.BinaryCrossEntropy(), "sigmoid", "shares"),
    (fastbp.BinaryFocalCrossEntropy(), "sigmoid", "bits"),
    (fastbp.BinaryFocalCrossEntropy(0.5, 0.3), "sigmoid", "shares"),
]

# One of each optimiser, with what takes memory or a path of its own. Rprop is for all samples at once.
OPTIMIZERS = [
    fastbp.SGD(0.1),
    fastbp.SGD(0.05, weight_decay=0.1),
    fastbp.SGD(0.05, momentum=0.9),
    fastbp.Adagrad(0.05, learning_rate_decay=0.1, initial_accumulator_value=0.1),
    fastbp.RMSprop(0.002),
    fastbp.RMSprop(0.002, momentum=0.5, centered=True, weight_decay=0.1),
    fastbp.Adadelta(0.5),
    fastbp.Adam(0.01),
    fastbp.Adam(0.01, amsgrad=True, clip_value=0.05),
    fastbp.AdamW(0.01, weight_decay=0.1, clip_norm=0.5),
    fastbp.NAdam(0.01),
    fastbp.Lion(0.001, weight_decay=0.1),
    fastbp.SGD(0.1, clip_norm=0.5),
]
FULL_BATCH = [fastbp.Rprop()]


def samples(n_samples, n_in, seed=1):
    return np.random.default_rng(seed).normal(size=(n_samples, n_in))


def targets(kind, n_samples, n_out, seed=2):
    """Targets of the named kind; 1-D for labels, otherwise rows."""
    rng = np.random.default_rng(seed)
    make = {
        "numbers": lambda: rng.normal(size=(n_samples, n_out)),
        "labels": lambda: rng.integers(0, n_out, size=n_samples),
        "probabilities": lambda: rng.dirichlet(np.ones(n_out), size=n_samples),
        "shares": lambda: rng.uniform(size=(n_samples, n_out)),
        "counts": lambda: rng.poisson(2, size=(n_samples, n_out)),
        "halves": lambda: rng.normal(size=(n_samples, n_out // 2)),
        "bits": lambda: rng.integers(0, 2, size=(n_samples, n_out)),
        "signs": lambda: rng.choice([-1, 1], size=(n_samples, n_out)),
    }
    return make[kind]()


def weights(n_samples, seed=3):
    """Sample weights: every third is 0, but for the first."""
    values = np.random.default_rng(seed).uniform(0.5, 2, size=n_samples)
    values[3::3] = 0
    return values


def network(widths, activation="tanh", output="identity", dtype="float64", seed=0, bias=True):
    """A network of parameters that no initialiser has a say in; biases are not zero."""
    activations = [activation] * (len(widths) - 2) + [output]
    layers = [fastbp.Dense(n, name, bias=bias) for n, name in zip(widths[1:], activations, strict=True)]
    net = fastbp.Network(widths[0], layers, dtype=dtype, seed=seed)
    rng = np.random.default_rng(seed)
    for values in net.named_parameters().values():
        scale = 1 / np.sqrt(len(values)) if values.ndim == 2 else 0.3
        values[...] = rng.normal(scale=scale, size=values.shape)
    return net


def loss(name):
    return getattr(fastbp, name)()


def oracle(net):
    """The network's parameters, copied in float64, and activations; where it has no biases, they are 0."""
    parameters = {}
    named = net.named_parameters()
    for number, layer in enumerate(net.layers):
        parameters[f"{number}.weight"] = named[f"{number}.weight"].astype(np.float64)
        parameters[f"{number}.bias"] = named.get(f"{number}.bias", np.zeros(layer.n_out)).astype(np.float64)
    return parameters, [layer.activation for layer in net.layers]


def flat(net, values):
    """The oracle's dict laid out as `net.params`."""
    return np.concatenate([values[name].ravel() for name in net.named_parameters()])


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def furthest(got, expected):
    """The largest difference, as a share of the largest expected value."""
    return float(np.abs(got - expected).max() / np.abs(expected).max())
