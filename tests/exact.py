"""Updates of parameters with the engine's own roundings, so that bits can be compared."""

import platform

import numpy as np

import fastbp

_X86 = platform.machine().lower() in {"x86_64", "amd64"}


def _two_sum(a, b):
    """a + b rounded, and the exact error (Knuth)."""
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


def _two_product(a, b):
    """a * b rounded, and the exact error (Dekker)."""

    def halves(x):
        high = 134217729.0 * x  # 2^27 + 1
        high = high - (high - x)
        return high, x - high

    (a_high, a_low), (b_high, b_low) = halves(a), halves(b)
    product = a * b
    return product, a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


def _odd_sum(a, b):
    """a + b with an odd last bit wherever it is not exact: rounded once more, it is as if rounded once."""
    total, error = _two_sum(a, b)
    even = total.view(np.int64) % 2 == 0
    return np.where((error != 0) & even, np.nextafter(total, np.copysign(np.inf, error)), total)


def fma(a, b, c):
    """a * b + c by element, a a number: rounded once where the target in use has such an instruction, else twice.

    Rounded once by Boldo & Melquiond 2008, "Emulation of FMA and correctly rounded sums".
    """
    a = c.dtype.type(a)
    if fastbp.get_target() == "baseline" and _X86:
        return a * b + c
    if c.dtype == np.float32:  # whose products float64 holds exactly
        return _odd_sum(np.float64(a) * b.astype(np.float64), c.astype(np.float64)).astype(np.float32)
    product, product_error = _two_product(a, b)
    low, lowest = _two_sum(c, product_error)
    high, high_error = _two_sum(product, low)
    return high + _odd_sum(lowest, high_error)


def sgd_step(params, grad, learning_rate, weight_decay=0.0):
    """Return the parameters after a step of plain SGD."""
    if weight_decay:
        grad = fma(weight_decay, params, grad)
    return fma(-learning_rate, grad, params)
