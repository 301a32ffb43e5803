"""Read IDX files, the format of MNIST and its relatives.

An IDX file is two zero bytes, one byte for the type, one for the number of dimensions, the dimensions as big-endian
32-bit integers, then the values, big-endian, last dimension fastest (http://yann.lecun.com/exdb/mnist/).
"""

import gzip
import math
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

StrPath = str | os.PathLike[str]
Pair = tuple[NDArray[np.float32], NDArray[np.int64]]

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

# Two spellings are in circulation; each may be gzipped.
FOLDER_FILES = {
    part: tuple(
        f"{part}{joint}ubyte{suffix}" for suffix in ("", ".gz") for joint in (f"-idx{n_dims}-", f".idx{n_dims}-")
    )
    for part, n_dims in (("train-images", 3), ("train-labels", 1), ("t10k-images", 3), ("t10k-labels", 1))
}


@overload
def load_idx(folder_or_files: StrPath) -> Any: ...
@overload
def load_idx(folder_or_files: Iterable[StrPath]) -> tuple[NDArray[Any], ...]: ...
def load_idx(folder_or_files: StrPath | Iterable[StrPath]) -> Any:
    """Load a data set of MNIST's form, or single IDX files; plain or gzipped.

    Parameters
    ----------
    folder_or_files : path or sequence of paths
        A folder that holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
        ``t10k-labels-idx1-ubyte`` (``train-images.idx3-ubyte`` etc. is understood too, and ``.gz`` after each; the
        plain file is preferred where both are there); or one IDX file; or a list or tuple of IDX files.

    Returns
    -------
    (X_train, y_train), (X_test, y_test)
        For a folder. ``X`` is float32 of shape (n_images, rows * columns) with the values as stored (0 to 255 in
        MNIST: divide by 255 before training), ``y`` is int64 of shape (n_images,).
    ndarray or tuple of ndarrays
        For one file its array exactly as stored (shape and type, in native byte order; an image file of MNIST is
        uint8 of shape (n_images, 28, 28)); for a sequence of files a tuple of such arrays.

    Raises
    ------
    FileNotFoundError
        A file is missing; the message names the file, or what was looked for in the folder.
    ValueError
        A file is empty, truncated, longer than its header says, damaged, or no IDX file; or images and labels of a
        folder do not belong together.
    """
    if isinstance(folder_or_files, (str, os.PathLike)):
        path = Path(folder_or_files)
        return _load_folder(path) if path.is_dir() else read_idx(path)
    paths = tuple(folder_or_files)
    if not paths:
        raise ValueError("load_idx: expected a folder or at least one file, found an empty sequence")
    return tuple(read_idx(path) for path in paths)


def read_idx(path: StrPath) -> NDArray[Any]:
    """Read one IDX file, plain or gzipped, as an array of the shape and type it was stored with."""
    data = _read_bytes(path)
    if len(data) < 4:
        raise ValueError(f"{path}: expected an IDX file (a header of at least 4 bytes), found {len(data)} bytes")
    zeros, code, n_dims = data[:2], data[2], data[3]
    if zeros != b"\0\0" or code not in DTYPES or n_dims == 0:
        raise ValueError(
            f"{path}: expected an IDX file, whose first bytes are 00 00, a type (08, 09, 0b, 0c, 0d or 0e) and "
            f"the number of dimensions (01 or more); found {data[:4].hex(' ')}"
        )
    dtype, start = np.dtype(DTYPES[code]), 4 + 4 * n_dims
    if len(data) < start:
        raise ValueError(f"{path}: expected a header of {start} bytes for {n_dims} dimensions, found {len(data)} bytes")
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", n_dims, offset=4))
    expected = start + math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise ValueError(
            f"{path}: expected {expected} bytes for shape {shape} and type {dtype.newbyteorder('=').name}, found "
            f"{len(data)}: the file is {'truncated' if len(data) < expected else 'followed by something else'}"
        )
    if 0 in shape:
        raise ValueError(f"{path}: expected at least one value, found shape {shape}")
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def _read_bytes(path: StrPath) -> bytes:
    with open(path, "rb") as file:
        data = file.read()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path}: expected a whole gzip file, found a damaged or truncated one ({error})") from error


def _load_folder(folder: Path) -> tuple[Pair, ...]:
    paths = {part: _find(folder, names) for part, names in FOLDER_FILES.items()}
    return tuple(_load_pair(paths[f"{part}-images"], paths[f"{part}-labels"]) for part in ("train", "t10k"))


def _find(folder: Path, names: Iterable[str]) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{folder}: expected one of {', '.join(names)} in this folder, found none of them")


def _load_pair(images_path: Path, labels_path: Path) -> Pair:
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim < 2:
        raise ValueError(f"{images_path}: expected images, 2 or more dimensions, found shape {images.shape}")
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(f"{labels_path}: expected integer labels, 1 dimension, found {labels.dtype} {labels.shape}")
    if labels.min() < 0:
        raise ValueError(f"{labels_path}: expected labels of 0 or more, found {labels.min()}")
    if len(images) != len(labels):
        raise ValueError(f"{labels_path}: expected {len(images)} labels, one an image, found {len(labels)}")
    return images.reshape(len(images), -1).astype(np.float32), labels.astype(np.int64)
