"""Rounds: every scenario in turn, again and again, so that a slow moment of the machine falls on all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Any, Generic

from benchmarks.accounting import cpu_by_thread, reference_loop
from benchmarks.quiet import Patience
from benchmarks.scenarios import Asks, Scenario
from benchmarks.server import Running
from benchmarks.wire import Connection, Journey, drive
from idp.model.struct import Frozen

_LAST_WORK = 0.02  # seconds, in which the server finishes what it does after its last answer


class Plan(Frozen, frozen=True, kw_only=True):
    """How much is measured."""

    rounds: int
    journeys: int
    logins: int
    """Journeys of a scenario that hashes passwords."""
    warm_up: int
    """Journeys before each window that count for nothing."""
    peer_warm_up: int
    """Requests of each kind that a peer is asked before anything is measured."""
    starts: int
    """Starts of a node with the store that its first start left."""
    rest: float
    """Seconds for which a node is watched while it does nothing."""
    patience: float
    """Seconds that the run may wait for a quiet machine, in all."""
    widths: tuple[int, ...] = (1, 8)
    """How many requests are under way at once."""

    def journeys_of(self, scenario: Scenario[Any]) -> int:
        """Return how many journeys a window of this scenario has."""
        return self.logins if scenario.hashes else self.journeys


class Window(Frozen, frozen=True, kw_only=True):
    """One scenario in one round; everything for each journey, in seconds."""

    cpu: float
    """The server's CPU time in all threads but those that hash passwords."""
    hashing: float
    wall: float


class Row(Frozen, frozen=True, kw_only=True):
    """A scenario's windows of all rounds."""

    name: str
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
    def spread(self) -> float:
        """The largest distance of a round from the median, as a share of it."""
        return max(abs(window.cpu - self.cpu) for window in self.windows) / self.cpu

    @property
    def rate(self) -> float:
        """Journeys a second of wall time, the client's own work included."""
        return 1 / median(window.wall for window in self.windows)


class Bench(Generic[Asks]):
    """A running server, and who drives it."""

    def __init__(self, server: Running, asks: Asks, *, warm_up: int) -> None:
        self._server = server
        self._asks = asks
        self._warm_up = warm_up
        self._hashing: frozenset[int] = frozenset()

    def log_in(self, login: Journey) -> None:
        """Log the known browser in, and find out by it which threads of the server hash passwords."""
        before = cpu_by_thread(self._server.pid)
        self.settle([login])
        self._hashing = frozenset(cpu_by_thread(self._server.pid)) - frozenset(before)

    def settle(self, journeys: Sequence[Journey]) -> None:
        """Drive journeys that are not measured."""
        self._driven(journeys, width=1)

    def window(self, scenario: Scenario[Asks], *, journeys: int, width: int, patience: Patience) -> Window:
        """Measure a scenario once."""
        patience.wait()  # before codes are made, which live for a minute, and connections, which are dropped when idle
        ready = scenario.prepare(self._asks, self.settle, journeys + self._warm_up)
        with ExitStack() as stack:
            connections = [stack.enter_context(Connection(self._server.port)) for _ in range(width)]
            drive(ready[: self._warm_up], connections)
            time.sleep(_LAST_WORK)
            before, started = cpu_by_thread(self._server.pid), time.perf_counter()
            drive(ready[self._warm_up :], connections)
            wall = time.perf_counter() - started
            time.sleep(_LAST_WORK)
            used = _difference(cpu_by_thread(self._server.pid), before)
        hashing = sum(used[thread] for thread in used.keys() & self._hashing)
        return Window(cpu=(sum(used.values()) - hashing) / journeys, hashing=hashing / journeys, wall=wall / journeys)

    def _driven(self, journeys: Sequence[Journey], *, width: int) -> None:
        with ExitStack() as stack:
            drive(journeys, [stack.enter_context(Connection(self._server.port)) for _ in range(width)])


def measured(
    plan: Plan,
    contestants: Sequence[tuple[Bench[Any], Scenario[Any]]],
    *,
    patience: Patience,
    progress: Callable[[str], None],
) -> tuple[list[Row], float]:
    """Measure every scenario in every round; return the rows and the median of the reference loop, in seconds."""
    windows: dict[tuple[str, int], list[Window]] = {}
    loops: list[float] = []
    for turn in range(plan.rounds):
        patience.wait()
        loops.append(reference_loop())
        for bench, scenario in contestants:
            for width in plan.widths:
                progress(f"round {turn + 1} of {plan.rounds}: {scenario.name}")
                window = bench.window(scenario, journeys=plan.journeys_of(scenario), width=width, patience=patience)
                windows.setdefault((scenario.name, width), []).append(window)
    rows = [Row(name=name, width=width, windows=tuple(found)) for (name, width), found in windows.items()]
    return rows, median(loops)


def _difference(after: dict[int, float], before: dict[int, float]) -> dict[int, float]:
    return {thread: used - before.get(thread, 0.0) for thread, used in after.items()}
