"""A process that may not write what it is told to open, and says what it was told.

`python -m tests.stores.refused_process FILE USER`: a superuser may write anything, so it becomes that user first.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from idp.ports import StoreUnavailableError
from idp.stores.sqlite import SqliteKernel
from tests.fakes import FakeClock


def main(path: str, user: str) -> None:
    if os.geteuid() == 0:
        os.seteuid(int(user))
    try:
        SqliteKernel.open(Path(path), clock=FakeClock())
    except StoreUnavailableError as error:
        os.write(1, f"{error}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
