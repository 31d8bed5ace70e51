"""What a process shows beside what it counts: gauges, read when somebody asks, and its share in the whole."""

from __future__ import annotations

import os
import platform
import resource
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from idp import __version__
from idp.telemetry import families
from idp.telemetry.health import Readiness
from idp.telemetry.metrics import Metrics
from idp.telemetry.tallies import Numbers
from idp.telemetry.workers import Workers


class Figures:
    """The metrics of this process and of those beside it."""

    def __init__(
        self, metrics: Metrics, *, folder: Path | None = None, lines_lost: Callable[[], int] = lambda: 0
    ) -> None:
        """`folder` is what several processes share (`Workers`); `lines_lost` is asked how many there are."""
        self._metrics = metrics
        self._lines_lost = lines_lost
        self.hashing_queue: Callable[[], int] = lambda: 0
        """How many passwords wait or are being hashed."""
        metrics.of(families.BUILD).set((__version__, platform.python_version()), 1.0)
        metrics.of(families.WORKERS).set((), 1.0)
        self._workers = Workers(metrics.tallies, folder=folder)

    def saw(self, readiness: Readiness) -> None:
        """Take down how the parts of the store are."""
        self._metrics.of(families.READY).set((), float(readiness.ready))
        for part in readiness.parts:
            self._metrics.of(families.STORE_OK).set((part.part,), float(part.ok))
            if part.clock_ahead is not None:
                self._metrics.of(families.SKEW).set((part.part,), abs(part.clock_ahead))

    def share(self) -> None:
        """Let the processes beside this one see its numbers, and look whether they do the same."""
        self._look()
        self._workers.share()
        self._workers.look()

    @property
    def silent(self) -> Collection[int]:
        """The processes beside this one that hang."""
        return self._workers.silent

    def total(self) -> Mapping[str, Numbers]:
        """Return the numbers of all processes."""
        self._look()
        return self._workers.total()

    def _look(self) -> None:
        self._metrics.of(families.HASHING_QUEUE).set((), float(self.hashing_queue()))
        self._metrics.of(families.RESIDENT).set((), float(_resident_bytes()))
        self._metrics.of(families.LINES_LOST).set((), float(self._lines_lost()))
        spent = resource.getrusage(resource.RUSAGE_SELF)
        self._metrics.of(families.CPU).set((), spent.ru_utime + spent.ru_stime)


def _resident_bytes() -> int:
    """Return the memory of this process (Linux says it now, others the most it ever was)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
