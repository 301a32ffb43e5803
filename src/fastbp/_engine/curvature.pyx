"""What a quasi-Newton method knows of the curvature: its last steps, and how they have changed the gradient."""

from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from fastbp._engine.buffers cimport View, view
from fastbp._engine.kernels cimport idx

cdef enum:
    LANES = 8               # sums at once, which the compiler puts side by side


cdef double product_of(const double* a, const double* b, idx n) noexcept nogil:
    cdef double[LANES] sums
    cdef double total = 0
    cdef idx i, j
    for j in range(LANES):
        sums[j] = 0
    for i in range(n // LANES):
        for j in range(LANES):
            sums[j] += a[i * LANES + j] * b[i * LANES + j]
    for i in range(n // LANES * LANES, n):
        total += a[i] * b[i]
    for j in range(LANES):
        total += sums[j]
    return total


cdef void add(double factor, const double* x, double* y, idx n) noexcept nogil:
    """y (n,) INOUT += factor x"""
    cdef idx i
    for i in range(n):
        y[i] += factor * x[i]


def dot(a, b):
    """Return the sum of a b, for a and b (n,), float64: in one thread, whatever BLAS has."""
    cdef View left = view(a, "a", -1, b"d")
    cdef View right = view(b, "b", left.n, b"d")
    return product_of(<const double*> left.data, <const double*> right.data, left.n)


cdef class InverseHessian:
    """An approximation of the Hessian's inverse, from the last pairs of a step s and a change of gradient y.

    It begins as (s y) / (y y) of the last pair times the unit matrix, and has all pairs in it: y is taken to s.

    Parameters
    ----------
    n : int
    memory : int
        Pairs that are kept.
    """

    cdef idx n
    cdef idx memory
    cdef idx newest             # the pair before the one that will be written next
    cdef readonly idx n_pairs
    cdef double* steps          # (memory, n)
    cdef double* changes        # (memory, n)
    cdef double* products       # (memory,): s y
    cdef double* factors        # (memory,)
    cdef double scale

    def __cinit__(self, idx n, idx memory):
        self.n = n
        self.memory = memory
        self.steps = <double*> calloc(2 * memory * (n + 1), sizeof(double))
        if self.steps == NULL:
            raise MemoryError(f"no memory for {memory} steps of {n} parameters")
        self.changes = self.steps + memory * n
        self.products = self.changes + memory * n
        self.factors = self.products + memory
        self.forget()

    def __dealloc__(self):
        free(self.steps)

    def forget(self):
        """Begin anew, with the unit matrix."""
        self.n_pairs = 0
        self.newest = self.memory - 1
        self.scale = 1

    def learn(self, step, change):
        """Take in a pair (n,), (n,), float64, with s y > 0; the oldest makes room for it."""
        cdef View s = view(step, "step", self.n, b"d")
        cdef View y = view(change, "change", self.n, b"d")
        cdef idx at = (self.newest + 1) % self.memory
        cdef double product = product_of(<double*> s.data, <double*> y.data, self.n)
        memcpy(self.steps + at * self.n, s.data, self.n * sizeof(double))
        memcpy(self.changes + at * self.n, y.data, self.n * sizeof(double))
        self.products[at] = product
        self.scale = product / product_of(<double*> y.data, <double*> y.data, self.n)
        self.newest = at
        self.n_pairs = min(self.n_pairs + 1, self.memory)

    def descend(self, gradient, direction):
        """direction (n,) OUT = -H gradient, float64: the two loops of Nocedal & Wright (2006), algorithm 7.4.

        Returns the slope that way: the sum of gradient * direction.
        """
        cdef View g = view(gradient, "gradient", self.n, b"d")
        cdef View d = view(direction, "direction", self.n, b"d", True)
        cdef double* q = <double*> d.data
        cdef double slope
        cdef idx i, at
        with nogil:
            for i in range(self.n):
                q[i] = -(<const double*> g.data)[i]
            for i in range(self.n_pairs):
                at = (self.newest - i + self.memory) % self.memory
                self.factors[at] = product_of(self.steps + at * self.n, q, self.n) / self.products[at]
                add(-self.factors[at], self.changes + at * self.n, q, self.n)
            for i in range(self.n):
                q[i] *= self.scale
            for i in range(self.n_pairs - 1, -1, -1):
                at = (self.newest - i + self.memory) % self.memory
                add(self.factors[at] - product_of(self.changes + at * self.n, q, self.n) / self.products[at],
                    self.steps + at * self.n, q, self.n)
            slope = product_of(<const double*> g.data, q, self.n)
        return slope
