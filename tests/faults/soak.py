"""A cluster, the customers who live on it, and the faults that they live through."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pyotp

from tests.cli.cluster import Cluster, Node, Stores, cluster
from tests.faults.customer import Application, Customer, settled
from tests.patience import PATIENCE

ROUNDS = int(os.environ.get("HYRJA_FAULT_ROUNDS", "1"))
"""How often every fault is met."""
CUSTOMERS = 4
LONGEST_LIFE = 1.5
"""Seconds between the first request and the fault."""


class Soak:
    """Two nodes, one of two processes, one of a single one, and who lives on them."""

    def __init__(self, nodes: Sequence[Node], customers: Sequence[Customer]) -> None:
        self.nodes = nodes
        self.customers = customers

    @asynccontextmanager
    async def living(self, *accepting: type[Exception], unharmed: bool = False) -> AsyncIterator[asyncio.Event]:
        """Let everybody live, from some moment before the block until the event that the block is given.

        A fault may end the life of whoever it meets, and so may what is `accepting`; `unharmed`: nothing may.
        """
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for one in self.customers:
                group.create_task(one.live_unharmed(over) if unharmed else one.live(over, *accepting))
            await asyncio.sleep(secrets.SystemRandom().uniform(0.05, LONGEST_LIFE))
            yield over

    async def settle(self) -> None:
        """Wait until both nodes are ready, then hold the provider to everything that it has said."""
        async with asyncio.timeout(PATIENCE * 2):
            for node in self.nodes:
                while not await asyncio.to_thread(node.ready):  # noqa: ASYNC110 - it is in another process
                    await asyncio.sleep(0.05)
        await asyncio.gather(*(one.check() for one in self.customers))

    def logins(self) -> int:
        return sum(one.logins for one in self.customers)

    def doubts(self) -> int:
        return sum(one.doubts for one in self.customers)

    async def more_logins(self) -> None:
        """Wait until some have logged in from now on."""
        enough = self.logins() + len(self.customers)
        async with asyncio.timeout(PATIENCE * 2):
            while self.logins() < enough:  # noqa: ASYNC110 - whoever logs in counts
                await asyncio.sleep(0.05)


@asynccontextmanager
async def soak(folder: Path, *, stores: Stores | None = None) -> AsyncIterator[tuple[Soak, Cluster]]:
    """Open the cluster, with everybody logged in once. `stores`: those that the test will break."""
    seeds = {f"customer{number}": pyotp.random_base32() for number in range(CUSTOMERS)}
    single = {"HYRJA_SERVER__WORKERS": "1"}
    async with cluster(folder, edit=settled(seeds), stores=stores, variables=single) as (deployment, nodes):
        application = Application(deployment.origin, deployment.secret, remembered=stores is None)
        people = [
            Customer(name, seed, application=application, browser=deployment.browser) for name, seed in seeds.items()
        ]
        made = Soak(nodes, people)
        await made.settle()
        yield made, deployment
