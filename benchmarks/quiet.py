"""A quiet machine: work of others on the same cores makes a request dearer, not only slower, so a window waits for it.

It waits within bounds: a machine that is always busy is measured all the same, and the report says so.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_LOOK = 0.05  # seconds
_BUSY = 0.25  # cores that others may keep busy


class Patience:
    """How long a run may still wait, and how often that was in vain."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self.asked = 0
        """How often it was asked to wait."""
        self.disturbed = 0
        """How often the machine was still busy at the end."""

    def wait(self) -> None:
        """Wait until the machine is quiet, or until patience is at its end."""
        started = time.perf_counter()
        while (busy := busy_cores(_LOOK) > _BUSY) and time.perf_counter() - started < self._left:
            pass
        self.asked += 1
        self.disturbed += busy
        self._left = max(0.0, self._left - (time.perf_counter() - started - _LOOK))


def busy_cores(seconds: float) -> float:
    """Return how many cores were busy, on the average, while this looked on."""
    before, started = _idle(), time.perf_counter()
    time.sleep(seconds)
    passed = time.perf_counter() - started
    return max(0.0, (os.cpu_count() or 1) - (_idle() - before) / passed)


def _idle() -> float:
    """Seconds in which a core had nothing to do, summed over all (proc(5): `idle` and `iowait`)."""
    fields = Path("/proc/stat").read_text().partition("\n")[0].split()
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")
