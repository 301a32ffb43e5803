"""PyTorch as its tutorials have it: a `Sequential`, a loss, `backward`, `torch.optim.SGD`. One thread."""

import torch
from torch.nn import functional

from benchmarks.peers import Candidate, Predictor
from benchmarks.work import LEARNING_RATE

PACKAGES = ("torch",)
LOSSES = {"identity": functional.mse_loss, "softmax": functional.cross_entropy}

torch.set_num_threads(1)


def make_model(start):
    """Return the network without the output's activation, which the losses contain."""
    modules = []
    for w, b in start:
        linear = torch.nn.Linear(*w.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(w.T.copy()))
            linear.bias.copy_(torch.from_numpy(b))
        modules += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def tensors(batches):
    return [(torch.from_numpy(Xb), torch.from_numpy(yb)) for Xb, yb in batches]


def arrays(parameters):
    """Return weights and biases as the others have them: (n_in, n_out)."""
    return [parameter.detach().numpy().T for parameter in parameters]


def make_step(model, output, learning_rate=LEARNING_RATE):
    """Return a function that does one step on a mini-batch."""
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    loss = LOSSES[output]

    def step(Xb, yb):
        optimizer.zero_grad()
        loss(model(Xb), yb).backward()
        optimizer.step()

    return step


def training(work, start, X, y):
    model = make_model(start)
    step = make_step(model, work.output)
    batches = tensors(work.first_batches(X, y))

    def run():
        for Xb, yb in batches:
            step(Xb, yb)

    yield Candidate("PyTorch", "step", run, len(batches), lambda: arrays(model.parameters()))


def inference(work, start, X):
    model = make_model(start)
    if work.output == "softmax":
        model.append(torch.nn.Softmax(dim=1))
    x = torch.from_numpy(X)
    yield Predictor("PyTorch", torch.inference_mode()(lambda: model(x).numpy()))
