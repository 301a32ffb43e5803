"""The most that a core can do: multiply-adds on registers alone, the yardstick for "fraction of peak"."""

from fastbp._engine import dispatch

_N_ROUNDS = 20_000


def loop(dtype="float32"):
    """Return a callable for `common.interleave` and the floating-point operations of one call of it."""
    bits = {"float32": 32, "float64": 64}[dtype]
    return lambda: dispatch.fma_flops(bits, _N_ROUNDS), dispatch.fma_flops(bits, 1) * _N_ROUNDS
