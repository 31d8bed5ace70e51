"""A process that dies in the middle of a migration: `python -m tests.stores.migrating_process FILE`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from idp.stores.sqlite import SqliteKernel
from idp.stores.sqlite.records import MIGRATIONS
from tests.contracts.values import NOW
from tests.fakes import FakeClock


class Deadly(tuple[str, ...]):
    """Statements after which the process is no more."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        yield from tuple.__iter__(self)
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    deadly = Deadly(("CREATE TABLE more (x)", "DELETE FROM record"))
    SqliteKernel.open(Path(sys.argv[1]), clock=FakeClock(NOW), migrations=(*MIGRATIONS, deadly))
