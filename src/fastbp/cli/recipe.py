"""From the rows of a file to the inputs of a network, and from its outputs to answers.

A recipe travels in the metadata of the model file, so that ``fastbp predict`` does exactly what ``fastbp train`` did.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import TableEncoding, load_idx
from ..datasets.csv_file import StrPath, read_matrix
from ..datasets.table import Classes


@dataclass(frozen=True)
class Scaling:
    """``(values - mean) / scale``, a mean and a scale for each column."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, values: NDArray[Any], shared_scale: bool = False) -> "Scaling":
        """Take the mean and standard deviation of each column; one that is constant gets scale 1.

        With ``shared_scale`` all columns get the same scale: pixels have one unit, and a pixel that is ink in one
        image of a thousand should not be blown up to the weight of the others.
        """
        mean = values.mean(axis=0, dtype=np.float64)
        # In blocks of rows: float64 copies of all images at once would take gigabytes.
        blocks = np.array_split(values, 1 + values.size // 2**20)
        variance = sum(((block - mean) ** 2).sum(axis=0) for block in blocks) / len(values)
        constant = values.max(axis=0) == values.min(axis=0)
        if shared_scale:
            scale = np.full_like(mean, np.sqrt(variance.mean()) or 1.0)
        else:
            scale = np.where(constant, 1.0, np.sqrt(variance))
        return cls(mean, scale)

    def apply(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Return the scaled values as float32; the arithmetic is done in the type that comes."""
        scaled: NDArray[Any] = values - self.mean.astype(values.dtype)
        scaled /= self.scale.astype(values.dtype)
        return scaled.astype(np.float32, copy=False)

    def undo(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the values that `apply` was called on, as float64."""
        return values * self.scale + self.mean

    def to_dict(self) -> dict[str, Any]:
        """Return a dict that `json` can write."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Scaling":
        """Return the scaling that `to_dict` was called on."""
        return cls(np.array(values["mean"], np.float64), np.array(values["scale"], np.float64))


@dataclass(frozen=True)
class Recipe:
    """What to do before and after the network.

    Attributes
    ----------
    classes : tuple or None
        What the outputs stand for; None for regression.
    encoding : TableEncoding or None
        The columns of a CSV file; None for images.
    features : Scaling
        Of the inputs.
    target : Scaling or None
        Of the one output, for regression.
    """

    classes: Classes | None
    encoding: TableEncoding | None
    features: Scaling
    target: Scaling | None

    def read(self, path: StrPath) -> NDArray[Any]:
        """Read the features of a file, unscaled, as an array of shape (n_samples, n_features)."""
        if self.encoding is not None:
            return self.encoding.encode(path, np.float64)
        return _read_images(str(path), len(self.features.mean))

    def to_dict(self) -> dict[str, Any]:
        """Return a dict that `json` can write."""
        return {
            "classes": None if self.classes is None else list(self.classes),
            "encoding": self.encoding and self.encoding.to_dict(),
            "features": self.features.to_dict(),
            "target": self.target and self.target.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """Return the recipe that `to_dict` was called on."""
        return cls(
            classes=None if values["classes"] is None else tuple(values["classes"]),
            encoding=values["encoding"] and TableEncoding.from_dict(values["encoding"]),
            features=Scaling.from_dict(values["features"]),
            target=values["target"] and Scaling.from_dict(values["target"]),
        )


def _read_images(path: str, n_pixels: int) -> NDArray[np.float64]:
    name = path.removesuffix(".gz")
    if name.endswith((".csv", ".txt")):
        return read_matrix(path, n_pixels)
    images = _read_npy(path) if name.endswith(".npy") else load_idx(path)
    if images.ndim < 2 or images[0].size != n_pixels:
        raise ValueError(f"{path}: expected images of {n_pixels} pixels, found an array of shape {images.shape}")
    return images.reshape(len(images), n_pixels).astype(np.float64)


def _read_npy(path: str) -> NDArray[Any]:
    try:
        with open(path, "rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: expected a NumPy file (.npy) of numbers, found something else ({error})") from error
    if array.dtype.kind not in "uif" or array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"{path}: expected finite numbers, found {array.dtype} of shape {array.shape}")
    return array
