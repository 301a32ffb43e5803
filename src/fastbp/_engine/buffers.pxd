"""Memory that Python objects lend to the engine, checked once and held while it is used."""

from fastbp._engine.kernels cimport idx


cdef class View:
    cdef Py_buffer buffer
    cdef void* data         # NULL until the array is borrowed
    cdef idx n              # elements

cdef bint lend(object array, object dtype, Py_buffer* buffer, idx n, bint writable) except -1

cdef View view(object array, str name, idx n, bytes format, bint writable=*)
