"""A supervisor in a process of its own, to be killed: `python -m tests.workers.little_supervisor FOLDER`.

It prints its port once the first worker serves.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import structlog

from idp.listeners.sockets import Listeners, listening
from idp.workers.supervisor import Supervisor
from tests.workers.nodes import node


async def main(folder: Path) -> int:
    listener = listening("127.0.0.1", 0)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(sys.stderr))
    supervisor = Supervisor(node(folder, Listeners(ordinary=listener)), structlog.get_logger())
    return await supervisor.run()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]))))
