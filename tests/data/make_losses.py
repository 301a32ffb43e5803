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
LABELS = torch.tensor([0, 3, 1, 1, 2, 3])
SHARES = torch.softmax(torch.randn(N_SAMPLES, N_OUT, dtype=torch.float64), dim=1)
BITS = torch.randint(0, 2, (N_SAMPLES, N_OUT)).double()
ALPHA = (0.5, 1.0, 2.0, 0.25)
COUNTS = torch.poisson(torch.full((N_SAMPLES, N_OUT), 2.0, dtype=torch.float64))


def mean(by_output):
    """Mean over outputs, as fastbp's losses are."""
    return lambda z, y: by_output(z, y).mean(dim=1)


def pinball(q):
    return lambda z, y: torch.maximum(q * (y - z), (q - 1) * (y - z))


def gaussian_nll(epsilon):
    def loss(z, y):
        mean, log_variance = z[:, : N_OUT // 2], z[:, N_OUT // 2 :]
        return functional.gaussian_nll_loss(mean, y, log_variance.exp(), eps=epsilon, reduction="none").mean(dim=1)

    return loss


def cross_entropy(smoothing=0.0):
    return lambda z, y: functional.cross_entropy(z, y, label_smoothing=smoothing, reduction="none")


def margin(power):
    """Twice PyTorch's multi-margin loss of the label and its highest rival, which has a mean over the two."""

    def loss(z, y):
        rival = z.masked_fill(functional.one_hot(y, N_OUT).bool(), -torch.inf).amax(dim=1)
        pair = torch.stack([z.gather(1, y[:, None])[:, 0], rival], dim=1)
        return 2 * functional.multi_margin_loss(pair, torch.zeros_like(y), p=power, reduction="none")

    return loss


def focal(gamma, alpha=(1.0,) * N_OUT):
    def loss(z, y):
        rows = functional.one_hot(y, N_OUT) if y.ndim == 1 else y
        log_p = torch.log_softmax(z, dim=1)
        return -(torch.tensor(alpha) * rows * (1 - log_p.exp()) ** gamma * log_p).sum(dim=1)

    return loss


def binary_focal(gamma, alpha=None):
    """As torchvision.ops.sigmoid_focal_loss."""

    def loss(z, y):
        p = torch.sigmoid(z)
        p_of_y = p * y + (1 - p) * (1 - y)
        entropy = functional.binary_cross_entropy_with_logits(z, y, reduction="none")
        factor = 1 if alpha is None else alpha * y + (1 - alpha) * (1 - y)
        return factor * entropy * (1 - p_of_y) ** gamma

    return loss


def hinge(power):
    """Of one output and y = 1 and -1, the hinge embedding loss of 1 - y z; its margin is met at 0."""

    def loss(z, y):
        y = 2 * y - 1
        return functional.hinge_embedding_loss(1 - y * z, torch.ones_like(y), reduction="none").clamp(min=0) ** power

    return loss


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
    "Poisson(log_input=False)": (
        "softplus",
        COUNTS,
        mean(
            lambda z, y: functional.poisson_nll_loss(
                functional.softplus(z, threshold=1000), y, log_input=False, eps=0, reduction="none"
            )
        ),
    ),
    "GaussianNLL()": ("identity", Y[:, :2], gaussian_nll(1e-6)),
    "Hinge() of bits": ("identity", BITS, mean(hinge(1))),
    "SquaredHinge() of bits": ("identity", BITS, mean(hinge(2))),
    "Hinge() of labels": ("identity", LABELS, margin(1)),
    "SquaredHinge() of labels": ("identity", LABELS, margin(2)),
    "CrossEntropy()": ("softmax", LABELS, cross_entropy()),
    "CrossEntropy() of shares": ("softmax", SHARES, cross_entropy()),
    "CrossEntropy(label_smoothing=0.1)": ("softmax", LABELS, cross_entropy(0.1)),
    "CrossEntropy(label_smoothing=0.1) of shares": ("softmax", SHARES, cross_entropy(0.1)),
    "BinaryCrossEntropy()": (
        "sigmoid",
        BITS,
        mean(lambda z, y: functional.binary_cross_entropy_with_logits(z, y, reduction="none")),
    ),
    "FocalCrossEntropy()": ("softmax", LABELS, focal(2)),
    "FocalCrossEntropy(gamma=0.5)": ("softmax", LABELS, focal(0.5)),
    "FocalCrossEntropy(gamma=3, alpha=(0.5, 1, 2, 0.25))": ("softmax", LABELS, focal(3, ALPHA)),
    "FocalCrossEntropy(alpha=(0.5, 1, 2, 0.25)) of shares": ("softmax", SHARES, focal(2, ALPHA)),
    "BinaryFocalCrossEntropy()": ("sigmoid", BITS, mean(binary_focal(2))),
    "BinaryFocalCrossEntropy(gamma=1.5, alpha=0.25)": ("sigmoid", BITS, mean(binary_focal(1.5, 0.25))),
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
