"""Who takes part in a run: our provider on each of its stores, and others beside it. Each is one entry here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import msgspec

from benchmarks import cluster, keycloak, peer
from benchmarks.bank import PASSWORD, Bank
from benchmarks.deployment import REALM, Customer, Deployment, deploy, inhabited
from benchmarks.measuring import Bench, Contestant, Plan, named
from benchmarks.scenarios import FLOOR, SCENARIOS, Scenario
from benchmarks.server import Running, floor, provider
from benchmarks.wire import Connection, expect, get
from idp.crypto.passwords import Argon2Passwords
from idp.model.struct import Frozen
from tests.ports import free_port

MEMORY = "memory"
SQLITE = "SQLite"
_CLUSTERS = {1: "MongoDB + Redis, 1 worker", 2: "MongoDB + Redis, 2 workers"}
JUDGED = SQLITE
"""The contestant that the budgets are about: the embedded store, one worker."""
COMPARED = (peer.NAME, keycloak.NAME)
"""Those that are not ours."""

_PORTION = 100

Opened = AbstractContextManager[Contestant]
Open = Callable[[Plan, Path, Sequence[Customer]], Opened]


class Entry(Frozen, frozen=True, kw_only=True):
    """One that can take part."""

    name: str
    open: Open
    missing: Callable[[], str | None]
    """Why it cannot, or None."""
    clustered: bool = False
    """Whether it has stores that are busy when nobody asks: then it is measured after the others, not between them."""


def _here() -> None:
    """Nothing is missing."""


@contextmanager
def ours(plan: Plan, deployment: Deployment, people: Sequence[Customer], *, name: str) -> Iterator[Contestant]:
    """Serve a deployment of ours and log the known browsers in."""
    with provider(deployment) as server:
        bank = Bank(deployment.host, people, deployment.client_secrets)
        yield _logged_in(plan, server, bank, name=name, scenarios=SCENARIOS, hashes_apart=True)


@contextmanager
def _memory(plan: Plan, folder: Path, people: Sequence[Customer]) -> Iterator[Contestant]:
    with ours(plan, _deployed(folder, people, store={"path": ":memory:"}), people, name=MEMORY) as contestant:
        yield contestant


@contextmanager
def _sqlite(plan: Plan, folder: Path, people: Sequence[Customer]) -> Iterator[Contestant]:
    with ours(plan, _deployed(folder, people, store=None), people, name=SQLITE) as contestant:
        yield contestant


def _clustered(workers: int) -> Open:
    """Return how ours is opened on MongoDB and Redis, with that many serving processes."""

    @contextmanager
    def opened(plan: Plan, folder: Path, people: Sequence[Customer]) -> Iterator[Contestant]:
        with cluster.cluster(folder) as stores:
            deployment = _deployed(folder, people, store=stores.settings, workers=workers)
            deployment = msgspec.structs.replace(deployment, stores=stores.processes)
            with ours(plan, deployment, people, name=_CLUSTERS[workers]) as contestant:
                scenarios = tuple(one for one in contestant.scenarios if not one.detail or one.people)
                yield msgspec.structs.replace(contestant, scenarios=scenarios, timed=not cluster.stands_in())

    return opened


@contextmanager
def _node(plan: Plan, folder: Path, people: Sequence[Customer]) -> Iterator[Contestant]:
    del people
    with peer.peer(folder) as (server, bank):
        offered = tuple(scenario for scenario in SCENARIOS if scenario.name in peer.OFFERS)
        yield _warmed(plan, _logged_in(plan, server, bank, name=peer.NAME, scenarios=offered))


@contextmanager
def _keycloak(plan: Plan, folder: Path, people: Sequence[Customer]) -> Iterator[Contestant]:
    with keycloak.keycloak(folder, people, hashed=_keycloaks_hash()) as (server, bank):
        offered = tuple(scenario for scenario in SCENARIOS if not scenario.detail)
        yield _warmed(plan, _logged_in(plan, server, bank, name=keycloak.NAME, scenarios=offered))


ENTRIES: tuple[Entry, ...] = (
    Entry(name=MEMORY, open=_memory, missing=_here),
    Entry(name=SQLITE, open=_sqlite, missing=_here),
    *(
        Entry(name=name, open=_clustered(workers), missing=cluster.missing, clustered=True)
        for workers, name in _CLUSTERS.items()
    ),
    Entry(name=peer.NAME, open=_node, missing=peer.missing),
    Entry(name=keycloak.NAME, open=_keycloak, missing=keycloak.missing),
)


def entered(wanted: Sequence[str]) -> tuple[list[list[Entry]], dict[str, str]]:
    """Return those who are wanted (nobody named: all) and can take part, by heat; and why the others do not."""
    chosen = [entry for entry in ENTRIES if not wanted or entry.name in wanted]
    absent = {entry.name: reason for entry in chosen if (reason := entry.missing()) is not None}
    present = [entry for entry in chosen if entry.name not in absent]
    heats = [[entry for entry in present if entry.clustered is clustered] for clustered in (False, True)]
    return [heat for heat in heats if heat], absent


def floor_of(stack: ExitStack, plan: Plan, folder: Path, judged: Contestant) -> Contestant:
    """Start the floor of a contestant: its discovery's bytes, sent by an application that does nothing else."""
    bank = judged.bench.bank
    with Connection(judged.bench.server.port) as connection:
        connection.send(get(bank.host, bank.place.discovery))
        reply = folder / "discovery.json"
        reply.write_bytes(expect(connection.receive(), 200).body)
    server = stack.enter_context(floor(free_port(), reply))
    return Contestant(name=judged.name, bench=Bench(server, bank, warm_up=plan.warm_up), scenarios=(FLOOR,))


def _deployed(
    folder: Path,
    people: Sequence[Customer],
    *,
    store: Mapping[str, str] | None,
    workers: int = 1,
) -> Deployment:
    edit = inhabited(people, hashed=hashed())
    return deploy(folder / "deployment", realms=(REALM,), edit=edit, store=store, workers=workers)


def _logged_in(
    plan: Plan, server: Running, bank: Bank, *, name: str, scenarios: tuple[Scenario, ...], hashes_apart: bool = False
) -> Contestant:
    bench = Bench(server, bank, warm_up=plan.warm_up, hashes_apart=hashes_apart)
    bench.log_in()
    return Contestant(name=name, bench=bench, scenarios=scenarios)


def _warmed(plan: Plan, contestant: Contestant) -> Contestant:
    """Let a compiler that works while it runs come to its best."""
    bench = contestant.bench
    for scenario in contestant.scenarios:
        left = plan.warming_of(scenario)
        while left > 0:  # a portion at a time: a store in memory may remember only the last thousand codes
            with named(contestant.name, scenario):
                bench.settle(scenario.prepare(bench.bank, bench.settle, min(left, _PORTION)))
            left -= _PORTION
    return contestant


def hashed() -> bytes:
    """Return the stored hash of every customer's password."""
    return asyncio.run(_hash(Argon2Passwords(workers=1, queue=1)))


def _keycloaks_hash() -> bytes:
    memory, iterations = keycloak.HASH_MEMORY_KIB, keycloak.HASH_ITERATIONS
    return asyncio.run(_hash(Argon2Passwords(workers=1, queue=1, memory_kib=memory, iterations=iterations)))


async def _hash(passwords: Argon2Passwords) -> bytes:
    made = await passwords.hash(PASSWORD)
    passwords.close()
    return made
