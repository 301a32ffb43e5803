"""Gradients of networks that hypothesis draws: up to 5 layers of any kind, any activation, any loss, either mode."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import fastbp
from fastbp import Activation, BatchNorm, Dense, Dropout, Embedding, GaussianNoise, LayerNorm, PReLU, Residual
from tests import makers as make

N_IN = 4
penalties = st.sampled_from([0.0, 0.0, 0.03])
hidden = st.sampled_from(make.HIDDEN)
dense = st.builds(Dense, st.integers(1, 6), hidden, bias=st.booleans(), l1=penalties, l2=penalties)
# Layers with as many outputs as inputs. A layer that normalises two features makes them +-1: no gradient worth a look.
others = st.one_of(
    st.builds(Activation, hidden),
    st.builds(PReLU, st.sampled_from([0.25, -0.5]), st.booleans()),
    st.builds(Dropout, st.sampled_from([0.1, 0.5])),
    st.builds(GaussianNoise, st.sampled_from([0.1, 1.0])),
    st.builds(LayerNorm, st.sampled_from([0.1, 1.0]), st.booleans()),
    st.builds(BatchNorm, epsilon=st.sampled_from([0.1, 1.0]), affine=st.booleans(), trainable=st.booleans()),
)
residual = st.builds(lambda layers: Residual(layers, projection=True), st.lists(dense | others, min_size=1, max_size=2))
first = st.lists(st.builds(Embedding, st.just(3), st.integers(1, 3), st.sampled_from([0, (2, 1)])), max_size=1)

# Every loss, and every output
cases = st.sampled_from([*make.EVERY_LOSS, *((make.loss(loss), *rest) for loss, *rest in make.PAIRS)])


@given(
    first=first,
    layers=st.lists(dense | others | residual, max_size=3),
    case=cases,
    training=st.booleans(),
    weighted=st.booleans(),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60, derandomize=True, deadline=None, database=None)
def test_gradients(first, layers, case, training, weighted, seed):
    loss, output, targets = case
    net = fastbp.Network(N_IN, [*first, *layers, Dense(4, output)], dtype="float64")
    rng = np.random.default_rng(seed)
    net.params[...] = rng.normal(scale=0.6, size=net.n_params)
    for name, values in net.named_buffers().items():
        values[...] = rng.uniform(0.5, 2, size=values.shape) if "var" in name else rng.normal(size=values.shape)
    X = rng.integers(0, 3, size=(6, N_IN)) if first else rng.normal(size=(6, N_IN))
    y = make.targets(targets, 6, 4)
    error = fastbp.check_gradients(net, X, y, loss, make.weights(6) if weighted else None, training=training, seed=seed)
    assert error < 1e-6
