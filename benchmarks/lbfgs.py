"""How long does a full-batch fit by L-BFGS take, beside scikit-learn?

    python -m benchmarks.lbfgs

Both hand the loss and its gradient to the same SciPy, from the same first weights, with the same penalty of weights:
what differs is who computes them. The digits (1,797 x 64), cross-entropy. Both compute in float64: scikit-learn because
its inputs are, fastbp always.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
import warnings

import numpy as np

import fastbp
from benchmarks.report import begin
from fastbp.datasets import load_digits

ALPHA = 1e-4  # of scikit-learn: half of it times the sum of squared weights is added to the sum of losses
CASES = [((100,), "relu"), ((100,), "tanh"), ((64, 32), "relu"), ((64, 32), "tanh")]
METHOD = (
    "Median of {rounds} interleaved rounds of whole fits, {iterations} iterations each, the models made by the way; "
    "one core, one thread. The losses are those after 10 iterations: later on, the least difference in rounding has "
    "led to other points."
)


def fit_sklearn(hidden, activation, X, y, iterations):
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        hidden, activation=activation, solver="lbfgs", alpha=ALPHA, max_iter=iterations, tol=0, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        return model.fit(X, y)


def first_weights(hidden, activation, X, y):
    """Return what scikit-learn begins with: its model after no iteration at all."""
    from sklearn.neural_network import MLPClassifier

    class Unmoved(MLPClassifier):
        def _fit_lbfgs(self, *args, **kwargs):
            pass

    model = Unmoved(hidden, activation=activation, solver="lbfgs", random_state=0).fit(X, y)
    return model.coefs_, model.intercepts_


def fit_fastbp(start, activation, X, y, iterations):
    coefs, intercepts = start
    l2 = ALPHA / 2 / len(X)
    activations = [activation] * (len(coefs) - 1) + ["softmax"]
    layers = [fastbp.Dense(w.shape[1], name, l2=l2) for w, name in zip(coefs, activations, strict=True)]
    net = fastbp.Network(X.shape[1], layers, dtype="float64")
    named = net.named_parameters()
    for number, (w, b) in enumerate(zip(coefs, intercepts, strict=True)):
        named[f"{number}.weight"][...], named[f"{number}.bias"][...] = w, b
    trainer = fastbp.Trainer(net, optimizer=fastbp.LBFGS(gtol=0, ftol=64 * np.finfo(float).eps))
    return trainer.fit(X, y, epochs=iterations)


def measure(hidden, activation, X, y, iterations, options, report):
    start = first_weights(hidden, activation, X, y)
    losses = {
        "fastbp": fit_fastbp(start, activation, X, y, 10).loss[-1],
        "scikit-learn": float(fit_sklearn(hidden, activation, X, y, 10).loss_),
    }
    if abs(losses["fastbp"] - losses["scikit-learn"]) > 1e-6:
        raise AssertionError(f"fastbp does not take the steps of scikit-learn: {losses}")
    callables = {
        "fastbp": lambda: fit_fastbp(start, activation, X, y, iterations),
        "scikit-learn": lambda: fit_sklearn(hidden, activation, X, y, iterations),
    }
    seconds = common.interleave(callables, options.rounds, options.seconds)
    return report.add(hidden=hidden, activation=activation, losses=losses, iterations=iterations, seconds=seconds)


def main(arguments=None):
    options = common.parse(common.parser(__doc__), arguments)
    iterations = 10 if options.quick else 50
    method = METHOD.format(rounds=options.rounds, iterations=iterations)
    libraries = ("fastbp", "scikit-learn")
    report, modules = begin("lbfgs", __doc__, method, options, only=libraries)
    if len(modules) < len(libraries):
        raise SystemExit("this question is about scikit-learn: pip install scikit-learn")
    X, y = load_digits()
    X = X / 16
    lines = []
    for hidden, activation in CASES[:1] if options.quick else CASES:
        row = measure(hidden, activation, X, y, iterations, options, report)
        fast, slow = row["seconds"].values()
        network = "-".join(map(str, (64, *hidden, 10)))
        losses = [f"{loss:.8f}" for loss in row["losses"].values()]
        times = [common.three_digits(1e3 * seconds) for seconds in (fast, slow)]
        lines.append([network, activation, *losses, *times, f"{slow / fast:.2f}x"])
    headings = [
        "network",
        "hidden",
        "loss, fastbp",
        "loss, scikit-learn",
        "fastbp, ms",
        "scikit-learn, ms",
        "fastbp = 1",
    ]
    report.table(f"L-BFGS, {iterations} iterations on digits", headings, lines)
    report.write(options.output)


if __name__ == "__main__":
    main()
