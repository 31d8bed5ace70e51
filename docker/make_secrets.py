"""Make the secrets of `docker/compose.yaml` in `docker/secrets/`, once: what is there is left alone.

Only the standard library is used: `python3 docker/make_secrets.py` works where there is nothing but Docker and Python.
It ends by saying whose the files must become: containers read them by their own numbers.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "secrets"
OWNERS: Mapping[str, tuple[str, ...]] = {
    "10001:10001": ("master-key", "mongodb-url", "redis-url", "sms", "vault"),
    "999:999": ("mongodb-root-password", "mongodb-password", "mongodb-key-file"),
    "999:1000": ("redis-conf",),
    "101:101": ("tls-certificate", "tls-key"),
}
"""Whose each secret is: the users of the nodes, of MongoDB, of Redis and of the proxy."""


def kept(folder: Path, name: str, text: str) -> str:
    """Keep a secret unless it is there already; return the one that counts."""
    path = folder / name
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
    return path.read_text(encoding="ascii").strip()


def make(folder: Path) -> None:
    """Make everything that can be made here."""
    folder.mkdir(mode=0o700, exist_ok=True)
    vault = folder / "vault"
    vault.mkdir(mode=0o700, exist_ok=True)
    for realm in ("small-business", "sme-corporate"):
        for client in ("internet-banking", "cards"):
            kept(vault, f"{realm}_{client}", secrets.token_urlsafe(32))
    kept(folder, "master-key", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("="))
    kept(folder, "mongodb-key-file", base64.b64encode(secrets.token_bytes(512)).decode())
    kept(folder, "mongodb-root-password", secrets.token_urlsafe(32))
    mongodb = kept(folder, "mongodb-password", secrets.token_urlsafe(32))
    kept(folder, "mongodb-url", f"mongodb://hyrja:{mongodb}@mongo:27017/hyrja?replicaSet=hyrja&authSource=hyrja")
    redis = secrets.token_urlsafe(32)
    # `always`: what was counted and taken is on the disk before it is answered. `noeviction`: a full Redis refuses, and
    # does not forget what was used.
    lines = (
        f"requirepass {redis}",
        "appendonly yes",
        "appendfsync always",
        'save ""',
        "maxmemory 384mb",
        "maxmemory-policy noeviction",
    )
    redis = kept(folder, "redis-conf", "\n".join(lines)).split()[1]
    kept(folder, "redis-url", f"redis://:{redis}@redis:6379/0")


def main() -> int:
    """Make them, and say what is left to do."""
    make(FOLDER)
    absent = [name for name in ("sms", "tls-certificate", "tls-key") if not (FOLDER / name).exists()]
    for name in absent:
        sys.stdout.write(f"Put {name} into {FOLDER}: nobody can make it for you.\n")
    for owner, names in OWNERS.items():
        paths = " ".join(str(FOLDER / name) for name in names)
        sys.stdout.write(f"sudo chown -R {owner} {paths}\n")
    return 1 if absent else 0


if __name__ == "__main__":
    sys.exit(main())
