"""`torch.compile` of a whole step, gradient and update in one graph.

Of the ways to compile a step (the loss alone, the loss and the optimiser's step, all of it in terms of `torch.func`)
this was the fastest. It needs a C++ compiler when it runs.
"""

import torch

from benchmarks.peers import Candidate, Unavailable
from benchmarks.peers.with_torch import LOSSES, arrays, make_model, tensors
from benchmarks.work import LEARNING_RATE

PACKAGES = ("torch",)


def training(work, start, X, y):
    torch._dynamo.reset()  # else it takes the next network for the last one with other shapes, and gives up after eight
    model = make_model(start)
    loss = LOSSES[work.output]
    parameters = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}

    def loss_of(parameters, Xb, yb):
        return loss(torch.func.functional_call(model, parameters, (Xb,)), yb)

    @torch.compile(fullgraph=True, dynamic=False)
    def step(parameters, Xb, yb):
        gradients, value = torch.func.grad_and_value(loss_of)(parameters, Xb, yb)
        for name, parameter in parameters.items():
            parameter.sub_(gradients[name], alpha=LEARNING_RATE)
        return value

    batches = tensors(work.first_batches(X, y))

    def run():
        with torch.no_grad():
            for Xb, yb in batches:
                step(parameters, Xb, yb)

    try:
        step({name: parameter.clone() for name, parameter in parameters.items()}, *batches[0])
    except Exception as error:  # of many kinds: no compiler, a Python that it does not know, a graph break
        raise Unavailable(f"{type(error).__name__}: {str(error).strip().splitlines()[0]}") from error
    yield Candidate("torch.compile", "step", run, len(batches), lambda: arrays(parameters.values()))
