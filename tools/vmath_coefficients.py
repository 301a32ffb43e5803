"""Derive the tables of src/fastbp/_engine/vmath_tables.h.

    python tools/vmath_coefficients.py > src/fastbp/_engine/vmath_tables.h

Needs mpmath (gmpy2 makes it several times faster). Every approximation is one form,

    f(t) = (1 + t P(t)) / D(t),    P, D polynomials,

because the kernels then compute x f(t) as (x + x t P(t)) / D(t): near zero the result is x / D(0), so a small x
loses nothing, a denormal stays exact and a zero keeps its sign. The coefficients minimise the largest relative error:
Remez's exchange algorithm (E. Remez 1934; for quotients: J.-M. Muller, Elementary Functions, 3rd ed., chapter 3).
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
    log1p,
    lu_solve,
    matrix,
    mp,
    mpf,
    nstr,
    pi,
    sqrt,
    tanh,
)

mp.dps = 70


@dataclass(frozen=True)
class Point:
    """A sample of the function: the powers of t (scaled to |t| <= 1), f(t), and the sign of t.

    The error is t times something (it is 0 at t = 0 by the form), so what alternates is the error times that sign.
    """

    powers: tuple
    value: mpf
    sign: int


@dataclass(frozen=True)
class Fit:
    """What to approximate: f(t) for t = warp(s), s in [low, high]; the number of terms of P and D; is D(0) fixed to 1."""

    function: Callable
    low: mpf
    high: mpf
    terms_p: int
    terms_d: int
    warp: Callable = lambda s: s
    unit_d: bool = True


def chebyshev(low, high, count):
    """Chebyshev's nodes, and both ends."""
    return [low, *(low + (high - low) * (1 - cos(pi * (2 * i + 1) / (2 * count))) / 2 for i in range(count)), high]


def extrema(errors, count):
    """Indices of `count` extrema of alternating sign, the smallest at the ends dropped."""
    peaks = []
    for i, error in enumerate(errors):
        if not peaks or (errors[peaks[-1]] > 0) != (error > 0):
            peaks.append(i)
        elif abs(error) > abs(errors[peaks[-1]]):
            peaks[-1] = i
    while len(peaks) > count:
        peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
    return peaks


def minimax(fit):
    """(P, D, largest relative error) of the best approximation of the form above."""
    scale = max(abs(fit.warp(fit.low)), abs(fit.warp(fit.high)))
    columns_p = range(1, fit.terms_p + 1)
    columns_d = range(1 if fit.unit_d else 0, fit.terms_d)
    unknowns = len(columns_p) + len(columns_d)
    degree = max(fit.terms_p, fit.terms_d - 1)

    def point(s):
        t = fit.warp(s)
        return Point(tuple((t / scale) ** i for i in range(degree + 1)), fit.function(t), 1 if t > 0 else -1)

    def numerator(solution, at):
        return 1 + sum(solution[c] * at.powers[i] for c, i in enumerate(columns_p))

    def denominator(solution, at):
        terms = sum(solution[len(columns_p) + c] * at.powers[i] for c, i in enumerate(columns_d))
        return terms + 1 if fit.unit_d else terms

    def row(at):
        """Coefficients of the linear equation N - f D = 0, and its right side."""
        right = at.value - 1 if fit.unit_d else mpf(-1)
        return [at.powers[i] for i in columns_p] + [-at.value * at.powers[i] for i in columns_d], right

    def solve(rows):
        return list(lu_solve(matrix([left for left, _ in rows]), matrix([right for _, right in rows])))

    grid = [point(s) for s in chebyshev(fit.low, fit.high, 24 * (unknowns + 1))]
    solution = solve([row(point(s)) for s in chebyshev(fit.low, fit.high, unknowns)[1:-1]])
    levelled = mpf(0)
    for _ in range(60):
        errors = [at.sign * (numerator(solution, at) / (denominator(solution, at) * at.value) - 1) for at in grid]
        largest = max(map(abs, errors))
        if largest < levelled * mpf("1.002"):
            break
        peaks = extrema(errors, unknowns + 1)
        if len(peaks) <= unknowns:
            raise ArithmeticError(f"the error alternates {len(peaks)} times, not {unknowns + 1}: {fit}")
        # N - f D = +-E f D at the peaks, with the D of the step before beside the unknown E.
        rows = []
        for i, peak in enumerate(peaks):
            at = grid[peak]
            left, right = row(at)
            rows.append(([*left, (-1) ** i * at.sign * at.value * denominator(solution, at)], right))
        *solution, levelled = solve(rows)
        levelled = abs(levelled)
    else:
        raise ArithmeticError(f"no convergence: {fit}")
    p = [c / scale**i for c, i in zip(solution, columns_p)]
    d = [c / scale**i for c, i in zip(solution[len(columns_p) :], columns_d)]
    return p, [mpf(1), *d] if fit.unit_d else d, largest


