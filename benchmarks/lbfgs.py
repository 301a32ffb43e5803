"""How long does a full-batch fit by L-BFGS take, beside scikit-learn?

    python -m benchmarks.lbfgs

The digits (1,797 x 64), cross-entropy, the same first weights and penalty of weights. scikit-learn hands loss and
gradient to SciPy's L-BFGS-B and computes in the dtype of its inputs; fastbp's steps are its own, in the network's
dtype. The digits are float64 in scikit-learn, and networks float32 in fastbp, if nothing is said; both are timed in
both, and fastbp's estimator, too.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
import functools
import warnings
from importlib import import_module

import numpy as np

import fastbp
from benchmarks.report import begin
from fastbp.datasets import load_digits

DTYPES = ("float32", "float64")
ALPHA = 1e-4  # of scikit-learn: half of it times the sum of squared weights is added to the sum of losses
CASES = [((100,), "relu"), ((100,), "tanh"), ((64, 32), "relu"), ((64, 32), "tanh")]
METHOD = (
    "Median of {rounds} interleaved rounds of whole fits, {iterations} iterations each, the models made by the way; "
    "one core, one thread. Differences are those between the losses of fastbp and of scikit-learn with float64 after "
    "10 iterations: later on, the least difference in rounding leads to other points."
)


def fit_sklearn(hidden, activation, X, y, iterations, classifier=None, **settings):
    from sklearn.neural_network import MLPClassifier

    settings |= {"solver": "lbfgs", "alpha": ALPHA, "max_iter": iterations, "tol": 0, "random_state": 0}
    model = (classifier or MLPClassifier)(hidden, activation=activation, **settings)
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


def fit_fastbp(start, activation, X, y, iterations, dtype="float64"):
    coefs, intercepts = start
    l2 = ALPHA / 2 / len(X)
    activations = [activation] * (len(coefs) - 1) + ["softmax"]
    layers = [fastbp.Dense(w.shape[1], name, l2=l2) for w, name in zip(coefs, activations, strict=True)]
    net = fastbp.Network(X.shape[1], layers, dtype=dtype)
    named = net.named_parameters()
    for number, (w, b) in enumerate(zip(coefs, intercepts, strict=True)):
        named[f"{number}.weight"][...], named[f"{number}.bias"][...] = w, b
    trainer = fastbp.Trainer(net, optimizer=fastbp.LBFGS(gtol=0, ftol=64 * np.finfo(float).eps))
    return trainer.fit(X, y, epochs=iterations)


def measure(hidden, activation, X, y, iterations, options, report):
    inputs = {dtype: X.astype(dtype) for dtype in DTYPES}
    start = first_weights(hidden, activation, inputs["float64"], y)
    estimator = import_module("fastbp.sklearn").MLPClassifier

    def fit_estimator(n, dtype):
        return fit_sklearn(hidden, activation, inputs[dtype], y, n, estimator, dtype=dtype)

    calls = {
        "fastbp": lambda n, dtype: fit_fastbp(start, activation, inputs[dtype], y, n, dtype).loss[-1],
        "estimator": lambda n, dtype: float(fit_estimator(n, dtype).loss_),
        "scikit-learn": lambda n, dtype: float(fit_sklearn(hidden, activation, inputs[dtype], y, n).loss_),
    }
    losses = {f"{name} {dtype}": call(10, dtype) for name, call in calls.items() for dtype in DTYPES}
    if max(abs(losses[f"{name} float64"] - losses["scikit-learn float64"]) for name in calls) > 1e-6:
        raise AssertionError(f"fastbp does not take the steps of scikit-learn: {losses}")
    callables = {
        f"{name} {dtype}": functools.partial(call, iterations, dtype)
        for name, call in calls.items()
        for dtype in DTYPES
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
    times, ratios = [], []
    for hidden, activation in CASES[:1] if options.quick else CASES:
        row = measure(hidden, activation, X, y, iterations, options, report)
        seconds, losses = row["seconds"], row["losses"]
        network = ["-".join(map(str, (64, *hidden, 10))), activation]
        times.append([*network, *(common.three_digits(1e3 * each) for each in seconds.values())])
        defaults = seconds["scikit-learn float64"] / seconds["fastbp float32"]
        alike = [seconds[f"scikit-learn {dtype}"] / seconds[f"fastbp {dtype}"] for dtype in DTYPES]
        estimator = seconds["scikit-learn float64"] / seconds["estimator float32"]
        differences = [abs(losses[f"fastbp {dtype}"] - losses["scikit-learn float64"]) for dtype in DTYPES]
        times_as_fast = (f"{each:.1f}x" for each in (defaults, *alike, estimator))
        ratios.append([*network, *times_as_fast, *(f"{each:.0e}" for each in differences)])
    report.table(f"L-BFGS, {iterations} iterations on digits, ms", ["network", "hidden", *seconds], times)
    headings = ["float32 beside float64", *(f"both {dtype}" for dtype in DTYPES)]
    headings.append("estimator, as both come")
    headings += [f"difference in loss, {dtype}" for dtype in DTYPES]
    report.table("Times as fast as scikit-learn", ["network", "hidden", *headings], ratios)
    report.write(options.output)


if __name__ == "__main__":
    main()
