"""What the operating system says of other processes: CPU time by thread, memory. And how fast this machine is now."""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from idp.model.struct import Frozen

NOMINAL_REFERENCE = 0.0260
"""CPU seconds of `reference_loop` on the machine of docs/performance.md at its middle speed: machine factor 1.0."""

_TURNS = 250_000


class NotMeasurableError(Exception):
    """The system keeps no such account; the text says what is missing."""


class Machine(Frozen, frozen=True, kw_only=True):
    """Where a run was made."""

    processor: str
    cores: int
    system: str
    python: str
    sqlite: str

    def __str__(self) -> str:
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"{self.processor}, {cores}; {self.system}; CPython {self.python}, SQLite {self.sqlite}"


class Memory(Frozen, frozen=True, kw_only=True):
    """Bytes of a process: all that is in memory, and what no other process shares (None where that is unreadable)."""

    resident: int
    unique: int | None


def machine() -> Machine:
    """Describe this machine."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
    )


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.machine()


def must_be_measurable(processes: Path = Path("/proc")) -> None:
    """Raise `NotMeasurableError` where the system keeps no account of other processes."""
    if not (processes / "self" / "task").is_dir():
        raise NotMeasurableError(f"There is no {processes}/self/task: CPU per request is measured on Linux only.")


def family(pid: int) -> tuple[int, ...]:
    """Return a process and all that descend from it: a supervisor's workers are its children."""
    parents = {member: relations[0] for member, relations in _relations().items()}
    found = [pid]
    for member in found:  # grows while it is walked
        found += [child for child, parent in parents.items() if parent == member]
    return tuple(found)


def of_session(leader: int) -> tuple[int, ...]:
    """Return the processes of the session that a process has begun, whether or not it still lives."""
    return tuple(member for member, relations in _relations().items() if relations[1] == leader)


def _relations() -> dict[int, tuple[int, int]]:
    """Return parent and session of every process (proc(5): the fields behind the name, which may hold anything)."""
    found: dict[int, tuple[int, int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            found[int(entry.name)] = int(fields[1]), int(fields[3])
    return found


def cpu_by_thread(*pids: int) -> dict[int, float]:
    """Return the CPU seconds (user and system) that each live thread of some processes has used.

    Nanoseconds from `schedstat`; where the kernel has none, ticks of 10 ms from `stat`.
    """
    used: dict[int, float] = {}
    for pid in pids:
        tasks = Path(f"/proc/{pid}/task")
        if not tasks.is_dir():
            raise NotMeasurableError(f"There is no {tasks}: a server has ended while it was measured.")
        used |= {int(task.name): spent for task in tasks.iterdir() if (spent := _cpu(task)) is not None}
    return used


def _cpu(task: Path) -> float | None:
    try:
        return int((task / "schedstat").read_text().split()[0]) / 1e9
    except OSError:
        pass
    try:
        fields = (task / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None  # the thread has ended meanwhile
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> Memory:
    """Return what a process holds at this moment."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        raise NotMeasurableError(f"There is no {status}: a server has ended while it was measured.")
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
