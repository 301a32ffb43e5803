"""The struct of fastbp.h as ctypes knows it, which calls its functions without the interpreter's lock."""

import ctypes

import numpy as np

OK, BUSY, EXPIRED, NO_TRAINER, BAD_ARGUMENT, BAD_TARGET, NOT_FINITE = range(7)

_pointer = ctypes.c_void_p
_size = ctypes.c_ssize_t  # intptr_t
_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.restype, _get_pointer.argtypes = _pointer, [ctypes.py_object, ctypes.c_char_p]


def _function(*arguments):
    return ctypes.CFUNCTYPE(ctypes.c_int, _pointer, *arguments)


class Samples(ctypes.Structure):
    _fields_ = (
        ("n_samples", _size),
        ("x", _pointer),
        ("targets", _pointer),
        ("labels", _pointer),
        ("weights", _pointer),
        ("rows", _pointer),
    )


class Struct(ctypes.Structure):
    _fields_ = (
        ("abi", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("owner", _pointer),
        ("bits", ctypes.c_int32),
        ("takes_labels", ctypes.c_int32),
        ("n_in", _size),
        ("n_out", _size),
        ("n_params", _size),
        ("n_targets", _size),
        ("params", _pointer),
        ("learning_rate", ctypes.c_double),
        ("predict", _function(_pointer, _size, _pointer)),
        ("predict_one", _function(_pointer, _pointer)),
        ("learn_one", _function(_pointer, _pointer, _pointer)),
        ("learn_label", _function(_pointer, _size, _pointer)),
        ("train", _function(_pointer, _pointer)),
        ("shuffle", _function(_size, _size, _pointer)),
        ("loss_and_grad", _function(_pointer, _pointer, _pointer)),
        ("message", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_int)),
    )


def address(capsule):
    return _get_pointer(capsule, b"fastbp.model")


class Model:
    """What a capsule holds; the functions take arrays, which are not looked at, and return a status."""

    def __init__(self, capsule):
        self.capsule = capsule
        self.address = address(capsule)
        self.struct = Struct.from_address(self.address)

    def call(self, name, *arguments):
        return getattr(self.struct, name)(self.address, *(_as_argument(each) for each in arguments))

    def predict(self, x, out):
        return self.call("predict", x, len(x), out)

    def predict_one(self, x, out):
        return self.call("predict_one", x, out)

    def learn_one(self, x, target, loss=None):
        return self.call("learn_one", x, target, loss)

    def learn_label(self, x, label, loss=None):
        return self.call("learn_label", x, label, loss)

    def train(self, *arrays, loss=None, **others):
        return self.call("train", samples(*arrays, **others), loss)

    def shuffle(self, epoch, rows):
        return self.call("shuffle", epoch, len(rows), rows)

    def loss_and_grad(self, *arrays, loss=None, grad=None, **others):
        return self.call("loss_and_grad", samples(*arrays, **others), loss, grad)


def samples(x, y, weights=None, rows=None, n_samples=None):
    """The struct of samples; y are labels if they are integers."""
    made = Samples()
    made.n_samples = n_samples if n_samples is not None else len(x) if rows is None else len(rows)
    made.arrays = x, y, weights, rows  # which live as long
    made.x, made.weights, made.rows = (_as_argument(each) for each in (x, weights, rows))
    if y is not None:
        setattr(made, "labels" if y.dtype == np.intp else "targets", _as_argument(y))
    return made


def _as_argument(value):
    if isinstance(value, np.ndarray):
        return value.ctypes.data
    return ctypes.addressof(value) if isinstance(value, ctypes.Structure) else value
