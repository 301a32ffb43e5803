"""``fastbp train``."""

import argparse
import math
import shlex
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from .. import SGD, Adam, CrossEntropy, EarlyStopping, History, Network, SquaredError, Trainer, __version__
from ..activations import NAMES
from . import data
from .report import confusion_matrix, format_confusion, regression_figures

OPTIMIZERS = {"adam": (Adam, 0.001), "sgd": (SGD, 0.1)}
ACTIVATIONS = tuple(name for name in NAMES if name != "softmax")


def run(arguments: argparse.Namespace) -> None:
    """Load, split, train, test, write."""
    _check_options(arguments)
    if arguments.out is not None:
        _check_writable(Path(arguments.out))
    problem = _load(arguments)
    out = Path(arguments.out or f"{problem.name}-model.npz")
    _check_writable(out)
    settings = _settings(arguments, problem)
    net = _network(problem, settings)
    _print_plan(problem, net, settings)
    history, best, seconds = _fit(net, problem, settings, out)
    print(f"trained {len(history.loss)} epochs in {seconds:.1f} s; kept the best, epoch {best}, by validation loss")
    figures = _test(net, problem)
    _save(net, problem, settings, out, {**figures, "epochs": len(history.loss), "best_epoch": best})
    print(f"\nmodel written: {out}\nnext: {_next_command(arguments, out)}")


def _check_options(arguments: argparse.Namespace) -> None:
    table_only = [name for name in ("target", "task", "ignore", "categorical", "delimiter") if getattr(arguments, name)]
    if arguments.csv is None and table_only:
        raise ValueError(f"--{table_only[0]}: expected together with --csv FILE only")
    if arguments.csv is not None and arguments.target is None:
        raise ValueError("--csv: expected --target COLUMN as well, the column to predict")


def _check_writable(out: Path) -> None:
    """Refuse a place that cannot be written to now, not when an hour of training is done."""
    if out.suffix != ".npz":
        raise ValueError(f"--out: expected a name that ends in .npz, found {str(out)!r}")
    if out.is_dir():
        raise IsADirectoryError(f"--out: expected a file, found the folder {out}")
    try:
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise OSError(f"--out: cannot write to the folder {out.parent}: {error.strerror}") from error


def _load(arguments: argparse.Namespace) -> data.Problem:
    if arguments.idx is not None:
        return data.idx(arguments.idx, arguments.seed)
    if arguments.csv is None:
        return data.digits(arguments.seed)
    return data.table(
        arguments.csv,
        arguments.seed,
        target=arguments.target,
        task=arguments.task,
        ignore=arguments.ignore,
        categorical=arguments.categorical,
        delimiter=arguments.delimiter or ",",
    )


def _settings(arguments: argparse.Namespace, problem: data.Problem) -> dict[str, Any]:
    # About 5,000 steps settle a small problem, whatever the number of rows; early stopping ends it sooner.
    n_batches = math.ceil(len(problem.training[0]) / arguments.batch_size)
    return {
        "hidden": list(arguments.hidden),
        "activation": arguments.activation,
        "optimizer": arguments.optimizer,
        "learning_rate": arguments.learning_rate or OPTIMIZERS[arguments.optimizer][1],
        "batch_size": arguments.batch_size,
        "epochs": arguments.epochs or min(max(math.ceil(5000 / n_batches), 20), 500),
        "seed": arguments.seed,
        "threads": arguments.threads,
    }


def _network(problem: data.Problem, settings: dict[str, Any]) -> Network:
    return Network.mlp(
        [problem.training[0].shape[1], *settings["hidden"], problem.n_outputs],
        activation=settings["activation"],
        output="identity" if problem.recipe.classes is None else "softmax",
        seed=settings["seed"],
    )


def _print_plan(problem: data.Problem, net: Network, settings: dict[str, Any]) -> None:
    sizes = " + ".join(f"{len(getattr(problem, part)[0])} {part}" for part in ("training", "validation", "test"))
    kind = "regression" if problem.recipe.classes is None else f"{problem.n_outputs} classes"
    layers = "-".join(map(str, net.widths))
    print(f"{problem.name}: {sizes} samples, {net.n_in} features, {kind}")
    print(
        f"network {layers}, {settings['activation']}, {net.n_params:,} parameters; {settings['optimizer']}, "
        f"learning rate {settings['learning_rate']:g}, batches of {settings['batch_size']}, "
        f"at most {settings['epochs']} epochs",
        flush=True,
    )


def _fit(net: Network, problem: data.Problem, settings: dict[str, Any], out: Path) -> tuple[History, int, float]:
    """Return the history, the number of the epoch that was kept, and the seconds it took."""
    trainer = Trainer(
        net,
        loss=SquaredError() if problem.recipe.classes is None else CrossEntropy(),
        optimizer=OPTIMIZERS[settings["optimizer"]][0](learning_rate=settings["learning_rate"]),
        batch_size=settings["batch_size"],
        n_threads=settings["threads"],
        seed=settings["seed"],
    )
    stopping = EarlyStopping(monitor="val_loss", patience=max(10, settings["epochs"] // 10), restore_best=True)
    X, y = problem.training
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "training was interrupted")  # said below
        history = trainer.fit(
            X,
            y,
            epochs=settings["epochs"],
            validation_data=problem.validation,
            callbacks=[stopping],
            progress=True,
        )
    best = stopping.best_epoch + 1
    if history.interrupted:
        if best == 0:
            raise KeyboardInterrupt("interrupted in the first epoch; no model was written")
        result: dict[str, float | None] = {"interrupted": True, "epochs": len(history.loss), "best_epoch": best}
        _save(net, problem, settings, out, result)
        raise KeyboardInterrupt(f"interrupted; the model as of its best epoch, {best}, untested, was written to {out}")
    return history, best, time.perf_counter() - start


def _test(net: Network, problem: data.Problem) -> dict[str, float | None]:
    """Print how the network does on the test part, and return the figures."""
    X, y = problem.test
    recipe = problem.recipe
    output = net.predict(X)
    if recipe.target is not None:
        figures = regression_figures(recipe.target.undo(y), recipe.target.undo(output))
        r2 = "undefined (all targets are equal)" if figures["r2"] is None else f"{figures['r2']:.4f}"
        print(f"test R2: {r2}, RMSE: {figures['rmse']:.5g}, on {len(y)} samples")
        return figures
    classes = recipe.classes or ()
    predicted = output.argmax(axis=1)
    n_right = int((predicted == y).sum())
    print(f"test accuracy: {100 * n_right / len(y):.2f} % ({n_right} of {len(y)})\n")
    print(format_confusion(confusion_matrix(y, predicted, len(classes)), classes))
    return {"accuracy": n_right / len(y)}


def _save(
    net: Network, problem: data.Problem, settings: dict[str, Any], out: Path, result: dict[str, float | None]
) -> None:
    net.metadata.update(
        made_by=f"fastbp train, version {__version__}",
        data=problem.name,
        recipe=problem.recipe.to_dict(),
        settings=settings,
        result=result,
    )
    try:
        net.save(out)
    except OSError as error:
        raise OSError(f"cannot write the model {out}: {error.strerror}") from error


def _next_command(arguments: argparse.Namespace, out: Path) -> str:
    if arguments.csv is not None:
        return shlex.join(["fastbp", "predict", str(out), arguments.csv])
    return shlex.join(["fastbp", "info", str(out)])
