"""Let a network learn to move a pendulum: python demo.py"""

import statistics
import time

import numpy as np
from feedback_learning import ControlLoop

import fastbp


def main(n_rounds=8, n_steps=4000):
    """Print how far the pendulum was off in each round of n_steps (root of the mean square), and how long a step took.

    Returns
    -------
    errors, seconds, seconds_in_python : list of float
        Of each round; seconds of the processor for a step, and for its two calls of fastbp made from Python.
    """
    trainer, twin = (
        fastbp.Trainer(fastbp.Network.mlp([3, 16, 1], activation="tanh", seed=0), optimizer=fastbp.SGD(0.0005))
        for _ in range(2)
    )
    loop = ControlLoop(trainer)
    errors, seconds, seconds_in_python = [], [], []
    for number in range(n_rounds):
        began = time.thread_time()
        inputs, _, targets, _, error = loop.run(n_steps)
        seconds.append((time.thread_time() - began) / n_steps)
        seconds_in_python.append(time_in_python(twin, list(inputs), list(targets[:, None])) / n_steps)
        errors.append(float(np.sqrt(np.mean(error**2))))
        print(f"round {number}: off by {errors[-1]:.4f} rad")
    print(f"{1e6 * statistics.median(seconds):.2f} us a step, pendulum and all")
    print(f"{1e6 * statistics.median(seconds_in_python):.2f} us for predict_one and learn_one, called from Python")
    return errors, seconds, seconds_in_python


def time_in_python(trainer, inputs, targets):
    """Return the seconds of the processor that it takes to predict and learn these samples, one after another."""
    net, out = trainer.network, np.empty(1, np.float32)
    began = time.thread_time()
    for x, target in zip(inputs, targets, strict=True):
        net.predict_one(x, out)
        trainer.learn_one(x, target)
    return time.thread_time() - began


if __name__ == "__main__":
    main()
