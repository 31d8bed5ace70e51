"""A directory of a million users in one SQLite file: what costs more with them than without, and what does not.

    python -m benchmarks.directory --users 1000000 --folder DIR

`make bench` does not run it: filling takes minutes, and a few gigabytes of disk. The folder is kept: a directory that
is filled already is only measured. Everything is written by the store's own verbs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

from benchmarks.accounting import memory
from benchmarks.bank import KNOWN, Bank
from benchmarks.contestants import hashed
from benchmarks.deployment import REALM, ROOT, Customer, Deployment, customers, deploy, inhabited
from benchmarks.measuring import Bench
from benchmarks.scenarios import SCENARIOS
from benchmarks.server import provider
from idp.model.struct import Frozen
from idp.model.user import User
from idp.model.user_search import UserField, UserSearch
from idp.opening.beside import store_beside
from idp.ports import RealmStores
from idp.settings.loading import load

_TOGETHER = 500
_ROUNDS = 7
_LOGINS = 12
_WHOLE_LOGIN = "whole login and code exchange"
_FIRST = (
    "Arta",
    "Agim",
    "Besa",
    "Dritan",
    "Elira",
    "Fatos",
    "Gent",
    "Ilir",
    "Jona",
    "Kreshnik",
    "Lule",
    "Mira",
    "Zana",
)
_LAST = ("Hoxha", "Shehu", "Leka", "Dema", "Prifti", "Gjoka", "Kola", "Marku", "Rama", "Topi", "Basha")


class Cost(Frozen, frozen=True, kw_only=True):
    """What one thing took: CPU of whoever did it, and what passed on the clock. Seconds."""

    cpu: float
    wall: float


def main() -> int:
    """Measure, fill, measure again; print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.directory", description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--folder", type=Path, required=True, metavar="DIR")
    asked = parser.parse_args()
    found = asked.folder / "few.json"
    if found.exists():
        deployment = msgspec.json.decode((asked.folder / "deployment.json").read_bytes(), type=_Kept).deployment()
        people = msgspec.json.decode((asked.folder / "people.json").read_bytes(), type=list[Customer])
    else:
        people = customers(4 * (KNOWN + 2 * _LOGINS))
        deployment = deploy(asked.folder, realms=(REALM,), edit=inhabited(people, hashed=hashed()))
        (asked.folder / "people.json").write_bytes(msgspec.json.encode(people))
        (asked.folder / "deployment.json").write_bytes(msgspec.json.encode(_Kept.of(deployment)))
        few = _measured(deployment, people[: len(people) // 4])
        found.write_bytes(msgspec.json.encode(few))
    asyncio.run(_filled(deployment, people[0].username, asked.users))
    quarter = len(people) // 4
    turn = int((asked.folder / "turn").read_text()) if (asked.folder / "turn").exists() else 1
    (asked.folder / "turn").write_text(str(turn % 3 + 1))
    many = _measured(deployment, people[turn * quarter : (turn + 1) * quarter])
    _print(msgspec.json.decode(found.read_bytes(), type=dict[str, Cost]), many, deployment)
    return 0


class _Kept(Frozen, frozen=True, kw_only=True):
    """A deployment as it is written down."""

    folder: str
    port: int

    @classmethod
    def of(cls, deployment: Deployment) -> _Kept:
        return cls(folder=str(deployment.folder.resolve()), port=deployment.port)

    def deployment(self) -> Deployment:
        return Deployment(folder=Path(self.folder), port=self.port, realms=(REALM,))


async def _filled(deployment: Deployment, pattern: str, count: int) -> None:
    """Copy a customer until there are so many: what is sealed is as long as it would be, and opens to nothing."""
    clock = time.time  # noqa: TID251 - a store of a real server
    began = time.perf_counter()
    async with store_beside(load(deployment.config, environment={}), clock=clock) as store:
        stores = store.realm(REALM)
        model = await stores.users.by_username(pattern)
        assert model is not None
        for start in range(await _first_missing(stores, count), count, _TOGETHER):
            async with stores.together():
                for number in range(start, min(start + _TOGETHER, count)):
                    await stores.users.create(_somebody(model, number))
            if start % (20 * _TOGETHER) == 0:
                passed = time.perf_counter() - began
                print(f"\r{start:>10,} users, {_size(deployment) / 1e6:,.0f} MB, {passed:,.0f} s", end="", flush=True)
    print()


async def _first_missing(stores: RealmStores, count: int) -> int:
    """Return the first number that is not there; they were written in their order."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        there = await stores.users.by_username(_name(middle)) is not None
        low, high = (middle + 1, high) if there else (low, middle)
    return low // _TOGETHER * _TOGETHER


def _name(number: int) -> str:
    """Spread neighbours over the whole order, as real names are: 7,368,787 has no factor with a power of ten."""
    return f"{number * 7_368_787 % 100_000_000:08}.k"


def _somebody(model: User, number: int) -> User:
    name = _name(number)
    return msgspec.structs.replace(
        model,
        id=f"{number * 2_654_435_761 % 2**32:08x}-0000-4000-8000-{number:012x}",
        username=name,
        email=f"{name}@bank.example",
        first_name=_FIRST[number % len(_FIRST)],
        last_name=f"{_LAST[number % len(_LAST)]}{number % 9_973}",
        attributes={**model.attributes, "phoneNumber": (f"+3556{number * 7_368_787 % 100_000_000:08}",)},
        revision=0,
    )


def _measured(deployment: Deployment, people: Sequence[Customer]) -> dict[str, Cost]:
    costs = {}
    with provider(deployment) as server:
        costs["start to first answer"] = Cost(cpu=_cpu_of(server.processes[0]), wall=server.started_in)
        bench = Bench(server, Bank(deployment.host, people, deployment.client_secrets), warm_up=2)
        bench.log_in()
        login = next(one for one in SCENARIOS if one.name == _WHOLE_LOGIN)
        window = bench.window(login, journeys=_LOGINS, width=1)
        costs[f"{_WHOLE_LOGIN}, without the hash"] = Cost(cpu=window.cpu, wall=window.wall)
        costs["memory of the server, MB"] = Cost(cpu=memory(server.processes[0]).resident / 1e6, wall=0)
        costs |= asyncio.run(_searched(deployment, people[0].username))
        commands = {
            "idp user find": ("user", "find", REALM, "Arta H"),
            "idp user disable": ("user", "disable", REALM, people[-1].username, "--reason", "measured"),
            "idp user end-sessions": ("user", "end-sessions", REALM, people[-1].username, "--reason", "measured"),
            "idp store backup": ("store", "backup", str(_backup(deployment))),
            "idp store check": ("store", "check"),
        }
        _backup(deployment).unlink(missing_ok=True)
        for name, cost in costs.items():
            print(f"{name:46} {_told(cost)}", flush=True)
        for name, words in commands.items():
            costs[name] = _command(deployment, *words)
            print(f"{name:46} {_told(costs[name])}", flush=True)
    costs["idp store restore"] = _command(deployment, "store", "restore", str(_backup(deployment)))
    for former in _backup(deployment).parent.glob("*.before-*"):
        former.unlink()
    return costs


async def _searched(deployment: Deployment, username: str) -> dict[str, Cost]:
    clock = time.time  # noqa: TID251 - as above
    async with store_beside(load(deployment.config, environment={}), clock=clock) as store:
        users = store.realm(REALM).users
        by_name = UserSearch(text="z", fields=(UserField.NAME,))
        asked: dict[str, Callable[[], Awaitable[object]]] = {
            "found by user name": lambda: users.by_username(username),
            "found by e-mail address": lambda: users.by_email(f"{username}@bank.example"),
            "search in every field, 50 users": lambda: users.search(UserSearch(text="a"), limit=50),
            "search by phone, 50 users": lambda: users.search(
                UserSearch(text="+3556", fields=(UserField.PHONE,)), limit=50
            ),
            "search by last of the names, 50 users": lambda: users.search(by_name, limit=50),
            "first page of 50": lambda: users.page(limit=50),
            "last page of 50": lambda: users.page(after="9", limit=50),
        }
        return {name: await _least(ask) for name, ask in asked.items()}


async def _least(ask: Callable[[], Awaitable[object]]) -> Cost:
    costs = []
    for _ in range(_ROUNDS):
        wall, cpu = time.perf_counter(), time.thread_time()
        await ask()
        costs.append(Cost(cpu=time.thread_time() - cpu, wall=time.perf_counter() - wall))
    return Cost(cpu=min(cost.cpu for cost in costs), wall=min(cost.wall for cost in costs))


def _command(deployment: Deployment, *words: str) -> Cost:
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "idp", *words, "--config", str(deployment.config)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu=cpu, wall=time.perf_counter() - wall)


def _cpu_of(process: int) -> float:
    """Return the CPU seconds that a process has used (proc(5): fields 14 and 15 of `stat`, in ticks of 10 ms)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _backup(deployment: Deployment) -> Path:
    return deployment.folder / "backup.sqlite"


def _size(deployment: Deployment) -> int:
    return sum(file.stat().st_size for file in (deployment.folder / "store").iterdir())


def _print(few: dict[str, Cost], many: dict[str, Cost], deployment: Deployment) -> None:
    print(f"{'CPU (wall), seconds':46} {'few':>20} {'many':>20}")
    for name, cost in many.items():
        print(f"{name:46} {_told(few[name]):>20} {_told(cost):>20}")
    print(json.dumps({"bytes": _size(deployment)}))


def _told(cost: Cost) -> str:
    return f"{cost.cpu:.5f} ({cost.wall:.3f})"


if __name__ == "__main__":
    sys.exit(main())
