"""First weights and biases: their distributions, and that a seed means them for ever."""

import math

import numpy as np
import pytest

import fastbp

N_IN, N_OUT = 300, 200
# name: standard deviation of the weights, and their limit where they have one
EXPECTED = {
    "he_normal": (math.sqrt(2 / N_IN), None),
    "he_uniform": (math.sqrt(2 / N_IN), math.sqrt(6 / N_IN)),
    "glorot_normal": (math.sqrt(2 / (N_IN + N_OUT)), None),
    "glorot_uniform": (math.sqrt(2 / (N_IN + N_OUT)), math.sqrt(6 / (N_IN + N_OUT))),
    "lecun_normal": (math.sqrt(1 / N_IN), None),
}
# The weights of a layer of 3 inputs and 2 outputs, of seed 0 and of seed 123456789: these must not change.
KNOWN = {
    "he_normal": [
        [-1.10868275400266, 0.65959295041143, 1.22208601982655, 0.56784332723624, 0.59499873081227, 0.05966090502276],
        [0.23828524225922, 0.72764161805341, 0.44824393166343, 0.39984027448356, -0.0827028769916, 0.99957567422477],
    ],
    "he_uniform": [
        [0.38738615147101, -0.65114150326723, -1.29832293587552, -1.36746634973628, 0.88606204192978, 1.16744907066258],
        [-1.33583009888541, 1.15032146856679, 1.0787438753161, 0.35326284160739, 0.82226565727488, 0.92180706799675],
    ],
    "glorot_normal": [
        [-0.85878196849593, 0.51091850244386, 0.94662376048422, 0.43984954992819, 0.46088403509009, 0.04621313831456],
        [0.18457495498339, 0.56362877374565, 0.3472082564742, 0.30971494484357, -0.06406137305438, 0.77426798790932],
    ],
    "glorot_uniform": [
        [0.30006802263972, -0.50437203963569, -1.00567662172901, -1.05923487980554, 0.68634070642011, 0.9043021616443],
        [-1.03472954526916, 0.89103517810881, 0.8355914127845, 0.27363622047587, 0.63692423935678, 0.71402868455354],
    ],
    "lecun_normal": [
        [-0.78395709353986, 0.46640264805877, 0.86414531181263, 0.40152586734028, 0.42072763735474, 0.04218663051332],
        [0.16849311065818, 0.51452032239912, 0.31695632370493, 0.28272976947882, -0.05847976514439, 0.70680673755345],
    ],
}


def weights(name, seed=0, dtype="float64", activation="tanh", n_in=N_IN, n_out=N_OUT):
    net = fastbp.Network(n_in, [fastbp.Dense(n_out, activation, name)], dtype=dtype, seed=seed)
    return net.named_parameters()["0.weight"]


@pytest.mark.parametrize("name", EXPECTED)
def test_distribution(name):
    w = weights(name)
    deviation, limit = EXPECTED[name]
    n = w.size
    assert abs(w.mean()) < 4 * deviation / math.sqrt(n)
    kurtosis = 3 if limit is None else 1.8
    assert w.std() == pytest.approx(deviation, rel=4 * math.sqrt((kurtosis - 1) / 4 / n))
    assert np.mean(((w - w.mean()) / w.std()) ** 4) == pytest.approx(kurtosis, rel=0.05)
    if limit is not None:
        assert 0.999 * limit < np.abs(w).max() <= limit
    # Rows, columns and neighbours know nothing of each other.
    for a, b in ((w[0], w[1]), (w[:, 0], w[:, 1]), (w[:-1], w[1:]), (w[:, :-1], w[:, 1:])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4 / math.sqrt(a.size)


def test_zeros():
    assert not fastbp.Network(3, [fastbp.Dense(2, initializer="zeros")]).params.any()


@pytest.mark.parametrize("name", EXPECTED)
def test_biases_are_drawn_as_weights_are(name):
    net = fastbp.Network(N_IN, [fastbp.Dense(N_OUT, "relu", name)], dtype="float64", seed=3)
    named = net.named_parameters()
    deviation, limit = EXPECTED[name]
    assert named["0.bias"].std() == pytest.approx(deviation, rel=0.2)
    assert named["0.bias"].mean() == pytest.approx(0, abs=4 * deviation / math.sqrt(N_OUT))
    assert limit is None or np.abs(named["0.bias"]).max() <= limit
    assert not np.isin(named["0.bias"], named["0.weight"]).any()


@pytest.mark.parametrize("activation", fastbp.activations.NAMES)
def test_default(activation):
    assert fastbp.Dense(3, activation).initializer == "glorot_uniform"


@pytest.mark.parametrize("name", [*EXPECTED, "zeros"])
def test_named_ones_override(name):
    assert fastbp.Dense(3, "relu", name).initializer == name
    np.testing.assert_array_equal(weights(name, activation="relu"), weights(name, activation="tanh"))


def test_seeds_differ():
    assert len({weights("he_normal", seed).tobytes() for seed in (0, 1, 2, 2**32, 2**62)}) == 5


def test_layers_differ():
    net = fastbp.Network.mlp([10, 10, 10, 10])
    named = net.named_parameters()
    assert len({named[f"{layer}.weight"].tobytes() for layer in range(3)}) == 3


def test_float32_is_float64_rounded():
    for name in EXPECTED:
        np.testing.assert_array_equal(weights(name, dtype="float32"), weights(name).astype("float32"))


@pytest.mark.parametrize("name", EXPECTED)
def test_known_values(name):
    got = [weights(name, seed, n_in=3, n_out=2).ravel().tolist() for seed in (0, 123456789)]
    np.testing.assert_allclose(got, KNOWN[name], atol=1e-14)


def test_a_seed_decides_all():
    one, two = (fastbp.Network.mlp([6, 5, 4], seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.params, two.params)
