"""Derive src/fastbp/_engine/vmath_tables.h, the constants of vmath.pxi.

    python tools/vmath_coefficients.py > src/fastbp/_engine/vmath_tables.h

Needs mpmath, and is several times faster with gmpy2. Every table is the polynomial P whose largest error, weighted so
that it is the relative error of the function that vmath.pxi makes of P, is as small as possible: Remez's exchange
algorithm (E. Remez 1934; J.-M. Muller, Elementary Functions, 3rd ed., section 3.5), here with the extrema taken from
a dense grid.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from mpmath import (
    atanh,
    cos,
    erf,
    erfc,
    expm1,
    findroot,
    floor,
    frexp,
    ldexp,
    log,
    lu_solve,
    matrix,
    mp,
    mpf,
    nstr,
    pi,
    polyval,
    sqrt,
    tanh,
)

mp.dps = 60

# How many terms each P has: the fewest that leave an error well below one rounding.
TERMS = {
    32: {"EXPM1": 5, "LOG1P": 4, "TANH": 3, "ERF": 8},
    64: {"EXPM1": 10, "LOG1P": 10, "TANH": 6, "ERF": 27},
}
# Significant bits of a real; the power of two below which all rounds to 0, and the one from which all is infinite.
PRECISION = {32: 24, 64: 53}
EXPONENTS = {32: (-150, 128), 64: (-1075, 1024)}


@dataclass(frozen=True)
class Fit:
    """P(t) ~ target(x) for t = argument(x), low <= x <= high; weight(x) times the error of P is what counts."""

    low: mpf
    high: mpf
    argument: Callable
    target: Callable
    weight: Callable


def chebyshev(low, high, count):
    """Chebyshev's nodes between low and high, and these two."""
    nodes = [(1 - cos(pi * (2 * i + 1) / (2 * count))) / 2 for i in range(count)]
    return [low, *(low + (high - low) * node for node in nodes), high]


def alternating_extrema(errors):
    """Indices of the largest error between two changes of sign."""
    peaks = []
    for i, error in enumerate(errors):
        if not peaks or (errors[peaks[-1]] > 0) != (error > 0):
            peaks.append(i)
        elif abs(error) > abs(errors[peaks[-1]]):
            peaks[-1] = i
    return peaks


def minimax(fit, n_terms):
    """(coefficients of P, lowest power first; largest weighted error)."""
    scale = max(abs(fit.argument(fit.low)), abs(fit.argument(fit.high)))  # powers of at most 1 solve best

    def sample(x):
        return fit.argument(x) / scale, fit.target(x), fit.weight(x)

    grid = [sample(x) for x in chebyshev(fit.low, fit.high, 40 * n_terms)]
    reference = [sample(x) for x in chebyshev(fit.low, fit.high, n_terms - 1)]
    for _ in range(50):
        # The polynomial whose errors at the n_terms + 1 points of the reference are equal, of alternating sign.
        rows = [[*(t**i for i in range(n_terms)), (-1) ** k / weight] for k, (t, _, weight) in enumerate(reference)]
        *p, level = lu_solve(matrix(rows), matrix([target for _, target, _ in reference]))
        errors = [(polyval(p[::-1], t) - target) * weight for t, target, weight in grid]
        if max(map(abs, errors)) <= abs(level) * mpf("1.001"):
            return [c / scale**i for i, c in enumerate(p)], abs(level)
        peaks = alternating_extrema(errors)
        while len(peaks) > n_terms + 1:
            peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
        reference = [grid[i] for i in peaks]
    raise ArithmeticError(f"no convergence with {n_terms} terms: {fit}")


