"""Fixtures that all tests share."""

import pytest

import fastbp

# Tests with these fixtures pytest-run-parallel leaves to one thread; files say it of other tests by the mark.
THREAD_UNSAFE = {
    "restored_target": "sets the target of the whole process while it runs",
    "interrupt_soon": "waits for a signal, which is the main thread's",
    "on_signal": "waits for a signal, which is the main thread's",
    "saved": "writes to a file that all threads would share",
    "csv_file": "writes to a file that all threads would share",
    "at_work": "has models that one thread may use at a time",
}


def pytest_collection_modifyitems(items):
    for item in items:
        for name in THREAD_UNSAFE.keys() & set(item.fixturenames):
            if name != "restored_target" or "target" not in item.fixturenames:  # which sets it before threads start
                item.add_marker(pytest.mark.thread_unsafe(reason=THREAD_UNSAFE[name]))


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
