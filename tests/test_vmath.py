"""The kernels' own exp, log, tanh ... against the same functions in a wider type: at most 3 ulp, specials included.

FASTBP_SWEEP_STRIDE=1 checks every float32 (an hour a target) instead of every 4099th.
"""

import functools
import hashlib
import math
import os
import platform

import numpy as np
import pytest

from fastbp._engine.dispatch import MATH_FUNCTIONS, available_targets, math_apply

MAX_ULP = 3
STRIDE = int(os.environ.get("FASTBP_SWEEP_STRIDE", "4099"))
BLOCK = 2**20
WIDER = {np.dtype("float32"): np.float64, np.dtype("float64"): np.longdouble}
X86 = platform.machine().lower() in {"x86_64", "amd64"}
FMA_TARGETS = [target for target in available_targets() if not (X86 and target == "baseline")]
INF, NAN = math.inf, math.nan

each_function = pytest.mark.parametrize("name", MATH_FUNCTIONS)
each_target = pytest.mark.parametrize("target", available_targets())


def exact_erf(x):
    """2 / sqrt(pi) exp(-x^2) sum of 2^n x^(2n+1) / (2n+1)!!, of which no term is negative."""
    a = np.minimum(np.abs(x), 7)
    term = a * 2 * np.exp(-a * a) / np.sqrt(np.arccos(x.dtype.type(-1)))
    total = term.copy()
    for n in range(1, 160):
        term *= 2 * a * a / (2 * n + 1)
        total += term
    return np.copysign(total, x)


def exact_gauss(x):
    """exp(-x^2 / 2) / sqrt(2 pi), in two factors of which the larger has an exact argument."""
    a = np.minimum(np.abs(x), 1000)
    high = a.astype(np.float32).astype(x.dtype)
    scale = np.sqrt(2 * np.arccos(x.dtype.type(-1)))
    return np.exp(-high * high / 2) * np.exp(-(a - high) * (a + high) / 2) / scale


EXACT = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "tanh": np.tanh,
    "sigmoid": lambda x: np.where(x < 0, np.exp(-np.abs(x)), 1) / (1 + np.exp(-np.abs(x))),
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "erf": exact_erf,
    "gauss": exact_gauss,
}


def exact(name, x):
    with np.errstate(all="ignore"):
        return EXACT[name](x.astype(WIDER[x.dtype]))


def ulps(got, expected):
    """|got - expected| in units of the last place of `expected`; infinity counts as the power of two it begins at."""
    info = np.finfo(got.dtype)
    beyond = expected.dtype.type(2.0) ** info.maxexp
    _, exponent = np.frexp(expected)
    unit = np.ldexp(expected.dtype.type(1), np.maximum(exponent - 1, info.minexp) - info.nmant)
    return np.abs(np.clip(got.astype(expected.dtype), -beyond, beyond) - np.clip(expected, -beyond, beyond)) / unit


def check(name, target, x, expected):
    got = math_apply(target, name, x)
    assert got.dtype == x.dtype
    is_nan = np.isnan(expected)
    np.testing.assert_array_equal(np.isnan(got), is_nan)
    got, expected, x = got[~is_nan], expected[~is_nan], x[~is_nan]
    error = ulps(got, expected)
    assert error.size
    worst = error.argmax()
    assert error[worst] <= MAX_ULP, f"{name}({x[worst]!r}) = {got[worst]!r} on {target}: {error[worst]:.2f} ulp"
    np.testing.assert_array_equal(np.signbit(got), np.signbit(expected))


def float32_blocks():
    for first in range(0, 2**32, STRIDE * BLOCK):
        bits = np.arange(first, min(first + STRIDE * BLOCK, 2**32), STRIDE, dtype=np.uint64)
        yield bits.astype(np.uint32).view(np.float32)


@functools.cache
def float64_points():
    rng = np.random.default_rng(0)
    n = 20_000
    points = [
        rng.integers(0, 2**64, n, dtype=np.uint64).view(np.float64),
        rng.uniform(-800, 800, n),
        rng.uniform(-40, 40, n),
        rng.uniform(-2, 2, n),
        np.exp(rng.uniform(-745, 709, n)),
        1 + rng.uniform(-0.5, 1, n) * 2.0 ** -rng.integers(0, 50, n),
        rng.choice([-1, 1], n) * 2.0 ** rng.uniform(-60, 6, n),
    ]
    return np.concatenate(points)


@functools.cache
def exact_at_float64_points(name):
    return exact(name, float64_points())


@each_function
def test_float32(name):
    for x in float32_blocks():
        expected = exact(name, x)
        for target in available_targets():
            check(name, target, x, expected)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="needs a long double wider than double")
@each_target
@each_function
def test_float64(name, target):
    check(name, target, float64_points(), exact_at_float64_points(name))


