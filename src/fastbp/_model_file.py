"""Networks in files: NumPy archives without pickles, written whole or not at all."""

import os
from _thread import RLock

import numpy as np

_FORMAT = "fastbp network"
_VERSION = 1

# NumPy reads an array's header with Python's parser, and that of CPython 3.11 fails now and then in two threads at
# once (python/cpython#106905).
_reading = RLock()


def _free_in_child():
    global _reading
    _reading = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_in_child)


class ModelFile:
    """The part of `Network` that goes to a file and comes back."""

    def save(self, path):
        """Write the network to a file, which is whole or not there: an older one stays until the new one is done.

        The file is a NumPy archive without pickles: ``params``, ``buffers`` if there are any, and ``config`` in JSON.

        Parameters
        ----------
        path : path-like
            Usually ending in ".npz"; nothing is appended to it.

        Raises
        ------
        TypeError, ValueError
            If `metadata` holds what JSON cannot.
        OSError
            If the file cannot be written.
        """
        import json  # a fifth of the time that fastbp takes to import

        config = json.dumps({"format": _FORMAT, "version": _VERSION, **self._config()}, allow_nan=False)
        path = os.fsdecode(path)
        arrays = {"params": self.params, **({"buffers": self.buffers} if self.buffers.size else {})}
        temporary = f"{path}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
        with open(temporary, "xb") as file:
            try:
                np.savez(file, **arrays, config=np.array(config))
                file.flush()
                os.replace(temporary, path)
            except BaseException:
                os.unlink(temporary)
                raise

    @classmethod
    def load(cls, path):
        """Read a network from a file that `save` wrote.

        Parameters
        ----------
        path : path-like

        Returns
        -------
        Network

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is not a model file, is cut short, or does not fit together.
        """
        name = os.fsdecode(path)
        with open(name, "rb") as file:
            try:
                return cls._read(file)
            except Exception as error:  # whatever zipfile, its compressors, numpy and json make of a damaged file
                raise ValueError(
                    f"{name!r} is not a fastbp model, version {_VERSION}, as Network.save writes it: {error}"
                ) from error

    @classmethod
    def _read(cls, file):
        import json

        with _reading, np.load(file, allow_pickle=False) as archive:
            names = set(getattr(archive, "files", ()))
            if not {"params", "config"} <= names <= {"params", "buffers", "config"}:
                raise ValueError(f"it holds {sorted(names)} instead of config and params")
            config = json.loads(str(archive["config"]))
            arrays = {name: archive[name] for name in names - {"config"}}
        if config.get("format") != _FORMAT or config.get("version") != _VERSION:
            raise ValueError(f"it has format {config.get('format')!r}, version {config.get('version')!r}")
        network = cls._described(config)
        for name, of in (("params", "param_shapes"), ("buffers", "buffer_shapes")):
            stored = arrays.setdefault(name, np.empty(0, network.dtype))
            size = network._n_elements(of)
            if stored.shape != (size,) or stored.dtype != network.dtype:
                what = "parameters" if name == "params" else name
                raise ValueError(
                    f"its layers have {size} {what} of {network.dtype}, it holds {stored.shape} of {stored.dtype}"
                )
        if not isinstance(config["metadata"], dict):
            raise ValueError(f"its metadata are no dict but {type(config['metadata']).__name__}")
        network._build()
        network.params[...] = arrays["params"]
        network.buffers[...] = arrays["buffers"]
        return network
