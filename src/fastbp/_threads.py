"""How many threads a call is worth: results are the same for any number, speed is not."""

import os

MOST = 256

# Operations for each thread, at least: with fewer, starting threads and waiting for them costs more than sharing gains.
# docs/decisions/0005 has the measurements.
FOR_A_STEP = 2.5e6
FOR_A_PREDICTION = 25e6


def n_workers(n_threads, n_flops, flops_per_thread):
    """Return how many of n_threads a call of n_flops operations is worth."""
    if n_threads == 1:
        return 1
    return max(1, min(n_threads, _n_cores(), int(n_flops // flops_per_thread)))


def _n_cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
