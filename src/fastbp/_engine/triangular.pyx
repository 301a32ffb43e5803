"""Linear equations with a triangular matrix, in float64: what NumPy has no function for."""

from fastbp._engine.buffers cimport View, view
from fastbp._engine.kernels cimport idx


cdef inline void subtract(double factor, const double* source, double* target, idx n) noexcept nogil:
    """target (n,) INOUT -= factor * source"""
    cdef idx i
    for i in range(n):
        target[i] -= factor * source[i]


cdef void forward(const double* lower, idx n, double* x, idx n_columns) noexcept nogil:
    cdef double* row
    cdef idx i, j
    for i in range(n):
        row = x + i * n_columns
        for j in range(i):
            subtract(lower[i * n + j], x + j * n_columns, row, n_columns)
        for j in range(n_columns):
            row[j] /= lower[i * n + i]


cdef void backward(const double* lower, idx n, double* x, idx n_columns) noexcept nogil:
    cdef double* row
    cdef idx i, j
    for i in range(n - 1, -1, -1):
        row = x + i * n_columns
        for j in range(n_columns):
            row[j] /= lower[i * n + i]
        for j in range(i):
            subtract(lower[i * n + j], row, x + j * n_columns, n_columns)


def substitute(lower, x, idx n_columns=1, bint transposed=False):
    """x (n, n_columns) INOUT: becomes L^-1 x or, transposed, L^-T x, for L (n, n), of which the upper part is not read.

    Arrays of float64.
    """
    cdef View right = view(x, "x", -1, b"d", True)
    cdef idx n = right.n // n_columns
    cdef View left = view(lower, "lower", n * n, b"d")
    if right.n != n * n_columns:
        raise ValueError(f"x must have {n_columns} columns, got {right.n} elements")
    with nogil:
        if transposed:
            backward(<const double*> left.data, n, <double*> right.data, n_columns)
        else:
            forward(<const double*> left.data, n, <double*> right.data, n_columns)
