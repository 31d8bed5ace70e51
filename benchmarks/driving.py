"""Two ways to put load on a server: as fast as it answers (closed loop), or at a rate of our own (open loop).

In a closed loop a server that stops for a second is asked less in that second, and its latency looks better than any
customer's: *coordinated omission*. In the open loop every journey has a time at which it is due, whatever became of the
others, and its latency counts from then.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import NamedTuple, Self

from benchmarks.wire import Connection, Journey, UnexpectedAnswerError
from idp.model.struct import Frozen

_STALE = 2.0  # seconds without a request, after which a connection is not used again: servers drop them at five
_MOST_CONNECTIONS = 512
_STANDSTILL = 30.0  # seconds


class Paced(Frozen, frozen=True, kw_only=True):
    """What an open loop found."""

    latencies: tuple[float, ...]
    """Seconds from the moment each journey was due to its last answer, in the order of their ends."""
    lasted: float
    """Seconds from the first due moment to the last answer."""


def drive(journeys: Sequence[Journey], port: int, *, width: int) -> None:
    """Take every journey to its end, `width` of them under way at once: whoever ends makes room for the next."""
    waiting = iter(journeys)
    under_way: dict[Connection, Journey] = {}
    with ExitStack() as stack:
        for journey in islice(waiting, width):
            place = stack.enter_context(Connection(port))
            place.send(next(journey))
            under_way[place] = journey
        while under_way:
            for place in _readable(under_way, _STANDSTILL):
                if not _ends(under_way[place], place):
                    continue
                following = next(waiting, None)
                if following is None:
                    del under_way[place]
                else:
                    place.send(next(following))
                    under_way[place] = following


def pace(journeys: Sequence[Journey], port: int, *, rate: float) -> Paced:
    """Begin `rate` journeys a second, however many are still under way; return when the last has ended."""
    started = time.perf_counter()
    latencies: list[float] = []
    attend((Due(journey, started + number / rate, latencies) for number, journey in enumerate(journeys)), port)
    return Paced(latencies=tuple(latencies), lasted=time.perf_counter() - started)


class Due(NamedTuple):
    """A journey with its place in the timetable."""

    journey: Journey
    at: float
    """By `time.perf_counter`."""
    latencies: list[float]
    """Where its latency goes when it has ended, counted from the time at which it was due."""


def attend(timetable: Iterator[Due], port: int) -> None:
    """Begin every journey when it is due, in the order of the timetable; return when the last has ended.

    The timetable is looked at one journey ahead, so it can end when something has happened.
    """
    coming = next(timetable, None)
    under_way: dict[Connection, Due] = {}
    with _Connections(port) as connections:
        while coming is not None or under_way:
            while coming is not None and coming.at <= time.perf_counter() and len(under_way) < _MOST_CONNECTIONS:
                place = connections.take()
                place.send(next(coming.journey))
                under_way[place] = coming
                coming = next(timetable, None)
            for place in _readable(under_way, _until(coming, busy=len(under_way) == _MOST_CONNECTIONS)):
                if _ends(under_way[place].journey, place):
                    ended = under_way.pop(place)
                    ended.latencies.append(time.perf_counter() - ended.at)
                    connections.put(place)


def _until(coming: Due | None, *, busy: bool) -> float:
    """Return the seconds for which nothing is to be begun."""
    return _STANDSTILL if coming is None or busy else max(0.0, coming.at - time.perf_counter())


class _Connections:
    """Connections that are opened when all others are in use, and used again while they are fresh."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[Connection, float]] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def take(self) -> Connection:
        if self._free and time.perf_counter() - self._free[-1][1] < _STALE:
            return self._free.pop()[0]
        for stale, _ in self._free:  # the freshest of them is stale
            stale.close()
        self._free.clear()
        return self._stack.enter_context(Connection(self._port))

    def put(self, connection: Connection) -> None:
        self._free.append((connection, time.perf_counter()))


def _readable(under_way: Mapping[Connection, object], wait: float) -> list[Connection]:
    """Return the connections on which something arrived in that time."""
    if not under_way:
        time.sleep(wait)
        return []
    # `select` counts in microseconds; `poll` and `epoll` would begin journeys up to a millisecond late.
    found = select.select(list(under_way), (), (), wait)[0]
    if not found and wait >= _STANDSTILL:
        raise UnexpectedAnswerError(f"No answer within {wait:.0f} seconds.")
    return found


def _ends(journey: Journey, place: Connection) -> bool:
    """Go on with a journey as far as has arrived; tell whether it is at its end."""
    answer = place.received()
    if answer is None:
        return False
    try:
        place.send(journey.send(answer))
    except StopIteration:
        return True
    return False
