"""`python -m benchmarks [--quick] [--json FILE]`: CPU per request of the hot paths, beside their budgets."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from benchmarks.accounting import NotMeasurableError, cpu_by_thread, memory
from benchmarks.bank import PASSWORD, Bank
from benchmarks.deployment import REALM, Deployment, customers, deploy, free_port, inhabited
from benchmarks.measuring import Bench, Plan, measured
from benchmarks.peer import PEER_SCENARIOS, missing, peer
from benchmarks.quiet import Patience
from benchmarks.report import FLOOR, AtRest, Report, as_json, show
from benchmarks.scenarios import DISCOVERY, DISCOVERY_PATH, SCENARIOS, Scenario, customers_needed
from benchmarks.server import StartFailedError, floor, provider
from benchmarks.wire import Connection, UnexpectedAnswerError, expect, get
from idp.crypto.passwords import Argon2Passwords

THOROUGH = Plan(rounds=7, journeys=120, logins=20, warm_up=8, peer_warm_up=1500, starts=3, rest=2.0, patience=60.0)
QUICK = Plan(
    rounds=1, journeys=16, logins=4, warm_up=4, peer_warm_up=400, starts=1, rest=0.5, patience=1.0, widths=(1, 4)
)


def main(arguments: Sequence[str]) -> int:
    """Run; return 1 if nothing could be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round: does it run, and roughly how fast")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round to FILE too")
    chosen = parser.parse_args(arguments)
    console = Console(highlight=False)
    try:
        with console.status("starting") as status, tempfile.TemporaryDirectory(prefix="hyrja-bench-") as folder:
            report = run(QUICK if chosen.quick else THOROUGH, Path(folder), progress=status.update)
    except (NotMeasurableError, StartFailedError, UnexpectedAnswerError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    show(report, console)
    if chosen.json is not None:
        chosen.json.write_bytes(as_json(report))
    return 0


def run(plan: Plan, folder: Path, *, progress: Callable[[str], None]) -> Report:
    """Measure a node at rest, then every scenario."""
    patience = Patience(plan.patience)
    progress("a node at rest")
    rest = _at_rest(plan, folder / "rest", patience)
    people = customers(customers_needed(plan.rounds, journeys=plan.logins + plan.warm_up, widths=len(plan.widths)))
    deployment = deploy(folder / "load", realms=(REALM,), edit=inhabited(people, hashed=asyncio.run(_hashed())))
    bank = Bank(deployment, people)
    progress(f"letting {len(people)} customers in")
    absent = missing()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(provider(deployment))
        least = stack.enter_context(floor(free_port(), _discovery(folder, deployment)))
        bench = Bench(server, bank, warm_up=plan.warm_up)
        bench.log_in(bank.first_login())
        lowest = (Bench(least, bank, warm_up=plan.warm_up), msgspec.structs.replace(DISCOVERY, name=FLOOR))
        contestants: list[tuple[Bench[Any], Scenario[Any]]] = [*((bench, scenario) for scenario in SCENARIOS), lowest]
        if absent is None:
            other, asks = stack.enter_context(peer())
            compared = Bench(other, asks, warm_up=plan.warm_up)
            for scenario in PEER_SCENARIOS:  # its just-in-time compiler needs many requests before it is at its best
                compared.settle(scenario.prepare(asks, compared.settle, plan.peer_warm_up))
            contestants += ((compared, scenario) for scenario in PEER_SCENARIOS)
        rows, reference = measured(plan, contestants, patience=patience, progress=progress)
    return Report(
        reference=reference,
        at_rest=rest,
        rows=tuple(rows),
        disturbed=patience.disturbed / patience.asked,
        no_peer=absent,
    )


def _at_rest(plan: Plan, folder: Path, patience: Patience) -> AtRest:
    """Start a node with the demo's realms, again and again, and look at the last one while nobody asks it anything."""
    deployment = deploy(folder)
    patience.wait()
    with provider(deployment) as first:
        pass
    starts = []
    for _ in range(plan.starts - 1):
        patience.wait()
        with provider(deployment) as again:
            starts.append(again.started_in)
    patience.wait()
    with provider(deployment) as node:
        before = sum(cpu_by_thread(node.pid).values())
        time.sleep(plan.rest)
        idle = (sum(cpu_by_thread(node.pid).values()) - before) / plan.rest
        held = memory(node.pid)
    return AtRest(first_start=first.started_in, starts=(*starts, node.started_in), memory=held, cpu=idle)


def _discovery(folder: Path, deployment: Deployment) -> Path:
    """Keep what discovery answers, for the floor to answer the same."""
    with Connection(deployment.port) as connection:
        connection.send(get(deployment.host, DISCOVERY_PATH))
        path = folder / "discovery.json"
        path.write_bytes(expect(connection.receive(), 200).body)
        return path


async def _hashed() -> bytes:
    passwords = Argon2Passwords(workers=1, queue=1)
    hashed = await passwords.hash(PASSWORD)
    passwords.close()
    return hashed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
