"""Memory that Python objects lend to the engine, checked once and held while it is used.

The public classes convert whatever a user passes; here only what is exactly right gets through, so that no mistake
above can make the engine read or write what is not its own.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_CheckBuffer, PyObject_GetBuffer
)

from libc.stdint cimport uintptr_t

from fastbp._engine.kernels cimport idx

from numpy import ndarray

cdef object ARRAY = ndarray


cdef class View:
    """A C-contiguous array of one dtype, locked for as long as this object lives."""

    def __dealloc__(self):
        if self.data != NULL:
            PyBuffer_Release(&self.buffer)


cdef bint lend(object array, object dtype, Py_buffer* buffer, idx n, bint writable) except -1:
    """Borrow exactly n numbers of a dtype in one dimension, to be given back by PyBuffer_Release; False if that is
    not what the array is. For the calls that take a microsecond: asking for the buffer's format would double it.
    Nothing is read from a subclass, which may say more than its numbers, as a masked array does."""
    if not PyObject_CheckBuffer(array) or getattr(array, "dtype", None) is not dtype:
        return False
    if not writable and type(array) is not ARRAY:
        return False
    try:
        PyObject_GetBuffer(array, buffer, PyBUF_C_CONTIGUOUS | (PyBUF_WRITABLE if writable else 0))
    except (BufferError, ValueError):
        return False
    if buffer.ndim == 1 and buffer.shape[0] == n and <uintptr_t> buffer.buf % buffer.itemsize == 0:
        return True
    PyBuffer_Release(buffer)
    return False


cdef View view(object array, str name, idx n, bytes format, bint writable=False):
    """Borrow an array of n elements (any number if n < 0).

    `format` is the buffer protocol's character: f (float32), d (float64), or i for an integer of a pointer's size.
    """
    cdef View borrowed = View()
    cdef int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (PyBUF_WRITABLE if writable else 0)
    PyObject_GetBuffer(array, &borrowed.buffer, flags)
    got = <bytes> borrowed.buffer.format
    if format == b"i":
        fits = got in (b"l", b"q", b"n") and borrowed.buffer.itemsize == sizeof(idx)
    else:
        fits = got == format
    if not fits:
        raise ValueError(f"{name} must have elements of format {format.decode()!r}, got {got.decode()!r}")
    borrowed.data = borrowed.buffer.buf
    borrowed.n = borrowed.buffer.len // borrowed.buffer.itemsize
    if n >= 0 and borrowed.n != n:
        raise ValueError(f"{name} must have {n} elements, got {borrowed.n}")
    return borrowed
