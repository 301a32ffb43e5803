"""Make schedules.json: learning rates of PyTorch's schedulers, one a call of `step`.

Run it with PyTorch 2.13 from the root of the repository:

    python -m tests.data.make_schedules
"""

import json
from pathlib import Path

import torch
from torch.optim import lr_scheduler as lrs

N_STEPS = 40

# What fastbp's schedule is called with, and the same of PyTorch's.
CASES = [
    ("Constant", {"rate": 0.3}, 0.3, lambda o: lrs.ConstantLR(o, 1.0)),
    ("StepDecay", {"initial": 0.3, "every": 7, "factor": 0.6}, 0.3, lambda o: lrs.StepLR(o, 7, 0.6)),
    ("StepDecay", {"initial": 0.3, "every": 10}, 0.3, lambda o: lrs.StepLR(o, 10)),
    ("ExponentialDecay", {"initial": 0.3, "factor": 0.93}, 0.3, lambda o: lrs.ExponentialLR(o, 0.93)),
    (
        "InverseTimeDecay",
        {"initial": 0.3, "decay": 0.5},
        0.3,
        lambda o: lrs.LambdaLR(o, lambda t: 1 / (1 + 0.5 * t)),
    ),
    ("PolynomialDecay", {"initial": 0.3, "duration": 25}, 0.3, lambda o: lrs.PolynomialLR(o, 25)),
    ("PolynomialDecay", {"initial": 0.3, "duration": 30, "power": 2.5}, 0.3, lambda o: lrs.PolynomialLR(o, 30, 2.5)),
    ("CosineDecay", {"initial": 0.3, "duration": 40}, 0.3, lambda o: lrs.CosineAnnealingLR(o, 40)),
    (
        "CosineDecay",
        {"initial": 0.3, "duration": 50, "final": 0.02},
        0.3,
        lambda o: lrs.CosineAnnealingLR(o, 50, 0.02),
    ),
    ("CosineRestarts", {"initial": 0.3, "duration": 9}, 0.3, lambda o: lrs.CosineAnnealingWarmRestarts(o, 9)),
    (
        "CosineRestarts",
        {"initial": 0.3, "duration": 3, "growth": 2, "final": 0.01},
        0.3,
        lambda o: lrs.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
    ),
    (
        "CosineRestarts",
        {"initial": 0.3, "duration": 1, "growth": 3},
        0.3,
        lambda o: lrs.CosineAnnealingWarmRestarts(o, 1, 3),
    ),
    ("OneCycle", {"peak": 0.3, "duration": 40}, 0.3, lambda o: lrs.OneCycleLR(o, 0.3, 40)),
    (
        "OneCycle",
        {"peak": 0.3, "duration": 40, "rise": 0.45, "start_divisor": 10, "final_divisor": 100},
        0.3,
        lambda o: lrs.OneCycleLR(o, 0.3, 40, pct_start=0.45, div_factor=10, final_div_factor=100),
    ),
    ("LinearWarmup", {"peak": 0.3, "duration": 15, "start": 0.1}, 0.3, lambda o: lrs.LinearLR(o, 1 / 3, 1.0, 15)),
    (
        "LinearWarmup | CosineDecay",
        [{"peak": 0.3, "duration": 8, "start": 0.15}, {"initial": 0.3, "duration": 40}],
        0.3,
        lambda o: lrs.SequentialLR(o, [lrs.LinearLR(o, 0.5, 1.0, 8), lrs.CosineAnnealingLR(o, 40)], [8]),
    ),
    (
        "LinearWarmup * ExponentialDecay",
        [{"peak": 1.0, "duration": 10, "start": 0.25}, {"initial": 0.3, "factor": 0.9}],
        0.3,
        lambda o: lrs.ChainedScheduler([lrs.LinearLR(o, 0.25, 1.0, 10), lrs.ExponentialLR(o, 0.9)]),
    ),
]

VALUES = [
    5,
    4,
    3,
    3,
    3.0001,
    2.9999,
    2.5,
    2.6,
    2.7,
    2.6,
    2.55,
    2.5,
    2.5,
    2.5,
    2.4999,
    2.4,
    2.5,
    2.5,
    2.5,
    2.5,
    2.5,
    2.5,
]
PLATEAUS = [
    ({"patience": 2, "factor": 0.5}, "min", {"patience": 2, "factor": 0.5}),
    ({"patience": 0, "threshold": 0.01, "factor": 0.5}, "min", {"patience": 0, "threshold": 0.01, "factor": 0.5}),
    ({"patience": 1, "cooldown": 2, "minimum": 0.02}, "min", {"patience": 1, "cooldown": 2, "min_lr": 0.02}),
    ({"patience": 2, "factor": 0.5}, "max", {"patience": 2, "factor": 0.5}),
]


def optimizer(rate):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)


def main():
    torch.set_default_dtype(torch.float64)
    cases, plateaus = [], []
    for name, settings, rate, make in CASES:
        target = optimizer(rate)
        scheduler = make(target)
        rates = []
        for _ in range(N_STEPS):
            rates.append(target.param_groups[0]["lr"])
            target.step()
            if len(rates) < N_STEPS:  # OneCycleLR does not go on
                scheduler.step()
        cases.append({"name": name, "settings": settings, "rates": rates})
    for settings, mode, arguments in PLATEAUS:
        target = optimizer(0.3)
        scheduler = lrs.ReduceLROnPlateau(target, mode=mode, **arguments)
        rates = []
        for value in VALUES:
            scheduler.step(value)
            rates.append(target.param_groups[0]["lr"])
        plateaus.append({"settings": {**settings, "mode": mode}, "rates": rates})
    text = json.dumps({"schedules": cases, "values": VALUES, "plateaus": plateaus}, indent=1)
    Path(__file__).with_name("schedules.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
