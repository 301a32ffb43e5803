"""Fixtures that all tests share."""

import pytest

import fastbp


@pytest.fixture
def restored_target():
    """Let a test set targets as it likes: the one in use before comes back after it."""
    before = fastbp.get_target()
    yield before
    fastbp.set_target(before)


@pytest.fixture(params=fastbp.available_targets())
def target(request, restored_target):
    """Run the test on every target of this machine."""
    fastbp.set_target(request.param)
    return request.param


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    """Run the test with both dtypes."""
    return request.param
