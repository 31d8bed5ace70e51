"""A process that rotates a realm's keys as fast as it can, and names each new one once the store has it.

`python -m tests.stores.rotating_process FILE`: it works beside whoever serves from the file, as the command line does.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from itertools import cycle
from pathlib import Path

from idp.crypto.kept_keys import KeptKeys
from idp.crypto.sealing import AesGcmSealer
from idp.model.policies.keys import KeyAlgorithm, KeyPolicy
from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from tests.fakes import FakeClock

SEALER = AesGcmSealer([b"m" * 32])
POLICY = KeyPolicy(algorithms=("ES256",))
ALGORITHMS: tuple[KeyAlgorithm, ...] = ("ES256", "HS256", "EdDSA", "ES384")


def kept_keys(kernel: SqliteKernel, clock: FakeClock) -> KeptKeys:
    """Return the keys of the one realm that this is about."""
    store = KernelStore(kernel, clock).realm("bank")
    return KeptKeys(store.secrets, SEALER, realm="bank", clock=clock, random=secrets.token_bytes)


async def main(path: str) -> None:
    clock = FakeClock()
    keys = kept_keys(SqliteKernel.open(Path(path), clock=clock, serving=False), clock)
    for algorithm in cycle(ALGORITHMS):
        key = await keys.rotate(algorithm, at_once=True)
        os.write(1, f"{algorithm} {key.kid}\n".encode())  # one system call a line: a killed process leaves no half


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
