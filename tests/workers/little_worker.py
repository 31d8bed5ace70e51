"""A worker without a provider: tells which process answered, and does what its folder says.

`python -m tests.workers.little_worker FOLDER`: it hangs up and ends while FOLDER/broken exists, does not end while
FOLDER/stubborn does, and dies when asked for `/die`. FOLDER/begun is there once a `/slow` answer was begun, which takes
a second.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from idp.listeners.server import Server, ended_by_signals
from idp.web.http import Receive, Scope, Send
from idp.workers.inherited import Inheritance
from idp.workers.serving import supervised


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    del receive
    if scope["path"] == "/die":
        os._exit(7)
    if scope["path"] == "/slow":
        (Path(sys.argv[1]) / "begun").touch()
        await asyncio.sleep(1)
    body = str(os.getpid()).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def main(folder: Path, drain_seconds: float) -> int:
    inherited = Inheritance.of(os.environ)
    assert inherited is not None
    if (folder / "broken").exists():
        os.close(inherited.line)
        await asyncio.sleep(0.3)  # a real one that hangs up has its gateways and its store to close
        return 3
    listeners = inherited.listeners()
    server = Server(application, drain_seconds=drain_seconds)
    with ended_by_signals(server):
        async with supervised(server, inherited):
            await server.serve(sockets=[listeners.ordinary])
    while (folder / "stubborn").exists():  # noqa: ASYNC110 - a test made it
        await asyncio.sleep(1)
    with (folder / "ended").open("a") as ended:
        ended.write(f"{os.getpid()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]))))
