"""Whether there is memory for an array that may be large.

Operating systems promise more than they have, and end the program that takes them at their word: so it is asked first.
"""

import math
import os

_SMALL = 16e6  # bytes that are not asked about: asking takes as long as a Jacobian of a small network


def check_memory(n_bytes, what, advice):
    """MemoryError, with a word of advice, if an array of so many bytes is more than there is memory for."""
    if n_bytes < _SMALL:
        return
    most = _available()
    if n_bytes > most:
        raise MemoryError(f"{what} would take {n_bytes / 1e9:,.1f} GB, {most / 1e9:,.1f} GB are available: {advice}")


def _available():
    """Bytes that can be had: as Linux reckons them, within the limit of a container; elsewhere what is built in."""
    most = math.inf
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        most = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            most = next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), most)
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as limit:
            most = min(most, float(limit.read().replace("max", "inf")))
    except OSError:  # not Linux, or no such limit
        pass
    return most