# fmt: off
SPECIAL = {
    # name: {x: f(x)}
    "exp": {-INF: 0.0, -0.0: 1.0, INF: INF},
    "expm1": {-INF: -1.0, -0.0: -0.0, INF: INF},
    "log": {-INF: NAN, -1.0: NAN, -0.0: -INF, 1.0: 0.0, INF: INF},
    "tanh": {-INF: -1.0, -0.0: -0.0, INF: 1.0},
    "sigmoid": {-INF: 0.0, -0.0: 0.5, INF: 1.0},
    "softplus": {-INF: 0.0, INF: INF},
    "erf": {-INF: -1.0, -0.0: -0.0, INF: 1.0},
    "gauss": {-INF: 0.0, INF: 0.0},
}
# fmt: on


@each_target
@each_function
def test_special_values(name, target, dtype):
    cases = {NAN: NAN, **SPECIAL[name]}
    got = math_apply(target, name, np.array(list(cases), dtype))
    expected = np.array(list(cases.values()), dtype)
    np.testing.assert_array_equal(got, expected)
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[numbers]), np.signbit(expected[numbers]))


@each_target
@pytest.mark.parametrize("name", ["expm1", "tanh", "erf"])
def test_zero_keeps_its_sign_and_a_denormal_its_value(name, target, dtype):
    smallest = np.finfo(dtype).smallest_subnormal
    x = np.array([0.0, -0.0, smallest, -smallest, 5 * smallest, -5 * smallest], dtype)
    expected = np.round(x / smallest * (2 / math.sqrt(math.pi) if name == "erf" else 1)).astype(dtype) * smallest
    got = math_apply(target, name, x)
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(x))


@each_target
def test_overflow_and_underflow_begin_where_the_dtype_ends(target, dtype):
    info = np.finfo(dtype)
    largest = np.log(np.longdouble(info.max)).astype(dtype)
    smallest = np.log(np.longdouble(info.smallest_subnormal)).astype(dtype)
    x = np.array([largest, 1.00001 * largest, smallest, 1.01 * smallest], dtype)
    got = math_apply(target, "exp", x)
    assert got[0] >= info.max / 2
    assert got[1] == INF
    assert got[2] == info.smallest_subnormal
    assert got[3] == 0


@each_target
@pytest.mark.parametrize("name", ["tanh", "erf"])
def test_odd_functions_are_odd_and_at_most_1(name, target, dtype):
    x = np.linspace(0, 25, 100_003, dtype=dtype)
    got = math_apply(target, name, x)
    np.testing.assert_array_equal(math_apply(target, name, -x), -got)
    assert got.max() == 1


@each_target
@each_function
def test_a_result_depends_on_its_argument_alone(name, target, dtype):
    x = np.linspace(-3, 5, 67, dtype=dtype)
    whole = math_apply(target, name, x)
    for n in [*range(40), 66]:
        np.testing.assert_array_equal(math_apply(target, name, x[:n]), whole[:n])
        np.testing.assert_array_equal(math_apply(target, name, x[n:]), whole[n:])


def digest(target, name, dtype):
    """A fingerprint of 2^16 results all over the range; one NaN is as good as another."""
    bits = np.arange(2**16, dtype=np.uint64) * 65_537 % 2**32
    x = bits.astype(np.uint32).view(np.float32) if dtype == "float32" else (bits << 32 | bits).view(np.float64)
    busy = np.arange(-(2**15), 2**15).astype(dtype) / 1024
    got = math_apply(target, name, np.concatenate([x, busy.astype(dtype)]))
    got[np.isnan(got)] = NAN
    return hashlib.sha256(got.astype(got.dtype.newbyteorder("<"))).hexdigest()[:16]


# What every target with fused multiply-add gives. A change of a formula or a coefficient changes it; nothing else may.
DIGESTS = {
    "exp": {"float32": "2bedc6ba7b2ccbab", "float64": "0f02a837b1e1e9cc"},
    "expm1": {"float32": "8122be62f5afa5d5", "float64": "aaf40fac664781e8"},
    "log": {"float32": "61da61375a54dab1", "float64": "977f6ec390fe8a86"},
    "tanh": {"float32": "603a87ec718e85e4", "float64": "4293aaf2a43fffc9"},
    "sigmoid": {"float32": "cfb8a94a0e75bf07", "float64": "613814dcf9224128"},
    "softplus": {"float32": "30e04c89a1de1d56", "float64": "bc1f307d47e9a4bf"},
    "erf": {"float32": "c4d1dc26d02d4e51", "float64": "0cfa23e761b4d935"},
    "gauss": {"float32": "3fabaa462af0e660", "float64": "3ee8beaedab0e52c"},
}


@pytest.mark.parametrize("target", FMA_TARGETS)
@each_function
def test_the_same_bits_on_every_target_with_fma(name, target, dtype):
    assert digest(target, name, dtype) == DIGESTS[name][dtype]
