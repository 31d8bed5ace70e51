"""`python -m benchmarks`: what each request costs, how many a second there are, and how long they take."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import comparison, page, plot
from benchmarks.accounting import NotMeasurableError, cpu_by_thread, machine, memory, must_be_measurable
from benchmarks.bank import KNOWN
from benchmarks.burst import Burst, burst
from benchmarks.contestants import ENTRIES, JUDGED, Entry, entered, floor_of, hashed, ours
from benchmarks.deployment import REALM, customers, deploy, inhabited
from benchmarks.measuring import Contestant, Found, Plan, measured
from benchmarks.measuring import Progress as Told
from benchmarks.quiet import Patience
from benchmarks.report import AtRest, Report, as_json
from benchmarks.server import StartFailedError, provider
from benchmarks.sessions import Growth, growth
from benchmarks.tables import show
from benchmarks.wire import UnexpectedAnswerError

_EXPECTED = (
    NotMeasurableError,
    StartFailedError,
    UnexpectedAnswerError,
    comparison.NotComparableError,
    page.NoPlaceError,
)
THOROUGH = Plan(
    rounds=5,
    journeys=120,
    logins=16,
    warm_up=8,
    peer_warm_up=1500,
    starts=3,
    rest=2.0,
    patience=60.0,
    paced_rounds=2,
    paced=2.0,
    burst=200,
    sessions=100_000,
    settling=150,
)
QUICK = Plan(
    rounds=1,
    journeys=16,
    logins=4,
    warm_up=4,
    peer_warm_up=400,
    starts=1,
    rest=0.5,
    patience=1.0,
    paced_rounds=1,
    paced=0.3,
    burst=20,
    sessions=2000,
    settling=50,
    widths=(1, 4),
)


def main(arguments: Sequence[str]) -> int:
    """Run; return 1 if nothing could be measured, or if something got slower than it may."""
    chosen = options(arguments)
    console = Console(highlight=False)
    before = None
    try:
        must_be_measurable()
        if chosen.compare is not None:  # a file that cannot be read is known now, not in ten minutes
            before = comparison.read(chosen.compare)
        if chosen.write is not None:
            page.placed(chosen.write.read_text(encoding="utf-8"), "")
        with _bar(console) as told, tempfile.TemporaryDirectory(prefix="hyrja-bench-") as folder:
            report = run(QUICK if chosen.quick else THOROUGH, Path(folder), wanted=chosen.only, progress=told)
    except _EXPECTED as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return conclude(report, chosen, console, before=before)


def conclude(report: Report, chosen: argparse.Namespace, console: Console, *, before: comparison.Summary | None) -> int:
    """Show a run and put it where it was asked for; return 1 if something got slower than it may."""
    show(report, console)
    if chosen.json is not None:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_bytes(as_json(report))
    if chosen.write is not None:
        page.write(chosen.write, report, now=time.time())  # noqa: TID251 - the page says on which day it was measured
        picture = chosen.write.parent / page.PICTURE
        picture.parent.mkdir(exist_ok=True)
        picture.write_text(plot.drawn(report), encoding="utf-8")
    if before is None:
        return 0
    changes = comparison.changes(before, comparison.summary(report))
    console.print(comparison.table(changes, threshold=chosen.threshold))
    return 1 if comparison.slower(changes, threshold=chosen.threshold) else 0


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round: does it run, and roughly how fast")
    names = [entry.name for entry in ENTRIES]
    parser.add_argument("--only", action="append", choices=names, default=[], help="measure this; may be given again")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round to FILE too")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the results into this page, with a picture")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="compare with the JSON of an earlier run")
    parser.add_argument(
        "--threshold",
        type=float,
        default=comparison.THRESHOLD,
        metavar="RATIO",
        help="what a row of --compare may cost, compared with before (default: %(default)s)",
    )
    return parser.parse_args(arguments)


@contextlib.contextmanager
def _bar(console: Console) -> Iterator[Told]:
    """Show on the terminal what is being done."""
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda doing, share: bar.update(task, description=doing, completed=share)


def run(plan: Plan, folder: Path, *, progress: Told, wanted: Sequence[str] = ()) -> Report:
    """Measure a node at rest, in a burst and with its sessions, then every scenario of everybody who is wanted."""
    patience = Patience(plan.patience)
    rest, grown, met = None, None, None
    if not wanted or JUDGED in wanted:
        progress("a node at rest", 0.0)
        rest = _at_rest(plan, folder / "rest", patience)
        progress(f"{plan.sessions:,} live sessions", 0.0)
        grown = _growth(plan, folder / "sessions")
        progress(f"{plan.burst} logins at once", 0.0)
        met = _burst(plan, folder / "burst", patience)
    heats, absent = entered(wanted)
    if not heats:
        raise NotMeasurableError("\n".join(f"{name} cannot be measured: {why}." for name, why in absent.items()))
    found = [
        _heat(plan, folder, heat, patience=patience, progress=_part_of(progress, place, len(heats)))
        for place, heat in enumerate(heats)
    ]
    return Report(
        machine=machine(),
        reference=found[0].reference,
        signatures=found[0].signatures,
        rows=tuple(row for one in found for row in one.rows),
        latencies=tuple(latency for one in found for latency in one.latencies),
        disturbed=patience.disturbed / patience.asked,
        judged=JUDGED,
        at_rest=rest,
        burst=met,
        growth=grown,
        untimed=tuple(name for one in found for name in one.untimed),
        absent=absent,
    )


def _heat(plan: Plan, folder: Path, entries: Sequence[Entry], *, patience: Patience, progress: Told) -> Found:
    """Measure those who take turns with each other; nobody else is running meanwhile."""
    people = customers(plan.customers)
    with contextlib.ExitStack() as stack:
        contestants: list[Contestant] = []
        for entry in entries:
            progress(f"{entry.name}: letting {len(people):,} customers in", 0.0)
            place = folder / entry.name.replace(" ", "-").lower()
            place.mkdir(parents=True)
            contestants.append(stack.enter_context(entry.open(plan, place, people)))
        judged = next((one for one in contestants if one.name == JUDGED), None)
        if judged is not None:
            contestants.append(floor_of(stack, plan, folder, judged))
        return measured(plan, contestants, patience=patience, progress=progress)


def _part_of(progress: Told, place: int, parts: int) -> Told:
    return lambda doing, share: progress(doing, (place + share) / parts)


def _burst(plan: Plan, folder: Path, patience: Patience) -> Burst:
    people = customers(KNOWN + plan.burst)
    # They all come from one address, which may fill half of the queue: so everybody has a place in it twice.
    deployment = deploy(folder, realms=(REALM,), edit=inhabited(people, hashed=hashed()), queue=2 * len(people))
    with ours(plan, deployment, people, name=JUDGED) as contestant:
        patience.wait()
        return burst(contestant.bench, logins=plan.burst)


def _growth(plan: Plan, folder: Path) -> Growth:
    people = customers(KNOWN)
    deployment = deploy(folder, realms=(REALM,), edit=inhabited(people, hashed=hashed()))
    with provider(deployment) as server:
        return growth(plan, server, deployment, people)


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
        [process] = node.processes
        before = sum(cpu_by_thread(process).values())
        time.sleep(plan.rest)
        idle = (sum(cpu_by_thread(process).values()) - before) / plan.rest
        held = memory(process)
    return AtRest(first_start=first.started_in, starts=(*starts, node.started_in), memory=held, cpu=idle)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
