"""A deployment of its own in a folder: copies of the demo's realms, a key, client secrets, a configuration."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from idp.crypto.sealing import create_master_key
from idp.model.struct import Frozen
from tests.ports import free_port

ROOT = Path(__file__).parents[1]
REALM = "small-business"
DEMO = (REALM, "sme-corporate")
ROBOTS = {"ES256": "robot-es256", "RS256": "robot-rs256"}
"""Clients that act for themselves, by the algorithm of their access tokens."""
BANKING, CARDS = "internet-banking", "cards"
CALLBACKS = {
    BANKING: f"http://localhost:8090/{REALM}/callback",
    CARDS: f"http://localhost:8090/{REALM}/cards/callback",
}
_CLIENTS = (*CALLBACKS, *ROBOTS.values())

Edit = Callable[[dict[str, Any]], None]


class Deployment(Frozen, frozen=True, kw_only=True):
    """Where everything of one provider lies."""

    folder: Path
    port: int
    realms: tuple[str, ...]
    workers: int = 1
    """Serving processes."""
    stores: tuple[int, ...] = ()
    """The processes of its stores, if they have some of their own."""

    @property
    def host(self) -> str:
        """Name and port, as a `Host` header has them."""
        return f"localhost:{self.port}"

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.folder / "config.toml"

    @property
    def log(self) -> Path:
        """What the serving processes log."""
        return self.folder / "idp.jsonl"

    @property
    def client_secrets(self) -> dict[str, str]:
        """What the clients of the measured realm prove themselves with."""
        return {client: (self.folder / "vault" / f"{REALM}_{client}").read_text().strip() for client in _CLIENTS}


def deploy(
    folder: Path,
    *,
    realms: tuple[str, ...] = DEMO,
    edit: Edit | None = None,
    store: Mapping[str, str] | None = None,
    queue: int | None = None,
    workers: int = 1,
) -> Deployment:
    """Write a deployment of some of the demo's realms.

    `edit` changes their documents; `store` are settings of the store, by default an SQLite file; `queue` is how many
    password hashes may wait.
    """
    deployment = Deployment(folder=folder, port=free_port(), realms=realms, workers=workers)
    vault = folder / "vault"
    vault.mkdir(parents=True, mode=0o700)
    create_master_key(folder / "master.key")
    for realm in realms:
        document = json.loads((ROOT / "realms" / f"{realm}.json").read_text(encoding="utf-8"))
        if edit is not None:
            edit(document)
        (folder / f"{realm}.json").write_text(json.dumps(document), encoding="utf-8")
        for client in _CLIENTS:
            (vault / f"{realm}_{client}").write_text(secrets.token_urlsafe(32))
    kept = store if store is not None else {"path": str(folder / "store" / "hyrja.sqlite")}
    deployment.config.write_text(_settings(deployment, store=kept, queue=queue), encoding="utf-8")
    return deployment


def _settings(deployment: Deployment, *, store: Mapping[str, str], queue: int | None) -> str:
    """Write what `config/development.toml` has, with everything kept in the folder."""
    folder = deployment.folder
    tables: dict[str, Mapping[str, Any]] = {
        "server": {"base_url": f"http://{deployment.host}", "port": deployment.port, "workers": deployment.workers},
        "store": store,
        "secrets": {"master_key_files": [str(folder / "master.key")], "vault": str(folder / "vault")},
        "realms": {"files": [str(folder / f"{realm}.json") for realm in deployment.realms]},
        "sms": {"gateway": "outbox", "outbox_file": str(folder / "outbox.jsonl")},
        "log": {"level": "info", "file": str(deployment.log)},
    }
    if queue is not None:
        tables["hashing"] = {"queue": queue}
    return 'environment = "development"\n' + "".join(_table(name, values) for name, values in tables.items())


def _table(name: str, values: Mapping[str, Any]) -> str:
    # JSON's strings, numbers and lists are TOML's too.
    return f"\n[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


class Customer(Frozen, frozen=True, kw_only=True):
    """A customer who has been through the first access: password, soft token, nothing left to do."""

    username: str
    seed: str
    """Base32."""


def customers(count: int) -> list[Customer]:
    """Make up that many customers."""
    return [
        Customer(username=f"customer{number:05}", seed=base64.b32encode(secrets.token_bytes(20)).decode())
        for number in range(count)
    ]


def inhabited(people: Sequence[Customer], *, hashed: bytes) -> Edit:
    """Return the edit that fills a realm with these customers, whose passwords all have the same stored hash."""

    def edit(document: dict[str, Any]) -> None:
        document["clients"] += [
            robot(client, algorithm, f"${{vault.{client}}}") for algorithm, client in ROBOTS.items()
        ]
        document["users"] = [user(customer, hashed) for customer in people]
        for action in document["requiredActions"]:
            action["defaultAction"] = False

    return edit


def robot(client: str, algorithm: str, secret: str) -> dict[str, Any]:
    """Return a client that acts for itself, as a realm file has it."""
    return {
        "clientId": client,
        "enabled": True,
        "secret": secret,
        "standardFlowEnabled": False,
        "serviceAccountsEnabled": True,
        "attributes": {"access.token.signed.response.alg": algorithm},
    }


def user(customer: Customer, hashed: bytes) -> dict[str, Any]:
    """Return a customer as a realm file has them; `hashed` is the stored hash of their password."""
    password = msgspec.json.decode(hashed)
    secret = {name: password.pop(name) for name in ("value", "salt")}
    token = {
        "subType": "totp",
        "digits": 6,
        "period": 30,
        "counter": 0,
        "algorithm": "HmacSHA1",
        "secretEncoding": "BASE32",
    }
    return {
        "username": customer.username,
        "enabled": True,
        "firstName": "Arta",
        "lastName": "Hoxha",
        "email": f"{customer.username}@bank.example",
        "emailVerified": True,
        "attributes": {"phoneNumber": ["+355692000101"], "phoneNumberVerified": ["true"]},
        "credentials": [
            {"type": "password", "credentialData": json.dumps(password), "secretData": json.dumps(secret)},
            {
                "type": "otp",
                "userLabel": "Software Token",
                "credentialData": json.dumps(token),
                "secretData": json.dumps({"value": customer.seed}),
            },
        ],
    }
