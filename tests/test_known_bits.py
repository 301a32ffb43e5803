"""Known answers to the last bit: what a product, a gradient and a training give on every target.

Every target with fused multiply-add gives the same bits: AVX2, AVX-512 and NEON; SSE2, which rounds twice, gives bits
of its own. Inputs and parameters are made of integers alone, so that nothing but the engine can change an answer. A
change of a formula, or of the order of a sum, does change it; then, and only then, the table is to be written anew.
"""

import hashlib
import platform

import numpy as np
import pytest

import fastbp

X86 = platform.machine().lower() in {"x86_64", "amd64"}
ACTIVATIONS = ("identity", "relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh", "softplus")
# A width and a number of rows for each way through the kernels: one, less than a vector, odd, more than a block.
WIDTHS = [(1, 1), (3, 2, 5), (37, 70, 13), (300, 33, 1), (600, 20)]
N_ROWS = [1, 2, 19, 65, 300]


def numbers(n, seed, scale=1.0):
    """n multiples of 2^-16 in -scale ... scale, the same on every machine."""
    bits = (np.arange(1, n + 1, dtype=np.uint64) * 0x9E3779B97F4A7C15) ^ np.uint64(seed * 0x2545F491)
    bits = (bits ^ (bits >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return ((bits >> np.uint64(47)).astype(np.float64) / 2**16 - 1) * scale


def network(widths, activation, output, dtype):
    net = fastbp.Network.mlp(widths, activation, output, dtype)
    net.params[...] = numbers(net.n_params, 1, 2.0 ** -(int(widths[0]).bit_length() // 2))
    return net


def samples(n_rows, n_in):
    return numbers(n_rows * n_in, 2).reshape(n_rows, n_in)


def predictions(dtype):
    for widths in WIDTHS:
        net = network(widths, "tanh", "identity", dtype)
        for n_rows in N_ROWS:
            yield net.predict(samples(n_rows, widths[0]))
    for activation in ACTIVATIONS:
        net = network((19, 40, 7), activation, "softmax", dtype)
        yield net.predict(samples(65, 19))
        yield net.predict_one(samples(1, 19)[0])


def gradients(dtype):
    for widths in WIDTHS:
        net = network(widths, "relu", "identity", dtype)
        for n_rows in N_ROWS:
            y = numbers(n_rows * widths[-1], 3).reshape(n_rows, widths[-1])
            yield from net.loss_and_grad(samples(n_rows, widths[0]), y, fastbp.SquaredError())
    labels, shares = np.arange(65) % 7, np.abs(numbers(65 * 7, 4)).reshape(65, 7)
    for activation in ACTIVATIONS:
        for loss, output, y in [
            (fastbp.SquaredError(), activation, shares),
            (fastbp.SquaredError(), "softmax", shares),
            (fastbp.CrossEntropy(), "softmax", labels),
            (fastbp.BinaryCrossEntropy(), "sigmoid", shares),
        ]:
            net = network((19, 40, 7), activation, output, dtype)
            yield from net.loss_and_grad(samples(65, 19), y, loss)


OPTIMIZERS = [
    fastbp.SGD(0.125),
    fastbp.SGD(0.125, momentum=0.75, nesterov=True, weight_decay=0.0625),
    fastbp.Adam(0.0078125, beta_1=0.5, beta_2=0.5),  # whose powers are exact, whatever the C library
]


def trainings(dtype):
    weights = np.arange(61) % 3 + 0.5
    for optimizer in OPTIMIZERS:
        for batch_size in (1, 16, 61):
            net = network((19, 40, 7), "gelu", "softmax", dtype)
            trainer = fastbp.Trainer(net, optimizer=optimizer, batch_size=batch_size)
            history = trainer.fit(samples(61, 19), np.arange(61) % 7, epochs=3, sample_weight=weights)
            yield history.loss
            yield net.params
            yield trainer.learn_one(samples(1, 19)[0], 3)
            yield net.params


KINDS = {function.__name__: function for function in (predictions, gradients, trainings)}
KNOWN = {
    # kind, dtype: (with fused multiply-add, without)
    ("predictions", "float32"): ("0adf5ff3598c1b47", "59cffee5f68fcbec"),
    ("predictions", "float64"): ("2e7ae0127e9cd23a", "46e57638707a7d00"),
    ("gradients", "float32"): ("2d4b8a1983a47683", "a826c9dfadcfdb4c"),
    ("gradients", "float64"): ("cdaaac52f6dc99f0", "ad4e2a4381978312"),
    ("trainings", "float32"): ("9530d13358bbd33c", "3e622ec06a08d5ec"),
    ("trainings", "float64"): ("9656c48dc6ccf1e2", "0022d34da42206c4"),
}


def digest(results):
    state = hashlib.sha256()
    for result in results:
        array = np.asarray(result)
        assert np.isfinite(array).all()
        state.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return state.hexdigest()[:16]


@pytest.mark.parametrize("kind", KINDS)
def test_known_bits(target, dtype, kind):
    rounds_twice = target == "baseline" and X86
    assert digest(KINDS[kind](dtype)) == KNOWN[kind, dtype][rounds_twice]
