"""The floor: the least that any answer costs on this server. `python -m benchmarks.floor PORT FILE`.

An ASGI application that looks at nothing and always sends the bytes of FILE.
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from idp.web.http import Application, Receive, Scope, Send


def constant(body: bytes) -> Application:
    """Return the application."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application


def main(port: int, body: bytes) -> None:
    """Serve with the provider's own settings of the server."""
    uvicorn.run(
        constant(body),
        host="127.0.0.1",
        port=port,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        lifespan="off",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]).read_bytes())
