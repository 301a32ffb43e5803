"""The emulated fused multiply-add, against fractions."""

from fractions import Fraction

import numpy as np
import pytest

import fastbp
from tests import exact


@pytest.fixture
def fused(restored_target):
    if fastbp.available_targets() == ("baseline",) and exact._X86:
        pytest.skip("this machine has no target with fused multiply-add")
    fastbp.set_target(fastbp.available_targets()[-1])


@pytest.mark.parametrize("scale", [1.0, 2.0**-12, 2.0**-24, 2.0**-53, 2.0**30])
def test_rounded_once(fused, dtype, scale):
    rng = np.random.default_rng(0)
    b = rng.normal(size=500).astype(dtype)
    c = (rng.normal(size=500) * scale).astype(dtype)
    c[::5] = -(b[::5] * np.array(0.1, dtype))  # all but the product's error cancels
    c[1::5] = np.round(c[1::5] * 64) / 64  # ties between two neighbours come up
    a = c.dtype.type(0.1)
    got = exact.fma(0.1, b, c)
    assert got.dtype == c.dtype
    for x, y, z in zip(b.tolist(), c.tolist(), got, strict=True):
        error = abs(Fraction(float(z)) - (Fraction(float(a)) * Fraction(x) + Fraction(y)))
        for neighbour in (np.nextafter(z, c.dtype.type(np.inf)), np.nextafter(z, c.dtype.type(-np.inf))):
            other = abs(Fraction(float(neighbour)) - (Fraction(float(a)) * Fraction(x) + Fraction(y)))
            assert error < other or (error == other and z.view(f"i{z.itemsize}") % 2 == 0)


def test_it_is_not_the_plain_sum(fused, dtype):
    rng = np.random.default_rng(0)
    b, c = (rng.normal(size=500).astype(dtype) for _ in range(2))
    plain = np.array(0.1, dtype) * b + c
    assert 0 < np.count_nonzero(exact.fma(0.1, b, c) != plain) < 250
