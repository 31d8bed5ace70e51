"""The disk full under a serving node, again and again: refused clearly, and served again as soon as there is room."""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
from collections.abc import Sequence
from pathlib import Path

import pyotp
import pytest

from tests.cli.deployment import Deployment, Process
from tests.faults.customer import Application, Customer, settled

pytestmark = pytest.mark.anyio

ROUNDS = int(os.environ.get("HYRJA_FAULT_ROUNDS", "1"))
CUSTOMERS = 4


async def test_a_node_whose_disk_is_full_lets_nobody_in_and_goes_on_as_soon_as_there_is_room(tmp_path: Path) -> None:
    """Killed in the end while it is full.

    Tried, and each made it red: a refresh token is rotated whichever one is presented; a code that is taken leaves no
    tombstone; a code of a soft token is not burnt; a block of writes is answered before it is on the disk.
    """
    seeds = {f"customer{number}": pyotp.random_base32() for number in range(CUSTOMERS)}
    deployment = Deployment(tmp_path, edit=settled(seeds))
    deployment.change(str(deployment.log), "/dev/null")  # the log has a disk of its own
    application = Application(deployment.origin, deployment.secret)
    people = [Customer(name, seed, application=application, browser=deployment.browser) for name, seed in seeds.items()]
    with deployment.serving() as process:
        for _ in range(ROUNDS):
            await asyncio.gather(*(one.check() for one in people))
            await until_it_is_full(people, process)
            make_room(process)
        await asyncio.gather(*(one.check() for one in people))
        await until_it_is_full(people, process)
        process.kill()
    with deployment.serving():
        await asyncio.gather(*(one.check() for one in people))


async def until_it_is_full(people: Sequence[Customer], process: Process) -> None:
    """Let everybody live until they are sent away; then nobody can log in."""
    async with asyncio.TaskGroup() as group:
        for one in people:
            group.create_task(one.live())
        await asyncio.sleep(secrets.SystemRandom().uniform(0.05, 1.0))
        limit(process, largest_file=secrets.randbelow(100_000))
    await asyncio.gather(*(one.is_kept_out() for one in people))


def limit(process: Process, *, largest_file: int) -> None:
    """Let no file of a process grow past so many bytes, by the system's own limit: what a full disk is to the store."""
    _, most = resource.prlimit(process.number, resource.RLIMIT_FSIZE)
    resource.prlimit(process.number, resource.RLIMIT_FSIZE, (largest_file, most))


def make_room(process: Process) -> None:
    _, most = resource.prlimit(process.number, resource.RLIMIT_FSIZE)
    resource.prlimit(process.number, resource.RLIMIT_FSIZE, (most, most))
