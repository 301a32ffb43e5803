"""Fixtures that all tests share."""

import pytest

import fastbp


def pytest_collection_modifyitems(items):
    """Say of what tests pytest-run-parallel is to leave to one thread; their files say it of others by a mark."""
    for item in items:
        names = set(item.fixturenames)
        if "restored_target" in names and "target" not in names:
            item.add_marker(pytest.mark.thread_unsafe(reason="sets the target of the whole process while it runs"))


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


@pytest.fixture
def all_threads(monkeypatch):
    """As many threads work as are asked for, however little there is to do and however few cores there are."""
    monkeypatch.setattr("fastbp._threads.n_workers", lambda n_threads, *work: n_threads)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    """Run the test with both dtypes."""
    return request.param
