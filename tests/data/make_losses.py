"""Write losses.json: the losses as PyTorch has them, or as its autograd differentiates their plain formulas.

Run with PyTorch 2.13: ``python tests/data/make_losses.py``. In float64; of each case the outputs of a network, targets,
the loss of each sample and its gradient by the outputs. Numbers are drawn far enough from 0 for the plain formulas to
be exact there.
"""

import json
from pathlib import Path

import torch
from torch.nn import functional

torch.manual_seed(0)
N_SAMPLES, N_OUT = 6, 4
Z = 2 * torch.randn(N_SAMPLES, N_OUT, dtype=torch.float64)
Y = 2 * torch.randn(N_SAMPLES, N_OUT, dtype=torch.float64)
COUNTS = torch.poisson(torch.full((N_SAMPLES, N_OUT), 2.0, dtype=torch.float64))


def mean(by_output):
    """Mean over outputs, as fastbp's losses are."""
    return lambda z, y: by_output(z, y).mean(dim=1)


def pinball(q):
    return lambda z, y: torch.maximum(q * (y - z), (q - 1) * (y - z))


# loss as fastbp writes it: the output's activation, what is given as targets, and the loss of each sample, of what goes
# into that activation
CASES = {
    "AbsoluteError()": ("identity", Y, mean(lambda z, y: functional.l1_loss(z, y, reduction="none"))),
    "Huber()": ("identity", Y, mean(lambda z, y: functional.huber_loss(z, y, reduction="none"))),
    "Huber(delta=0.3)": ("identity", Y, mean(lambda z, y: functional.huber_loss(z, y, reduction="none", delta=0.3))),
    "LogCosh()": ("identity", Y, mean(lambda z, y: torch.log(torch.cosh(z - y)))),
    "Quantile()": ("identity", Y, mean(pinball(0.5))),
    "Quantile(q=0.9)": ("identity", Y, mean(pinball(0.9))),
    "Poisson()": ("identity", COUNTS, mean(lambda z, y: functional.poisson_nll_loss(z, y, reduction="none"))),
}


def answer(output, targets, loss):
    z = Z.clone().requires_grad_()
    losses = loss(z, targets)
    (gradient,) = torch.autograd.grad(losses.sum(), z)
    return {
        "output": output,
        "targets": targets.tolist(),
        "losses": losses.tolist(),
        "gradient": gradient.tolist(),
    }


answers = {"outputs": Z.tolist(), "cases": {name: answer(*case) for name, case in CASES.items()}}
path = Path(__file__).with_suffix("").with_name("losses.json")
path.write_text(json.dumps(answers, indent=1) + "\n")
