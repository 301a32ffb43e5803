"""Fixtures that all tests share."""

import pytest

import fastbp


@pytest.fixture(params=fastbp.available_targets())
def target(request):
    """Run the test on every target of this machine; the one in use before comes back after it."""
    before = fastbp.get_target()
    fastbp.set_target(request.param)
    yield request.param
    fastbp.set_target(before)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    """Run the test with both dtypes."""
    return request.param