def over_x(function):
    """function(x) / x, 1 at 0."""
    return lambda x: function(x) / x if x else mpf(1)


def over_root(function):
    """function(sqrt y) / sqrt y: an odd function in terms of y = x * x."""
    return lambda y: function(sqrt(y)) / sqrt(y)


def leading_bits(value, count):
    """The first `count` bits of `value`, so that a product with a small integer is exact."""
    fraction, exponent = frexp(value)
    return ldexp(floor(ldexp(fraction, count)), exponent - count)



# The number of terms of P and of D: the fewest that leave an error well below one rounding.
TERMS = {
    32: {"EXPM1": (5, 1), "LOG1P": (3, 4), "TANH": (4, 5), "ERF": (5, 6)},
    64: {"EXPM1": (10, 1), "LOG1P": (7, 8), "TANH": (9, 11), "ERF": (12, 14)},
}
# The significant bits of a real, and the power of two below which everything rounds to 0 and from which to infinity.
PRECISION = {32: 24, 64: 53}
EXPONENTS = {32: (-150, 128), 64: (-1075, 1024)}


def fits(bits, limits):
    """Each function on the interval its argument is reduced to."""
    half_ln2 = log(2) / 2 * mpf("1.001")
    terms = TERMS[bits]
    # A little wider on the right, so that no node falls on 0, where the error is 0 whatever the coefficients.
    yield "EXPM1", Fit(over_x(expm1), -half_ln2, half_ln2 * mpf("1.0003"), *terms["EXPM1"])
    yield "LOG1P", Fit(over_x(log1p), sqrt(mpf(2)) / 2 - 1, mpf(1), *terms["LOG1P"])
    small = mpf(2) ** -20
    square = {"warp": lambda s: s * s}
    yield "TANH", Fit(over_root(tanh), small, limits["TANH_LIMIT"], *terms["TANH"], **square)
    yield "ERF", Fit(over_root(erf), small, limits["ERF_LIMIT"], *terms["ERF"], **square, unit_d=False)


def constants(bits):
    """Where the functions saturate, and the numbers argument reduction needs."""
    precision = PRECISION[bits]
    lowest, highest = EXPONENTS[bits]
    half_step = mpf(2) ** -(precision + 1)  # 1 - half_step rounds to 1
    ln2_high = leading_bits(log(2), precision - int(-lowest).bit_length() - 1)
    return {
        "EXP_LOWEST": (lowest - mpf("0.05")) * log(2),
        "EXP_HIGHEST": (highest + mpf("0.3")) * log(2),
        "GAUSS_LIMIT": sqrt(-2 * lowest * log(2)),
        "TANH_LIMIT": atanh(1 - half_step) * mpf("1.001"),
        "ERF_LIMIT": findroot(lambda x: log(erfc(x) / half_step), (4, 6)) * mpf("1.001"),
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
        return f"(real){float(value):.17g}"
    nearest = struct.unpack("f", struct.pack("f", float(value)))[0]
    return f"(real){nearest:.9g}"


def c_table(name, values, bits):
    """A C array and the number of its terms."""
    rows = "\n".join(f"    {c_literal(v, bits)}," for v in values)
    return f"enum {{ {name}_TERMS = {len(values)} }};\nstatic const real {name}[{name}_TERMS] = {{\n{rows}\n}};"


HEAD = """\
/* Constants of vmath.pxi. Written by tools/vmath_coefficients.py: change that, not this. */
#ifndef FBP_VMATH_TABLES_H
#define FBP_VMATH_TABLES_H
#include "simd.h"
"""


def main():
    print(HEAD)
    for bits in sorted(TERMS):
        print(f"{'#if' if bits == 32 else '#elif'} FBP_BITS == {bits}")
        limits = constants(bits)
        for name, value in limits.items():
            print(f"static const real {name} = {c_literal(value, bits)};")
        for name, fit in fits(bits, limits):
            p, d, error = minimax(fit)
            print(f"\n/* relative error 2^{nstr(log(error, 2), 4)} */")
            print(c_table(f"{name}_P", p, bits))
            if len(d) > 1:
                print(c_table(f"{name}_D", d, bits))
        print()
    print("#endif\n\n#endif")


if __name__ == "__main__":
    main()
