"""Make hessians.json: products of Hessians with vectors, exact, by PyTorch in float64.

    python tests/data/make_hessians.py

Networks, data and vectors are those of `tests.test_insight.hessian_problem`.
"""

import itertools
import json
from pathlib import Path

import torch

from tests.test_insight import HESSIANS, hessian_problem

ACTIVATIONS = {
    "relu": torch.relu,
    "leaky_relu": lambda z: torch.nn.functional.leaky_relu(z, 0.01),
    "tanh": torch.tanh,
    "silu": torch.nn.functional.silu,
}
LOSSES = {
    "softmax": torch.nn.functional.cross_entropy,
    "identity": torch.nn.functional.mse_loss,
    "sigmoid": torch.nn.functional.binary_cross_entropy_with_logits,
}


def product(name):
    net, X, y, vector = hessian_problem(name)
    widths, hidden, output, _, _ = HESSIANS[name]
    X, y = torch.from_numpy(X), torch.from_numpy(y)

    def loss(params):
        z, begin = X, 0
        for i, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
            w = params[begin : begin + n_in * n_out].reshape(n_in, n_out)
            begin += (n_in + 1) * n_out
            z = (z if i == 0 else ACTIVATIONS[hidden](z)) @ w + params[begin - n_out : begin]
        return LOSSES[output](z, y)

    params = torch.from_numpy(net.params.copy())
    return torch.autograd.functional.hvp(loss, params, torch.from_numpy(vector))[1].tolist()


if __name__ == "__main__":
    products = {name: product(name) for name in HESSIANS}
    Path(__file__).with_name("hessians.json").write_text(json.dumps(products) + "\n", encoding="utf-8")
