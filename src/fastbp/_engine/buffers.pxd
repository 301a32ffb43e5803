"""Memory that Python objects lend to the engine, checked once and held while it is used."""

from fastbp._engine.kernels cimport idx


cdef class View:
    cdef Py_buffer buffer
    cdef void* data         # NULL until the array is borrowed
    cdef idx n              # elements

cdef View view(object array, str name, idx n, bytes format, bint writable=*)