def fits(erf_limit):
    """The four functions on the intervals their arguments are reduced to; none is ever asked for at 0."""
    tiny = mpf(2) ** -20
    half_ln2 = log(2) / 2 * mpf("1.001")  # the multiple of ln 2 that is subtracted may just miss the nearest
    return {
        # expm1(r) = r + r^2 P(r). Wider on one side, so that no node is 0.
        "EXPM1": Fit(
            low=-half_ln2,
            high=half_ln2 * mpf("1.0003"),
            argument=lambda r: r,
            target=lambda r: (expm1(r) - r) / r**2,
            weight=lambda r: r**2 / abs(expm1(r)),
        ),
        # log1p(u) = 2 s + s z P(z), s = u / (2 + u), z = s^2, for u <= 1
        "LOG1P": Fit(
            low=tiny,
            high=mpf(1) / 3,
            argument=lambda s: s**2,
            target=lambda s: 2 * (atanh(s) - s) / s**3,
            weight=lambda s: s**3 / (2 * atanh(s)),
        ),
        # tanh(r) = r + r y P(y), y = r^2
        "TANH": Fit(
            low=tiny,
            high=half_ln2 / 2,
            argument=lambda r: r**2,
            target=lambda r: (tanh(r) - r) / r**3,
            weight=lambda r: r**3 / tanh(r),
        ),
        # erf(x) = 1 - (1 - v / 8)^8, v = x + x P(x)
        "ERF": Fit(
            low=tiny,
            high=erf_limit,
            argument=lambda x: x,
            target=lambda x: 8 * (1 - erfc(x) ** mpf("0.125")) / x - 1,
            weight=lambda x: x * erfc(x) ** mpf("0.875") / erf(x),
        ),
    }


def leading_bits(value, count):
    """The first `count` bits of `value`, so that a product with a small integer is exact."""
    fraction, exponent = frexp(value)
    return ldexp(floor(ldexp(fraction, count)), exponent - count)


def constants(bits):
    """Where the functions saturate, and the numbers that argument reduction needs."""
    precision = PRECISION[bits]
    lowest, highest = EXPONENTS[bits]
    half_step = mpf(2) ** -(precision + 1)  # 1 - half_step rounds to 1
    ln2_high = leading_bits(log(2), precision - (-lowest).bit_length() - 1)
    return {
        "EXP_LOWEST": (lowest - mpf("0.05")) * log(2),
        "EXP_HIGHEST": (highest + mpf("0.3")) * log(2),
        "GAUSS_LIMIT": sqrt(-2 * lowest * log(2)),
        "TANH_LIMIT": atanh(1 - half_step) * mpf("1.001"),
        "ERF_LIMIT": findroot(lambda x: log(erfc(x) / half_step * 2), (4, 6)),
        "LOG2_E": 1 / log(2),
        "LN2_HIGH": ln2_high,
        "LN2_LOW": log(2) - ln2_high,
        "SQRT_HALF": sqrt(mpf(2)) / 2,
        "INV_SQRT_2PI": 1 / sqrt(2 * pi),
        "SMALLEST_NORMAL": mpf(2) ** (2 - highest),
        "DENORMAL_SCALE": mpf(2) ** precision,
        "DENORMAL_SCALE_LOG2": mpf(precision),
    }


def c_literal(value, bits):
    """The nearest real, written so that it reads back exactly."""
    if bits == 64:
        return f"{float(value):.17g}"
    nearest = struct.unpack("f", struct.pack("f", float(value)))[0]
    return f"(real){nearest:.9g}"


HEAD = """\
/* The constants of vmath.pxi, written by tools/vmath_coefficients.py: change them there. Coefficients stand lowest
 * power first; the error is that of the function made of them, without rounding. */
#ifndef FBP_VMATH_TABLES_H
#define FBP_VMATH_TABLES_H

#include "simd.h"
"""


def main():
    print(HEAD)
    for bits, terms in TERMS.items():
        print(f"#{'if' if bits == 32 else 'elif'} FBP_BITS == {bits}")
        values = constants(bits)
        for name, value in values.items():
            print(f"static const real {name} = {c_literal(value, bits)};")
        for name, fit in fits(values["ERF_LIMIT"]).items():
            p, error = minimax(fit, terms[name])
            print(f"\n/* relative error 2^{nstr(log(error, 2), 4)} */")
            print(f"enum {{ {name}_TERMS = {len(p)} }};")
            print(f"static const real {name}_P[{name}_TERMS] = {{")
            print("\n".join(f"    {c_literal(c, bits)}," for c in p))
            print("};")
        print()
    print("#endif\n\n#endif")


if __name__ == "__main__":
    main()
