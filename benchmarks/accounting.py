"""What the operating system says of another process: CPU time by thread, memory. And how fast this machine is now."""

from __future__ import annotations

import os
import time
from pathlib import Path

from idp.model.struct import Frozen

NOMINAL_REFERENCE = 0.0260
"""CPU seconds of `reference_loop` on the machine of docs/performance.md at its middle speed: machine factor 1.0."""

_TURNS = 250_000


class NotMeasurableError(Exception):
    """The system keeps no such account; the text says what is missing."""


class Memory(Frozen, frozen=True, kw_only=True):
    """Bytes of a process: all that is in memory, and what no other process shares (None where that is unreadable)."""

    resident: int
    unique: int | None


def cpu_by_thread(pid: int) -> dict[int, float]:
    """Return the CPU seconds (user and system) that each live thread of a process has used.

    Nanoseconds from `schedstat`; where the kernel has none, ticks of 10 ms from `stat`.
    """
    tasks = Path(f"/proc/{pid}/task")
    if not tasks.is_dir():
        raise NotMeasurableError(f"There is no {tasks}: CPU per request is measured on Linux only.")
    return {int(task.name): _cpu(task) for task in tasks.iterdir()}


def _cpu(task: Path) -> float:
    try:
        return int((task / "schedstat").read_text().split()[0]) / 1e9
    except OSError:
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> Memory:
    """Return what a process holds at this moment."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        raise NotMeasurableError(f"There is no {status}: memory is measured on Linux only.")
    resident = _kibibytes(status.read_text())["VmRSS"]
    try:
        mapped = _kibibytes(Path(f"/proc/{pid}/smaps_rollup").read_text())
    except OSError:
        return Memory(resident=resident, unique=None)
    return Memory(resident=resident, unique=mapped["Private_Clean"] + mapped["Private_Dirty"])


def _kibibytes(text: str) -> dict[str, int]:
    lines = (line.partition(":") for line in text.splitlines() if line.endswith(" kB"))
    return {name: int(amount.split()[0]) * 1024 for name, _, amount in lines}


def reference_loop() -> float:
    """Do a fixed piece of pure Python and return its CPU seconds: by this, runs on other machines compare."""
    started = time.thread_time()
    total = 0
    seen: dict[int, int] = {}
    for turn in range(_TURNS):
        total += turn ^ (total & 0xFF)
        seen[turn & 0x3FF] = total
    return time.thread_time() - started
