"""`kill -9` of the whole node, at any moment of logins, exchanges and refreshes: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import os
import secrets
from pathlib import Path

import pyotp
import pytest

from tests.cli.deployment import Deployment
from tests.faults.customer import Application, Customer, Newcomer, phone_of, settled

pytestmark = pytest.mark.anyio

ROUNDS = int(os.environ.get("HYRJA_FAULT_ROUNDS", "3"))
CUSTOMERS = 8
LONGEST_LIFE = 1.5  # seconds between the first request and the kill


async def test_a_node_killed_again_and_again_keeps_its_word(tmp_path: Path) -> None:
    seeds = {f"customer{number}": pyotp.random_base32() for number in range(CUSTOMERS)}
    newcomers = {f"newcomer{number}": "" for number in range(ROUNDS)}
    deployment = Deployment(tmp_path, edit=settled({**seeds, **newcomers}))
    application = Application(deployment.origin, deployment.secret)
    people = [Customer(name, seed, application=application, browser=deployment.browser) for name, seed in seeds.items()]
    waiting = [
        Newcomer(name, phone_of(CUSTOMERS + number), application=application, deployment=deployment)
        for number, name in enumerate(newcomers)
    ]
    for newcomer in waiting:
        with deployment.serving() as process:
            await asyncio.gather(*(one.check() for one in people))
            people.append(newcomer)
            living = [asyncio.ensure_future(one.live()) for one in people]
            await asyncio.sleep(secrets.SystemRandom().uniform(0.05, LONGEST_LIFE))
            process.kill()
            await asyncio.gather(*living)
    with deployment.serving():
        await asyncio.gather(*(one.check() for one in people))
    assert sum(one.logins for one in people) >= CUSTOMERS * ROUNDS
    assert sum(one.doubts for one in people) > 0, "no kill has hit anything"
