"""``fastbp predict``."""

import argparse
import contextlib
import csv
import sys
from typing import Any, TextIO

from numpy.typing import NDArray

from .. import Network
from .recipe import Recipe


def run(arguments: argparse.Namespace) -> None:
    """Print one prediction a line; with ``--proba`` a CSV table of predictions and probabilities."""
    net = Network.load(arguments.model)
    recipe = load_recipe(net, arguments.model)
    if arguments.proba and recipe.classes is None:
        raise ValueError(f"--proba: expected a model of classes, but {arguments.model} predicts numbers")
    output = net.predict(recipe.features.apply(recipe.read(arguments.file)))
    answers = _answers(recipe, output)
    with _open(arguments.out) as file:
        if arguments.proba:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["prediction", *(recipe.classes or ())])
            writer.writerows([answer, *(f"{p:.7g}" for p in row)] for answer, row in zip(answers, output, strict=True))
        else:
            file.writelines(f"{answer}\n" for answer in answers)


def load_recipe(net: Network, path: str) -> Recipe:
    """Return the recipe that ``fastbp train`` put into a model."""
    if "recipe" not in net.metadata:
        raise ValueError(
            f"{path}: expected a model written by fastbp train, found one that does not say how its inputs were made. "
            "Load it in Python: fastbp.Network.load"
        )
    try:
        return Recipe.from_dict(net.metadata["recipe"])
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: expected the recipe of fastbp train in the metadata, found another ({error!r})"
        ) from error


def _answers(recipe: Recipe, output: NDArray[Any]) -> list[Any]:
    if recipe.target is not None:
        return [f"{value:.7g}" for value in recipe.target.undo(output).ravel()]
    classes = recipe.classes or ()
    return [classes[code] for code in output.argmax(axis=1)]


def _open(path: str | None) -> contextlib.AbstractContextManager[TextIO]:
    return contextlib.nullcontext(sys.stdout) if path is None else open(path, "w", encoding="utf-8", newline="")
