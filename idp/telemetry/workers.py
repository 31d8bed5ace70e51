"""The numbers of several serving processes as one: each keeps its own in a file of a folder that they share.

The folder belongs to one start of the whole server; who supervises the processes makes it. A process that begins takes
over the counts of those that are gone and removes their files, so that a counter never falls when a process is
replaced, and the folder holds as many files as there are processes.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from idp.telemetry.families import FAMILIES
from idp.telemetry.tallies import Numbers, Snapshot, Tally, snapshot, together

SILENT_LOOKS = 10
"""After how many looks at a process that shares nothing new it counts as one that hangs."""

_TRIES, _BETWEEN_TRIES = 50, 0.005  # seconds: together a quarter of one, in which this process serves nobody
_GAUGES = frozenset(family.name for family in FAMILIES if family.kind == "gauge")


class Workers:
    """The numbers of this process, and of those beside it where there are any."""

    def __init__(self, tallies: Sequence[Tally], *, folder: Path | None = None) -> None:
        """`folder` is where they are shared; None: this process is the only one."""
        self._tallies = tallies
        self._folder = folder
        self._process = os.getpid()
        self._inherited: Snapshot | None = None
        self._seen: dict[int, tuple[int, int]] = {}
        self.silent: frozenset[int] = frozenset()
        """The processes beside this one that hang. What they showed counts no more."""
        if folder is not None:
            with _locked(folder):
                self._inherit(folder)

    def share(self) -> None:
        """Let the other processes see the present numbers; a disk that is full costs numbers and nothing else."""
        if self._folder is None:
            return
        mine = self._mine(self._own())
        file = self._folder / f"{self._process}.json"
        unfinished = file.with_suffix(".new")
        with suppress(OSError):
            unfinished.write_bytes(msgspec.json.encode(mine))
            unfinished.replace(file)

    def look(self) -> None:
        """Look whether the processes beside this one still share; called as often as they do.

        Looks are counted, and not seconds: a process that was stopped itself, with the whole machine say, accuses
        nobody.
        """
        if self._folder is None:
            return
        seen: dict[int, tuple[int, int]] = {}
        for path in self._folder.glob("*.json"):
            process = int(path.stem)
            with suppress(OSError):
                written = path.stat().st_mtime_ns
                known, looks = self._seen.get(process, (written, -1))
                seen[process] = (written, looks + 1 if known == written else 0)
        self._seen = seen
        self.silent = frozenset(
            process for process, (_, looks) in seen.items() if looks >= SILENT_LOOKS and self._is_beside(process)
        )

    def _is_beside(self, process: int) -> bool:
        return process != self._process and _lives(process)

    def total(self) -> Mapping[str, Numbers]:
        """Return the numbers of all processes together."""
        if self._folder is None:
            return self._own()
        self.share()
        try:
            with _locked(self._folder):
                found = [kept for path in self._folder.glob("*.json") if (kept := _read(path)) is not None]
        except OSError:
            return self._own()  # the folder went with who supervised us, or there is no room: better ours than none
        return together(FAMILIES, [kept if self._shows(kept.process) else _counts(kept) for kept in found])

    def _shows(self, process: int) -> bool:
        return process not in self.silent and _lives(process)

    def _own(self) -> Mapping[str, Numbers]:
        now = snapshot(self._tallies, process=self._process)
        return together(FAMILIES, [now] if self._inherited is None else [now, self._inherited])

    def _mine(self, numbers: Mapping[str, Numbers]) -> Snapshot:
        families = {name: list(children.items()) for name, children in numbers.items() if children}
        return Snapshot(process=self._process, families=families)

    def _inherit(self, folder: Path) -> None:
        found = [(path, kept) for path in folder.glob("*.json") if (kept := _read(path)) is not None]
        # A number that is ours now was that of another process before it ended.
        gone = [(path, kept) for path, kept in found if kept.process == self._process or not _lives(kept.process)]
        self._inherited = self._mine(together(FAMILIES, [_counts(kept) for _, kept in gone]))
        self.share()  # before they go: a process that is killed here leaves them counted twice rather than never
        for path, kept in gone:
            if kept.process != self._process:
                path.unlink(missing_ok=True)


def _counts(kept: Snapshot) -> Snapshot:
    """Return what outlives a process: what it counted, not what it showed."""
    families = {name: children for name, children in kept.families.items() if name not in _GAUGES}
    return Snapshot(process=kept.process, families=families)


def _read(path: Path) -> Snapshot | None:
    with suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(path.read_bytes(), type=Snapshot)
    return None


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let nobody take over numbers while somebody adds them up.

    Who has the lock needs it for a millisecond. One that was frozen with it must not freeze the others in turn: they
    go on, and a number may be wrong until the next look.
    """
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for _ in range(_TRIES):
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(_BETWEEN_TRIES)
        yield
    finally:
        os.close(descriptor)
