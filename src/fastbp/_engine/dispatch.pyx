"""Which kernels run: the targets of this machine, and the one in use.

A target's modules are imported when it is first used, and only then: code built for AVX-512 must not even be loaded
where it cannot run. The choice can be overridden by the environment variable FASTBP_TARGET or by `set_target`.
"""

import os
from importlib import import_module

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.string cimport memset

from fastbp._engine.buffers cimport View, view
from fastbp._engine.kernels cimport KERNELS_ABI, Kernels, idx


cdef extern from "cpu.h":
    bint cpu_has_avx2()
    bint cpu_has_avx512()

cdef extern from "watch.h" nogil:
    const void* pointer_look(const void** pointer)
    void pointer_set(const void** pointer, const void* value)


TARGETS = ("baseline", "avx2", "avx512")            # slowest first
cdef dict _loaded = {}              # (target, bits) -> the module, which keeps its table alive
cdef const void* _tables[3][2]      # Kernels of each target, for 32 and 64 bits; NULL until first used
cdef int _target = 0                # in use: its place in TARGETS

MATH_FUNCTIONS = ("exp", "expm1", "log", "tanh", "sigmoid", "softplus", "erf", "gauss")  # as in vmath.pxi


def available_targets():
    """Return the targets that this machine can run, slowest first.

    Returns
    -------
    tuple of str
        "baseline" (SSE2 or NEON) always, then "avx2" and "avx512" where processor and operating system have them.
    """
    runs = {"baseline": True, "avx2": cpu_has_avx2(), "avx512": cpu_has_avx512()}
    return tuple(target for target in TARGETS if runs[target])


def get_target():
    """Return the name of the target in use.

    Returns
    -------
    str
    """
    return TARGETS[_target]


def set_target(target):
    """Choose the kernels that run from the next call on, in every network of the process.

    Parameters
    ----------
    target : str
        One of `available_targets()`.

    Raises
    ------
    ValueError
        If this machine cannot run the target, or there is none of that name.
    """
    global _target
    if target not in available_targets():
        raise ValueError(f"target must be one of {', '.join(available_targets())} on this machine, got {target!r}")
    _target = TARGETS.index(target)


cdef const Kernels* table(str target, int bits) except NULL:
    key = (target, bits)
    if key not in _loaded:
        _loaded[key] = import_module(f"fastbp._engine.kernels_{target}_f{bits}")
    cdef const Kernels* found = <const Kernels*> PyCapsule_GetPointer(_loaded[key].table, "fastbp.Kernels")
    if found.abi != KERNELS_ABI or found.bits != bits:
        raise ImportError(
            f"fastbp._engine.kernels_{target}_f{bits} was built for another version of fastbp: install it anew"
        )
    return found


cdef const Kernels* kernels(int bits) except NULL:
    """The table in use for reals of 32 or 64 bits."""
    cdef int target = _target
    cdef const void** known = &_tables[target][bits // 32 - 1]
    cdef const Kernels* found = <const Kernels*> pointer_look(known)
    if found == NULL:
        found = table(TARGETS[target], bits)
        pointer_set(known, found)
    return found


def all_finite(array):
    """Return whether an array holds neither NaN nor infinity.

    Parameters
    ----------
    array : C-contiguous ndarray of float32 or float64

    Returns
    -------
    bool
    """
    cdef View values = view(array, "array", -1, array.dtype.char.encode())
    cdef const Kernels* k = kernels(array.itemsize * 8)
    cdef bint finite
    with nogil:
        finite = k.all_finite(values.data, values.n)
    return bool(finite)


def fma_flops(int bits, idx n_rounds):
    """Run multiply-adds on registers alone and return how many operations those were, for benchmarks.

    Parameters
    ----------
    bits : 32 or 64
    n_rounds : int

    Returns
    -------
    int
        Floating-point operations done, two a multiply-add; divided by the time taken: the peak of one core.
    """
    cdef const Kernels* k = kernels(bits)
    cdef double memory[64]      # zeros: x 0 + 0
    memset(memory, 0, sizeof(memory))
    with nogil:
        k.fma_loop(n_rounds, memory)
    return n_rounds * 12 * 2 * (k.panel // 2)


def math_apply(str target, str name, x):
    """Apply a function of the kernels' own vector mathematics, for tests.

    Parameters
    ----------
    target : str
    name : str
        One of `MATH_FUNCTIONS`.
    x : ndarray of shape (n,), float32 or float64

    Returns
    -------
    ndarray of shape (n,)
    """
    import numpy as np

    if target not in available_targets():
        raise ValueError(f"target must be one of {', '.join(available_targets())} on this machine, got {target!r}")
    x = np.ascontiguousarray(x)
    out = np.empty_like(x)
    cdef bytes format = x.dtype.char.encode()
    cdef View source = view(x, "x", -1, format)
    cdef View result = view(out, "out", source.n, format, True)
    cdef int number = MATH_FUNCTIONS.index(name)
    cdef const Kernels* k = table(target, x.itemsize * 8)
    with nogil:
        k.math(number, source.data, result.data, source.n)
    return out


set_target(os.environ.get("FASTBP_TARGET") or list(available_targets()).pop())
