"""How load is put on a server, and what a latency is."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from benchmarks.driving import Paced, drive, pace
from benchmarks.measuring import Latency, latency, percentile
from benchmarks.scenarios import DISCOVERY
from benchmarks.wire import Journey, expect, get

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nab\r\n\r\n3;x=y\r\ncde\r\n0\r\n\r\n"


@contextmanager
def server(answer: bytes, *, pieces: int = 1) -> Iterator[int]:
    """Answers every request on every connection with the same bytes, in so many pieces."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threads: list[threading.Thread] = []

        def serve(connection: socket.socket) -> None:
            with connection:
                while connection.recv(65536):
                    size = -(-len(answer) // pieces)
                    for start in range(0, len(answer), size):
                        connection.sendall(answer[start : start + size])

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                thread = threading.Thread(target=serve, args=(connection,))
                thread.start()
                threads.append(thread)

        accepting = threading.Thread(target=accept)
        accepting.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join()
        for thread in threads:
            thread.join()


def journeys(count: int, bodies: list[bytes], *, requests: int = 1) -> Sequence[Journey]:
    def journey() -> Journey:
        for _ in range(requests):
            answer = yield get("localhost", "/")
            bodies.append(expect(answer, 200).body)

    return [journey() for _ in range(count)]


@pytest.mark.parametrize("width", [1, 3, 20])
def test_a_closed_loop_takes_every_journey_to_its_end(width: int) -> None:
    bodies: list[bytes] = []
    with server(ANSWER) as port:
        drive(journeys(10, bodies, requests=2), port, width=width)
    assert bodies == [b"ok"] * 20


@pytest.mark.parametrize("pieces", [1, 2, 7, 60])
@pytest.mark.parametrize(("answer", "body"), [(ANSWER, b"ok"), (CHUNKED, b"ab\r\ncde")])
def test_an_answer_is_whole_however_it_arrives(answer: bytes, body: bytes, pieces: int) -> None:
    bodies: list[bytes] = []
    with server(answer, pieces=pieces) as port:
        drive(journeys(3, bodies), port, width=1)
    assert bodies == [body] * 3


def test_an_open_loop_takes_every_journey_to_its_end_and_knows_what_each_waited() -> None:
    bodies: list[bytes] = []
    with server(ANSWER) as port:
        found = pace(journeys(20, bodies, requests=2), port, rate=2000)
    assert len(bodies) == 40
    assert len(found.latencies) == 20
    assert all(0 < waited <= found.lasted for waited in found.latencies)
    assert found.lasted >= 19 / 2000


def test_a_server_that_stands_still_is_charged_for_every_journey_that_was_due_meanwhile() -> None:
    """Coordinated omission: whoever asks only after each answer sees one slow request instead of ten."""
    gate = threading.Event()

    def held() -> Journey:
        gate.set()
        yield get("localhost", "/")

    started = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connections = [listening.accept()[0] for _ in range(10)]  # nobody is answered before all have asked
            started.set()
            for connection in connections:
                connection.recv(65536)
                connection.sendall(ANSWER)
            for connection in connections:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        found = pace([held() for _ in range(10)], listening.getsockname()[1], rate=200)
        thread.join()
    assert started.is_set()
    # The first was due 45 ms before the last one asked, the second 40 ms, and so on: they waited for it.
    assert max(found.latencies) >= 9 / 200
    assert sum(waited >= 4 / 200 for waited in found.latencies) >= 6


@pytest.mark.parametrize(
    ("count", "share", "rank"), [(100, 0.5, 50), (100, 0.99, 99), (100, 1.0, 100), (10, 0.99, 10), (1, 0.5, 1)]
)
def test_a_percentile_is_the_value_that_the_share_does_not_exceed(count: int, share: float, rank: int) -> None:
    assert percentile([float(number) for number in range(1, count + 1)], share) == rank


def together(*found: Paced) -> Latency:
    return latency(found, contestant="SQLite", scenario=DISCOVERY)


def test_rounds_are_put_together_and_sorted() -> None:
    whole = together(Paced(latencies=(0.3, 0.1), lasted=0.004), Paced(latencies=(0.2,), lasted=0.002))
    assert whole.waited == (0.1, 0.2, 0.3)
    assert whole.kept_up


def test_a_server_that_does_not_keep_up_in_one_round_did_not_keep_up() -> None:
    good = Paced(latencies=(0.001,) * 500, lasted=1.0)
    late = Paced(latencies=(0.001,) * 500, lasted=2.0)
    assert together(good).kept_up
    assert not together(good, late).kept_up
