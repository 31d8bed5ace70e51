"""`idp health --config FILE`: ask the server on this machine how it is; for containers, which have no other program."""

from __future__ import annotations

import http.client
import os
import sys
from pathlib import Path

from idp.cli.terminal import printable
from idp.settings.loading import SettingsError, load
from idp.settings.management import Management

_PATIENCE = 2.5  # seconds; the server itself answers within one
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - read, and never listened on


def health(config: Path, *, live: bool) -> int:
    """Print what the server says of itself; return 0 if it is ready (or, with `live`, if it answers at all)."""
    try:
        management = load(config, environment=os.environ).management
    except SettingsError as error:
        sys.stderr.write(printable(f"idp: {error}\n"))
        return 1
    if management.port is None:
        sys.stderr.write("idp: management.port is not set: there is nobody to ask.\n")
        return 1
    try:
        status, text = _asked(management, "/health/live" if live else "/health/ready")
    except (OSError, http.client.HTTPException) as error:
        sys.stderr.write(printable(f"idp: the server does not answer ({error}).\n"))
        return 1
    sys.stdout.write(printable(text + "\n"))
    return 0 if status == http.client.OK else 1


def _asked(management: Management, path: str) -> tuple[int, str]:
    host = _ANY.get(management.host, management.host)
    connection = http.client.HTTPConnection(host, management.port, timeout=_PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", errors="replace").strip()
    finally:
        connection.close()
