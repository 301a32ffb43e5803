"""The command ``fastbp``: train on a file or the bundled digits, predict, look at a model."""

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .. import __version__
from . import info, predict, train

T = TypeVar("T")
USER_ERRORS = (ValueError, TypeError, OSError, ImportError, ArithmeticError, MemoryError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : list of str, optional
        The arguments, without the name of the program; by default those of the process.

    Returns
    -------
    int
        Exit status: 0 done, 2 something is wrong with what the user gave, 130 interrupted (Ctrl-C).
    """
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        return _fail(130, str(interrupt) or "interrupted; nothing was written")
    except BrokenPipeError:
        # The reader of a pipe (head, say) has seen enough. Python would complain when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except USER_ERRORS as error:
        return _fail(2, f"error: {_message(error)}")
    return 0


def _fail(status: int, message: str) -> int:
    print(f"fastbp: {' '.join(message.split())}", file=sys.stderr)
    return status


def _message(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fastbp", description="Train small neural networks by back-propagation.")
    parser.add_argument("--version", action="version", version=f"fastbp {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_train(commands)

    command = commands.add_parser("predict", help="apply a model to a file", description="Print one prediction a line.")
    command.add_argument("model", metavar="MODEL", help="a file written by fastbp train")
    command.add_argument("file", metavar="FILE", help="CSV with the columns of training; for images IDX, .npy or CSV")
    command.add_argument("--proba", action="store_true", help="also print the probability of every class, as CSV")
    command.add_argument("--out", metavar="FILE", help="write to this file instead of standard output")
    command.set_defaults(run=predict.run)

    command = commands.add_parser("info", help="describe a model", description="Describe a model file.")
    command.add_argument("model", metavar="MODEL")
    command.set_defaults(run=info.run)
    return parser


def _add_train(commands: Any) -> None:
    command = commands.add_parser(
        "train",
        help="train a network",
        description="Train a network, test it on data it has not seen, and write it to a file. "
        "Without --csv or --idx: on the 1,797 handwritten digits that come with fastbp.",
    )
    data = command.add_argument_group("data")
    source = data.add_mutually_exclusive_group()
    source.add_argument("--csv", metavar="FILE", help="a CSV file with a header line")
    source.add_argument("--idx", metavar="FOLDER", help="a folder with the four files of MNIST or a relative")
    data.add_argument("--target", metavar="COLUMN", help="the CSV column to predict")
    data.add_argument("--task", choices=("classification", "regression"), help="default: by the target column")
    data.add_argument("--ignore", metavar="COLUMN", nargs="+", default=[], help="CSV columns to leave out")
    data.add_argument(
        "--categorical", metavar="COLUMN", nargs="+", default=[], help="CSV columns of numbers that are mere labels"
    )
    data.add_argument("--delimiter", metavar="CHARACTER", type=_delimiter, help="what separates CSV fields; default ,")

    network = command.add_argument_group("network and training")
    network.add_argument(
        "--hidden", metavar="N,N,...", type=_sizes, default=(256,), help="hidden layers, such as 128,64; default 256"
    )
    network.add_argument(
        "--activation", choices=train.ACTIVATIONS, default="relu", help="of hidden layers; default relu"
    )
    network.add_argument(
        "--epochs", metavar="N", type=_positive_int, help="at most; default about 5,000 mini-batches, 20 to 500 epochs"
    )
    network.add_argument("--batch-size", metavar="N", type=_positive_int, default=32, help="default 32")
    rates = ", ".join(f"{rate} for {name}" for name, (_, rate) in train.OPTIMIZERS.items())
    network.add_argument("--learning-rate", metavar="X", type=_positive_float, help=f"default {rates}")
    network.add_argument("--optimizer", choices=train.OPTIMIZERS, default="adam", help="default adam")
    network.add_argument("--seed", metavar="N", type=_natural, default=0, help="of split, weights, order; default 0")
    network.add_argument("--threads", metavar="N", type=_positive_int, default=1, help="default 1")
    network.add_argument("--out", metavar="FILE", help="the model file, .npz; default NAME-model.npz")
    command.set_defaults(run=train.run)


def _number(convert: Callable[[str], T], accept: Callable[[T], bool], expected: str) -> Callable[[str], T]:
    """Return a converter for argparse, which turns its ArgumentTypeError into one line and exit status 2."""

    def parse(text: str) -> T:
        value: T | None
        try:
            value = convert(text)
        except ValueError:
            value = None
        if value is None or not accept(value):
            raise argparse.ArgumentTypeError(f"expected {expected}, found {text!r}")
        return value

    return parse


def _delimiter(text: str) -> str:
    return {"\\t": "\t", "tab": "\t"}.get(text, text)


_positive_int = _number(int, lambda n: n > 0, "a whole number of 1 or more")
_natural = _number(int, lambda n: n >= 0, "a whole number of 0 or more")
_positive_float = _number(float, lambda x: x > 0 and math.isfinite(x), "a number above 0")
_sizes = _number(
    lambda text: tuple(int(n) for n in text.split(",")),
    lambda sizes: all(n > 0 for n in sizes),
    "whole numbers of 1 or more separated by commas, such as 128,64",
)
