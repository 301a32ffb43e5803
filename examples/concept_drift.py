"""Learn from a stream that changes: what follows, and what does not.

    python examples/concept_drift.py

Two sensors of a machine say whether it is about to fail. Halfway it is serviced: from then on the same readings mean
something else, and one sensor is another model, with another unit. Nobody tells the network. It sees each reading once,
predicts, is told the answer, and learns; the accuracy of its predictions is printed for each 2,000 of them in turn.

A constant learning rate and a running standardiser that forgets have learnt the new machine within some 2,000 readings.
A learning rate that decays is too small by then, and moments that are fixed leave the second sensor a thousand times as
loud as the first.
"""

import numpy as np

import fastbp

N_SAMPLES = 20_000
WINDOW = 2_000


def draw(n, seed=0):
    """Return readings (n, 2), and whether the machine failed: inside a circle that moves halfway."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n, 2))
    after = np.arange(n) >= n // 2
    center = np.where(after[:, None], [0.4, 0.3], [-0.4, -0.3])
    fails = np.hypot(*(X - center).T) < 0.5
    X[:, 1] *= np.where(after, 1000.0, 1.0)
    return X, fails.astype(int)


def learner(optimizer, standardize):
    layers = [standardize, fastbp.Dense(32, "relu"), fastbp.Dense(1, "sigmoid")]
    return fastbp.Trainer(fastbp.Network(2, layers, seed=0), optimizer=optimizer)


def main(n=N_SAMPLES, window=WINDOW):
    X, y = draw(n)
    forgets = {"running": True, "forgetting_factor": 0.999}
    decays = fastbp.InverseTimeDecay(0.005, 0.002, unit="step")
    learners = {
        "constant rate, moments that forget": learner(fastbp.Adam(0.005), fastbp.Standardize(**forgets)),
        "decaying rate, moments that forget": learner(fastbp.Adam(decays), fastbp.Standardize(**forgets)),
        "constant rate, fixed moments": learner(fastbp.Adam(0.005), fastbp.Standardize()),
    }
    learners["constant rate, fixed moments"].network.adapt(X[:500])  # a fixed one has to be told beforehand
    for name, trainer in learners.items():
        progress = trainer.progressive_validation(X, y, metrics=["accuracy"], window=window)
        shares = " ".join(f"{share:.3f}" for share in progress.windows["accuracy"])
        print(f"{name:34}  accuracy {progress.scores['accuracy']:.3f}  of each {window:,}: {shares}")


if __name__ == "__main__":
    main()
