"""Make trajectories.npz: 50 steps of PyTorch's optimisers on a fixed problem, in float64.

The problem is a network of 4-5-3 with tanh and softmax, 40 samples and their classes; each step takes the next 8 of
them, in order, without shuffling; only Rprop takes all. Kept are the parameters after 5, 10 and 50 steps. Lion, which
PyTorch does not have, is written out from the paper (Chen et al. 2023, algorithm 2). Run it with PyTorch 2.13 from the
root of the repository:

    python -m tests.data.make_trajectories
"""

import json
from pathlib import Path

import numpy as np
import torch

N_SAMPLES, BATCH_SIZE = 40, 8
KEPT = (5, 10, 50)

# Name: (class, its arguments, among them clipping and the decay of an average, which PyTorch has elsewhere)
CASES = {
    "sgd": ("SGD", {"lr": 0.1}),
    "sgd decay": ("SGD", {"lr": 0.1, "weight_decay": 0.05}),
    "momentum": ("SGD", {"lr": 0.1, "momentum": 0.9}),
    "nesterov": ("SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01}),
    "adagrad": ("Adagrad", {}),
    "adagrad all": (
        "Adagrad",
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.01, "initial_accumulator_value": 0.3, "eps": 1e-4},
    ),
    "rmsprop": ("RMSprop", {}),
    "rmsprop momentum": ("RMSprop", {"lr": 0.002, "alpha": 0.9, "momentum": 0.8, "weight_decay": 0.01}),
    "rmsprop centered": ("RMSprop", {"lr": 0.005, "alpha": 0.95, "eps": 1e-3, "centered": True}),
    "rmsprop all": ("RMSprop", {"lr": 0.002, "alpha": 0.9, "eps": 1e-3, "momentum": 0.5, "centered": True}),
    "adadelta": ("Adadelta", {}),
    "adadelta all": ("Adadelta", {"lr": 2.0, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.01}),
    "adam": ("Adam", {}),
    "adam all": ("Adam", {"lr": 0.02, "betas": [0.8, 0.95], "eps": 1e-4, "weight_decay": 0.02}),
    "amsgrad": ("Adam", {"lr": 0.05, "betas": [0.7, 0.6], "amsgrad": True}),
    "adamw": ("AdamW", {}),
    "adamw amsgrad": ("AdamW", {"lr": 0.05, "betas": [0.7, 0.6], "weight_decay": 0.1, "amsgrad": True}),
    "nadam": ("NAdam", {}),
    "nadam all": ("NAdam", {"lr": 0.02, "betas": [0.8, 0.9], "momentum_decay": 0.1, "weight_decay": 0.02}),
    "nadam decoupled": ("NAdam", {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    "lion": ("Lion", {}),
    "lion all": ("Lion", {"lr": 0.01, "betas": [0.8, 0.9], "weight_decay": 0.1}),
    "rprop": ("Rprop", {}),
    "rprop all": ("Rprop", {"lr": 0.02, "etas": [0.4, 1.5], "step_sizes": [1e-3, 0.05]}),
    "sgd clip value": ("SGD", {"lr": 0.5, "clip_value": 0.02}),
    "sgd clip norm": ("SGD", {"lr": 0.5, "clip_norm": 0.1}),
    "adam clip both": ("Adam", {"lr": 0.02, "clip_value": 0.05, "clip_norm": 0.1, "weight_decay": 0.02}),
    "sgd average": ("SGD", {"lr": 0.5, "ema": 0.9}),
    "adam average": ("Adam", {"lr": 0.02, "ema": 0.95}),
}
NAMES = {"lr": "learning_rate", "eps": "epsilon", "lr_decay": "learning_rate_decay"}
PAIRS = {"betas": ("beta_1", "beta_2"), "etas": ("eta_minus", "eta_plus"), "step_sizes": ("min_step", "max_step")}


def renamed(settings):
    """PyTorch's arguments as fastbp names them."""
    result = {}
    for name, value in settings.items():
        if name in PAIRS:
            result.update(zip(PAIRS[name], value, strict=True))
        else:
            result[NAMES.get(name, name)] = value
    return result


class Lion:
    def __init__(self, parameters, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        self.parameters, self.lr, self.betas, self.weight_decay = parameters, lr, betas, weight_decay
        self.m = [np.zeros(w.shape) for w in parameters]

    def step(self):
        beta_1, beta_2 = self.betas
        for i, tensor in enumerate(self.parameters):
            w, g = tensor.detach().numpy(), tensor.grad.numpy()
            w -= self.lr * (np.sign(beta_1 * self.m[i] + (1 - beta_1) * g) + self.weight_decay * w)
            self.m[i] = beta_2 * self.m[i] + (1 - beta_2) * g


def flat(model):
    return np.concatenate([(w.T if w.ndim == 2 else w).detach().reshape(-1).numpy() for w in model.parameters()])


def run(kind, settings, X, y, start):
    settings = dict(settings)
    clip_value, clip_norm, ema = (settings.pop(name, None) for name in ("clip_value", "clip_norm", "ema"))
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
    parameters = list(model.parameters())  # weights as (n_out, n_in)
    offset = 0
    with torch.no_grad():
        for w in parameters:
            values = torch.from_numpy(start[offset : offset + w.numel()])
            w.copy_(values.reshape(w.shape[::-1]).T if w.ndim == 2 else values)
            offset += w.numel()
    averaged = None
    if ema is not None:
        averaged = torch.optim.swa_utils.AveragedModel(
            model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(ema)
        )
    optimizer = Lion(parameters, **settings) if kind == "Lion" else getattr(torch.optim, kind)(parameters, **settings)
    size = N_SAMPLES if kind == "Rprop" else BATCH_SIZE
    kept, kept_averages = [], []
    for step in range(KEPT[-1]):
        begin = step * size % N_SAMPLES
        model.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(X[begin : begin + size]), y[begin : begin + size])
        loss.backward()
        if clip_value is not None:
            torch.nn.utils.clip_grad_value_(parameters, clip_value)
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
        optimizer.step()
        if averaged is not None:
            averaged.update_parameters(model)
        if step + 1 in KEPT:
            kept.append(flat(model))
            if averaged is not None:
                kept_averages.append(flat(averaged.module))
    return {"params": np.array(kept)} | ({} if averaged is None else {"average": np.array(kept_averages)})


def main():
    torch.set_default_dtype(torch.float64)  # of scalars, too: NAdam's product of momenta is one
    rng = np.random.default_rng(20)
    X, y = rng.normal(size=(N_SAMPLES, 4)), rng.integers(0, 3, size=N_SAMPLES)
    start = rng.normal(scale=0.5, size=4 * 5 + 5 + 5 * 3 + 3)
    arrays = {"X": X, "y": y, "start": start}
    cases = []
    for name, (kind, settings) in CASES.items():
        result = run(kind, settings, torch.from_numpy(X), torch.from_numpy(y), start)
        cases.append({"name": name, "kind": kind, "settings": renamed(settings)})
        arrays.update({f"{name}/{key}": value for key, value in result.items()})
    arrays["cases"] = np.array(json.dumps(cases))
    np.savez_compressed(Path(__file__).with_name("trajectories.npz"), **arrays)


if __name__ == "__main__":
    main()
