"""First weights and biases of a layer, both drawn alike from a seeded generator.

`normal(0, s)` or `uniform(-r, r)`, with:

============== =============================== ==============================
he_normal      s = sqrt(2 / n_in)              He et al. 2015
he_uniform     r = sqrt(6 / n_in)              He et al. 2015
glorot_normal  s = sqrt(2 / (n_in + n_out))    Glorot & Bengio 2010
glorot_uniform r = sqrt(6 / (n_in + n_out))    Glorot & Bengio 2010
lecun_normal   s = sqrt(1 / n_in)              LeCun et al. 1998
zeros          all 0
============== =============================== ==============================
"""

import numpy as np


def _normal(rng, shape, variance):
    return rng.standard_normal(shape) * np.sqrt(variance)


def _uniform(rng, shape, variance):
    limit = np.sqrt(3 * variance)
    return rng.random_sample(shape) * (2 * limit) - limit


INITIALIZERS = {
    "he_normal": lambda rng, shape, n_in, n_out: _normal(rng, shape, 2 / n_in),
    "he_uniform": lambda rng, shape, n_in, n_out: _uniform(rng, shape, 2 / n_in),
    "glorot_normal": lambda rng, shape, n_in, n_out: _normal(rng, shape, 2 / (n_in + n_out)),
    "glorot_uniform": lambda rng, shape, n_in, n_out: _uniform(rng, shape, 2 / (n_in + n_out)),
    "lecun_normal": lambda rng, shape, n_in, n_out: _normal(rng, shape, 1 / n_in),
    "zeros": lambda rng, shape, n_in, n_out: np.zeros(shape),
}


def generator(seed):
    """Return the generator for a seed: numpy's frozen one, so that a seed means the same weights for ever."""
    return np.random.RandomState(np.random.PCG64(seed))
