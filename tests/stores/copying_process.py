"""A process that copies a store: `python -m tests.stores.copying_process SOURCE TARGET [STEPS]`.

With the third argument it kills itself after that many steps, as nothing that it runs could prevent.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from idp.stores.sqlite import SqliteKernel
from idp.stores.upkeep.copying import copy
from tests.contracts.values import NOW
from tests.fakes import FakeClock


async def main(source: str, target: str, steps: str = "1000000") -> None:
    clock, left = FakeClock(NOW + 2), int(steps)

    def count(_what: str, _done: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    here, there = (SqliteKernel.open(Path(path), clock=clock) for path in (source, target))
    await copy(here, there, origin="source", now=clock(), progress=count)
    os.write(1, b"done\n")
    await here.close()
    await there.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
