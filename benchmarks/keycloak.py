"""Keycloak beside ours: a distribution that `HYRJA_BENCH_KEYCLOAK` names, started as in production.

Its mode for development reads every page's template anew. It runs from a copy, one node, on a database in memory, with
a realm that is like ours as far as what is asked goes: the same customers and applications, ES256, rotating refresh
tokens, stored events, protection against guessing. Passwords are hashed with its own default parameters; its hashing
shares threads with everything else, so it is part of the cost.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.bank import KEYCLOAKS, Bank
from benchmarks.deployment import CALLBACKS, REALM, ROBOTS, Customer, robot, user
from benchmarks.server import Running, started
from benchmarks.wire import get
from tests.ports import free_port

NAME = "Keycloak"
VARIABLE = "HYRJA_BENCH_KEYCLOAK"
HASH_MEMORY_KIB, HASH_ITERATIONS = 7168, 5
"""Its defaults: with other parameters it would hash every password anew at its first use."""
_LONGEST_START = 600.0  # seconds: the first start builds the server


def missing(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return why it cannot take part, or None."""
    named = environment.get(VARIABLE, "")
    if not named:
        return f"{VARIABLE} names no unpacked distribution"
    if not _script(Path(named)).is_file():
        return f"{VARIABLE}: there is no bin/kc.sh in {named}"
    if shutil.which("java", path=environment.get("PATH")) is None and not environment.get("JAVA_HOME"):
        return "Java is not installed"
    return None


def realm(people: Sequence[Customer], client_secrets: Mapping[str, str], *, hashed: bytes) -> dict[str, Any]:
    """Return the realm file that it imports."""
    return {
        "realm": REALM,
        "enabled": True,
        "sslRequired": "none",
        "defaultSignatureAlgorithm": "ES256",
        "revokeRefreshToken": True,
        "refreshTokenMaxReuse": 0,
        "bruteForceProtected": True,
        "eventsEnabled": True,
        "clients": [
            *(_application(client, client_secrets[client]) for client in CALLBACKS),
            *(robot(client, algorithm, client_secrets[client]) for algorithm, client in ROBOTS.items()),
        ],
        "users": [user(customer, hashed) for customer in people],
    }


def command(home: Path, port: int) -> list[str]:
    """Return how it is started: without a certificate, on its own, and with everything in memory."""
    return [
        str(_script(home)),
        "start",
        "--import-realm",
        "--db=dev-mem",
        "--cache=local",
        "--http-enabled=true",
        "--http-host=127.0.0.1",
        f"--http-port={port}",
        f"--hostname=http://localhost:{port}",
        "--log-level=warn",
    ]


@contextmanager
def keycloak(
    folder: Path, people: Sequence[Customer], *, hashed: bytes, environment: Mapping[str, str] = os.environ
) -> Iterator[tuple[Running, Bank]]:
    """Serve it from a copy of the distribution."""
    home = folder / "distribution"
    shutil.copytree(environment[VARIABLE], home, symlinks=True)
    client_secrets = {client: secrets.token_urlsafe(32) for client in (*CALLBACKS, *ROBOTS.values())}
    taken_in = home / "data" / "import"
    taken_in.mkdir(parents=True, exist_ok=True)
    document = realm(people, client_secrets, hashed=hashed)
    (taken_in / f"{REALM}-realm.json").write_text(json.dumps(document), encoding="utf-8")
    port = free_port()
    host = f"localhost:{port}"
    with started(
        command(home, port),
        port=port,
        request=get(host, KEYCLOAKS.discovery),
        log=folder / "keycloak.out",
        patience=_LONGEST_START,
    ) as running:
        yield running, Bank(host, people, client_secrets)


def _script(home: Path) -> Path:
    return home / "bin" / "kc.sh"


def _application(client: str, secret: str) -> dict[str, Any]:
    return {
        "clientId": client,
        "enabled": True,
        "secret": secret,
        "redirectUris": [CALLBACKS[client]],
        "directAccessGrantsEnabled": False,
        "attributes": {"pkce.code.challenge.method": "S256"},
    }
