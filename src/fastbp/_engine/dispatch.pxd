from fastbp._engine.kernels cimport Kernels

cdef const Kernels* kernels(int bits) except NULL
