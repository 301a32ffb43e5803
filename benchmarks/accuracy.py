"""How long until a network knows Fashion-MNIST as well as asked for, beside scikit-learn and PyTorch?

    python -m benchmarks.accuracy --data FOLDER --accuracy 0.88

784-128-10, relu, cross-entropy, plain gradient descent with learning rate 0.1, batch 32, shuffled: the same for all,
and the same first weights; only the order of the samples differs. The clock runs while a library trains and stands
still while its accuracy on the 10,000 test images is taken, after each epoch.

The folder holds the four IDX files, gzipped or not. Without the option it is the one that FASTBP_FASHION_MNIST names,
or that of Debian's package dataset-fashion-mnist.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
import os
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np

import fastbp
from benchmarks.report import begin
from benchmarks.work import Work
from fastbp.datasets import load_idx

LIBRARIES = ["fastbp", "PyTorch", "scikit-learn"]
WORK = Work((784, 128, 10), "softmax", 32)
LEARNING_RATE = 0.1
MOST_EPOCHS = 30
METHOD = (
    "Median over {seeds} choices of the first weights, the libraries in turn; one core, one thread, float32. Training "
    "time alone: neither loading the data nor taking the accuracy is in it."
)


def find_folder():
    """Return the folder named by FASTBP_FASHION_MNIST, or that of Debian's package, or None."""
    if "FASTBP_FASHION_MNIST" in os.environ:
        return Path(os.environ["FASTBP_FASHION_MNIST"])
    try:
        listing = subprocess.run(["dpkg", "-L", "dataset-fashion-mnist"], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    images = [line for line in listing.stdout.splitlines() if "train-images" in line]
    return Path(images[0]).parent if images else None


# Each returns (train for one epoch, outputs for X).


def fastbp_learner(modules, start, X, y, seed):
    trainer = modules["fastbp"].make_trainer(WORK, start, optimizer=fastbp.SGD(learning_rate=LEARNING_RATE), seed=seed)
    return lambda: trainer.fit(X, y, epochs=1), trainer.network.predict


def sklearn_learner(modules, start, X, y, seed):
    estimator = modules["scikit-learn"].make_estimator(WORK, start, X, y, LEARNING_RATE, shuffle=True, seed=seed)
    return lambda: estimator.partial_fit(X, y), estimator.predict_proba


def torch_learner(modules, start, X, y, seed):
    import torch

    model = modules["PyTorch"].make_model(start)
    step = modules["PyTorch"].make_step(model, WORK.output, LEARNING_RATE)
    generator = torch.Generator().manual_seed(seed)
    X, y = torch.from_numpy(X), torch.from_numpy(y)

    def epoch():
        order = torch.randperm(len(X), generator=generator)
        for rows in order.split(WORK.batch_size):
            step(X[rows], y[rows])

    return epoch, torch.inference_mode()(lambda X: model(torch.from_numpy(X)).numpy())


LEARNERS = {"fastbp": fastbp_learner, "PyTorch": torch_learner, "scikit-learn": sklearn_learner}


def learn(epoch, predict, X_test, y_test, wanted):
    """Train until the accuracy is reached; return the seconds of training and the accuracy after each epoch."""
    seconds, accuracies = [], []
    while len(seconds) < MOST_EPOCHS and not (accuracies and accuracies[-1] >= wanted):
        begin = time.perf_counter()
        epoch()
        seconds.append(time.perf_counter() - begin)
        accuracies.append(float(np.mean(predict(X_test).argmax(axis=1) == y_test)))
    return seconds, accuracies


def main(arguments=None):
    parser = common.parser(__doc__)
    parser.add_argument("--data", type=Path, default=find_folder(), help="folder of Fashion-MNIST's four IDX files")
    parser.add_argument("--accuracy", type=float, help="on the test images, 0.88 by default; 0.80 in a quick run")
    parser.add_argument("--seeds", type=int, help="repetitions, 5 by default; 1 in a quick run")
    options = common.parse(parser, arguments)
    if options.data is None:
        raise SystemExit("no Fashion-MNIST: pass --data FOLDER, or set FASTBP_FASHION_MNIST")
    wanted = options.accuracy or (0.80 if options.quick else 0.88)
    n_seeds = options.seeds or (1 if options.quick else 5)
    report, modules = begin("accuracy", __doc__, METHOD.format(seeds=n_seeds), options, only=LIBRARIES)
    (X, y), (X_test, y_test) = load_idx(options.data)
    X, X_test = X.astype(np.float32) / 255, X_test.astype(np.float32) / 255
    y = y.astype(np.int64)
    runs = {name: [] for name in modules}
    for seed in range(n_seeds):
        start = WORK.start(seed)
        for name in modules:
            learner = LEARNERS[name](modules, start, X, y, seed)
            seconds, accuracies = learn(*learner, X_test, y_test, wanted)
            runs[name].append((sum(seconds), len(seconds), accuracies[-1]))
            report.add(library=name, seed=seed, wanted=wanted, seconds_of_epochs=seconds, accuracies=accuracies)
    medians = {name: [statistics.median(column) for column in zip(*run, strict=True)] for name, run in runs.items()}
    lines = []
    for name, (seconds, epochs, accuracy) in medians.items():
        n_short = sum(reached < wanted for _, _, reached in runs[name])
        if n_short:
            report.note(f"{name} did not reach {wanted} within {MOST_EPOCHS} epochs in {n_short} of {n_seeds} runs.")
        ratio = f"{seconds / medians['fastbp'][0]:.2f}x"
        lines.append([name, f"{seconds:.2f}", f"{epochs:g}", f"{seconds / epochs:.3f}", f"{accuracy:.4f}", ratio])
    headings = ["library", "seconds", "epochs", "seconds an epoch", "accuracy", "fastbp = 1"]
    report.table(f"Until {100 * wanted:g} % of the test images are told right", headings, lines)
    report.write(options.output)


if __name__ == "__main__":
    main()
