"""Start the bank's site: `python examples/internet-banking/main.py` (settings: see README.md)."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import socket
import sqlite3
import sys
import threading
import time

import uvicorn
from application import bank
from settings import Settings, SettingsError, read
from starlette.applications import Starlette

_HOST = "127.0.0.1"


def main() -> int:
    """Serve until told to stop; answers the process's exit status."""
    arguments = _arguments()
    logging.basicConfig(format="bank: %(levelname)s %(message)s", level=logging.WARNING, stream=sys.stderr)
    try:
        settings = read(os.environ)
        listening = _listen(settings)
    except SettingsError as wrong:
        sys.stderr.write(f"bank: {wrong}\n")
        return 2
    with listening:
        try:
            application = bank(settings, clock=time.time)  # noqa: TID251 - here the real clock enters, only here.
        except (OSError, sqlite3.Error) as refused:
            sys.stderr.write(f"bank: BANK_STORE {settings.store} cannot be used: {refused}\n")
            return 2
        return _serve(application, listening, exit_with_parent=arguments.exit_with_parent)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The site of Banka Hyrja, an example relying party.")
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="stop when standard input ends: whoever started us is gone"
    )
    return parser.parse_args()


def _listen(settings: Settings) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_HOST, settings.port))
        # Listening at once, so that a second start is refused here and not in the middle of its work.
        listening.listen(128)
    except OSError as refused:
        listening.close()
        why = "is taken" if refused.errno == errno.EADDRINUSE else f"cannot be used ({refused.strerror})"
        raise SettingsError(f"port {settings.port} {why}: choose another one with BANK_URL") from None
    return listening


def _serve(application: Starlette, listening: socket.socket, *, exit_with_parent: bool) -> int:
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=3,
        )
    )
    if exit_with_parent:
        threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn has stopped in good order and repeats the signal.
        return 0
    return 0 if server.started else 1


def _stop_at_end_of_input(server: uvicorn.Server) -> None:
    # Not sys.stdin: its lock would be held by this thread while the interpreter shuts down.
    while os.read(0, 4096):
        pass
    server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
