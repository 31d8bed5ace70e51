"""Rounds: every scenario in turn, again and again, so that a slow moment of the machine falls on all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median

from benchmarks.accounting import cpu_by_thread, reference_loop
from benchmarks.bank import KNOWN, Bank
from benchmarks.driving import Paced, drive, pace
from benchmarks.primitives import Signatures
from benchmarks.quiet import Patience
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.server import Running
from benchmarks.wire import Journey, UnexpectedAnswerError
from idp.model.struct import Frozen

_LAST_WORK = 0.02  # seconds, in which the server finishes what it does after its last answer
_BESIDE = 4  # journeys under way at once where nothing is measured
_HASHES_LAST_LONGER = 3  # so often the time of other paced windows: their rates are low
_KEPT_UP = 0.9  # of the rate

Progress = Callable[[str, float], None]
"""Told what is done next, and the share of the run that is behind it."""


class Plan(Frozen, frozen=True, kw_only=True):
    """How much is measured."""

    rounds: int
    journeys: int
    logins: int
    """Journeys of a scenario that hashes passwords."""
    warm_up: int
    """Journeys before each window that count for nothing."""
    peer_warm_up: int
    """Requests of each kind that a peer is asked before anything is measured, for its compiler to come to its best."""
    starts: int
    """Starts of a node with the store that its first start left."""
    rest: float
    """Seconds for which a node is watched while it does nothing."""
    patience: float
    """Seconds that the run may wait for a quiet machine, in all."""
    paced_rounds: int
    """Rounds in which latencies are measured too."""
    paced: float
    """Seconds of a window at a fixed rate."""
    burst: int
    """Logins that wait for their hash at once."""
    sessions: int
    """Live sessions that must add nothing to a node's memory."""
    settling: int
    """Requests of each kind before memory is weighed, so that whatever fills up at first has filled up."""
    widths: tuple[int, ...] = (1, 8)
    """How many requests are under way at once."""

    def journeys_of(self, scenario: Scenario) -> int:
        """Return how many journeys a window of this scenario has."""
        return self.logins if scenario.hashes else self.journeys

    def paced_journeys_of(self, scenario: Scenario) -> int:
        """Return how many journeys a window at a fixed rate has."""
        return round(scenario.rate * self.paced * (_HASHES_LAST_LONGER if scenario.hashes else 1))

    def warming_of(self, scenario: Scenario) -> int:
        """Return how often a peer is asked this before anything is measured."""
        return self.peer_warm_up // 20 if scenario.hashes else self.peer_warm_up

    @property
    def customers(self) -> int:
        """How many customers such a run uses up at most: a soft token's code is accepted once."""
        each = [
            self.rounds * len(self.widths) * (self.journeys_of(scenario) + self.warm_up)
            + self.paced_rounds * (self.paced_journeys_of(scenario) + self.warm_up)
            + self.warming_of(scenario)
            for scenario in SCENARIOS
            if scenario.people
        ]
        return KNOWN + sum(each)


class Window(Frozen, frozen=True, kw_only=True):
    """One scenario in one round; everything for each journey, in seconds."""

    cpu: float
    """The serving processes' CPU time in all threads but those that hash passwords."""
    hashing: float
    wall: float
    stores: float = 0.0
    """CPU time of the stores' own processes."""


class Row(Frozen, frozen=True, kw_only=True):
    """A scenario's windows of all rounds, of one contestant."""

    contestant: str
    scenario: str
    width: int
    windows: tuple[Window, ...]

    @property
    def cpu(self) -> float:
        """The median CPU time of a journey, besides hashing."""
        return median(window.cpu for window in self.windows)

    @property
    def hashing(self) -> float:
        """The median CPU time that a journey hashes passwords."""
        return median(window.hashing for window in self.windows)

    @property
    def stores(self) -> float:
        """The median CPU time of the stores' own processes."""
        return median(window.stores for window in self.windows)

    @property
    def spread(self) -> float:
        """The largest distance of a round from the median, as a share of it."""
        return max(abs(window.cpu - self.cpu) for window in self.windows) / self.cpu

    @property
    def rate(self) -> float:
        """Journeys a second of wall time, the client's own work included."""
        return 1 / median(window.wall for window in self.windows)


