"""Several processes want the same thing at the same moment: one of them gets it, however often that is tried."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import pytest

from idp.ports import RealmStores
from idp.settings.tables import Store
from idp.stores.opening import open_store
from tests.fakes import FakeClock
from tests.stores.mongodb import dropped, fresh_url
from tests.stores.processes import running
from tests.stores.racing_process import BRIEF, DURABLE, PREPARED, REALM, VERBS
from tests.stores.redis_server import settled_place, shared_redis

pytestmark = pytest.mark.anyio

PROCESSES = 4


@contextmanager
def racers(settings: Store) -> Iterator[Sequence[subprocess.Popen[str]]]:
    told = msgspec.json.encode(settings).decode()
    with ExitStack() as ends:
        yield [ends.enter_context(running("racing_process", told)) for _ in range(PROCESSES)]


def asked(processes: Sequence[subprocess.Popen[str]], line: str) -> int:
    """Let all of them ask at the same moment; return how many were let through."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(f"{line}\n")
    for process in processes:
        assert process.stdin is not None
        process.stdin.flush()
    return sum(_answered(process) for process in processes)


def _answered(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    answer = process.stdout.readline()
    if not answer:
        assert process.stderr is not None
        raise AssertionError(process.stderr.read())
    return int(answer)


async def winners(
    processes: Sequence[subprocess.Popen[str]], stores: RealmStores, verb: str, *, rounds: int
) -> Mapping[str, int]:
    """Race for each of many keys; return the ones that not exactly one asker got."""
    won = {}
    for number in range(rounds):
        key = f"{verb.replace(' ', '-')}-{number}"
        if verb in PREPARED:
            await PREPARED[verb](stores, key)
        won[key] = await asyncio.to_thread(asked, processes, f"{verb}|{key}")
    return {key: count for key, count in won.items() if count != 1}


@asynccontextmanager
async def clustered(clock: FakeClock) -> AsyncIterator[Store]:
    redis = shared_redis()
    redis.empty()
    await (await settled_place(redis.url, clock)).close()
    async with dropped(fresh_url()) as mongodb:
        yield Store(mongodb_url=mongodb, redis_url=redis.url)


@pytest.mark.parametrize("verbs", [BRIEF, DURABLE], ids=["redis", "mongodb"])
async def test_one_of_several_nodes_gets_it(clock: FakeClock, verbs: Mapping[str, object]) -> None:
    rounds = 25 if verbs is BRIEF else 3  # the stand-in is slow
    async with clustered(clock) as settings:
        await _one_wins(settings, clock, verbs, rounds=rounds)


async def test_one_of_several_processes_beside_a_server_gets_it(tmp_path: Path, clock: FakeClock) -> None:
    await _one_wins(Store(path=str(tmp_path / "idp.db")), clock, VERBS, rounds=5)


async def _one_wins(settings: Store, clock: FakeClock, verbs: Mapping[str, object], *, rounds: int) -> None:
    server = await open_store(settings, clock=clock, use="serve")
    with racers(settings) as processes:
        for verb in verbs:
            assert await winners(processes, server.realm(REALM), verb, rounds=rounds) == {}, verb
    await server.close()