class Latency(Frozen, frozen=True, kw_only=True):
    """What a scenario's customers waited, at a rate that does not depend on the answers."""

    contestant: str
    scenario: str
    rate: float
    waited: tuple[float, ...]
    """Seconds from the moment a journey was due to its end, of all rounds, sorted."""
    kept_up: bool
    """Whether the server answered at that rate; else what was waited depends on how long it was asked."""

    def percentile(self, share: float) -> float:
        """Return the latency within which that share of the journeys ended."""
        return percentile(self.waited, share)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest of the sorted values that at least that share of them does not exceed (nearest rank)."""
    return values[max(0, -int(-share * len(values) // 1) - 1)]


class Found(Frozen, frozen=True, kw_only=True):
    """What the rounds found."""

    rows: tuple[Row, ...]
    latencies: tuple[Latency, ...]
    reference: float
    """The median of the reference loop, in seconds."""
    signatures: Mapping[str, float]
    """CPU seconds of one of each kind."""
    untimed: tuple[str, ...]
    """Contestants whose times mean nothing."""


class Bench:
    """A running server, and who drives it.

    `hashes_apart`: its threads that are born with the first logins hash passwords and do nothing else, so that their
    time can be told from the rest. Of a server whose threads come and go as there is work, everything counts.
    """

    def __init__(self, server: Running, bank: Bank, *, warm_up: int, hashes_apart: bool = False) -> None:
        self.server = server
        self.bank = bank
        self._warm_up = warm_up
        self._hashes_apart = hashes_apart
        self._present: frozenset[int] | None = None

    def log_in(self) -> None:
        """Log the known browsers in."""
        if self._hashes_apart:
            self._present = frozenset(cpu_by_thread(*self.server.processes))
        self.settle(self.bank.first_logins())

    def settle(self, journeys: Sequence[Journey]) -> None:
        """Drive journeys that are not measured."""
        drive(journeys, self.server.port, width=_BESIDE)

    def window(self, scenario: Scenario, *, journeys: int, width: int) -> Window:
        """Measure a scenario once."""
        ready = scenario.prepare(self.bank, self.settle, journeys + self._warm_up)
        drive(ready[: self._warm_up], self.server.port, width=width)
        time.sleep(_LAST_WORK)
        before, stores = cpu_by_thread(*self.server.processes), cpu_by_thread(*self.server.stores)
        started = time.perf_counter()
        drive(ready[self._warm_up :], self.server.port, width=width)
        wall = time.perf_counter() - started
        time.sleep(_LAST_WORK)
        used = _difference(cpu_by_thread(*self.server.processes), before)
        hashing = sum(seconds for thread, seconds in used.items() if self._hashes(thread))
        kept = sum(_difference(cpu_by_thread(*self.server.stores), stores).values())
        return Window(
            cpu=(sum(used.values()) - hashing) / journeys,
            hashing=hashing / journeys,
            wall=wall / journeys,
            stores=kept / journeys,
        )

    def paced(self, scenario: Scenario, *, journeys: int) -> Paced:
        """Measure how long a scenario's customers wait at its rate."""
        ready = scenario.prepare(self.bank, self.settle, journeys + self._warm_up)
        self.settle(ready[: self._warm_up])
        return pace(ready[self._warm_up :], self.server.port, rate=scenario.rate)

    def _hashes(self, thread: int) -> bool:
        return self._present is not None and thread not in self._present


class Contestant(Frozen, frozen=True, kw_only=True):
    """A server that takes part, by the name of its column."""

    name: str
    bench: Bench
    scenarios: tuple[Scenario, ...]
    """What it is asked."""
    timed: bool = True
    """Whether times mean anything; where they do not, fewer journeys do for its CPU."""


@contextmanager
def named(contestant: str, scenario: Scenario) -> Iterator[None]:
    """Say of an answer that stops the run whose it was."""
    try:
        yield
    except UnexpectedAnswerError as error:
        raise UnexpectedAnswerError(f"{contestant}, {scenario.name}: {error}") from None


def measured(plan: Plan, contestants: Sequence[Contestant], *, patience: Patience, progress: Progress) -> Found:
    """Measure every scenario of every contestant in every round, contestants next to each other."""
    windows: dict[tuple[str, str, int], list[Window]] = {}
    paced: dict[tuple[str, str], list[Paced]] = {}
    loops, signatures = [], Signatures()
    scenarios = {scenario.name: scenario for one in contestants for scenario in one.scenarios}
    for turn in range(plan.rounds):
        patience.wait()
        loops.append(reference_loop())
        signatures.look()
        for place, scenario in enumerate(scenarios.values()):
            progress(
                f"round {turn + 1} of {plan.rounds}: {scenario.name}",
                (turn + place / len(scenarios)) / plan.rounds,
            )
            for one in (one for one in contestants if scenario in one.scenarios):
                with named(one.name, scenario):
                    for width in plan.widths:
                        patience.wait()  # before codes are made, which live for a minute
                        journeys = plan.journeys_of(scenario) if one.timed else max(2, plan.journeys_of(scenario) // 4)
                        window = one.bench.window(scenario, journeys=journeys, width=width)
                        windows.setdefault((one.name, scenario.name, width), []).append(window)
                    if scenario.rate and one.timed and turn < plan.paced_rounds:
                        found = one.bench.paced(scenario, journeys=plan.paced_journeys_of(scenario))
                        paced.setdefault((one.name, scenario.name), []).append(found)
    return Found(
        rows=tuple(
            Row(contestant=name, scenario=scenario, width=width, windows=tuple(found))
            for (name, scenario, width), found in windows.items()
        ),
        latencies=tuple(
            latency(found, contestant=name, scenario=scenarios[scenario]) for (name, scenario), found in paced.items()
        ),
        reference=median(loops),
        signatures=signatures.costs(),
        untimed=tuple(one.name for one in contestants if not one.timed),
    )


def latency(found: Sequence[Paced], *, contestant: str, scenario: Scenario) -> Latency:
    """Put the paced windows of all rounds together."""
    return Latency(
        contestant=contestant,
        scenario=scenario.name,
        rate=scenario.rate,
        waited=tuple(sorted(waited for one in found for waited in one.latencies)),
        kept_up=all(len(one.latencies) / one.lasted >= _KEPT_UP * scenario.rate for one in found),
    )


def _difference(after: Mapping[int, float], before: Mapping[int, float]) -> dict[int, float]:
    return {thread: used - before.get(thread, 0.0) for thread, used in after.items()}
