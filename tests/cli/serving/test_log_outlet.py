"""The log's lines on ways that are full, slow, torn or gone: nobody waits for them, and what is lost is told."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from idp.cli.serving.log import open_log
from idp.cli.serving.log_outlet import MOST_WAITING, Outlet, way_out
from idp.settings.tables import Log
from tests.cli.deployment import ROOT, environment
from tests.logs import log_put_back
from tests.patience import PATIENCE

LINE = "x" * 999


class Disk:
    """A way onto a disk that has room for so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.written = b""

    def send(self, part: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = part[: self.room]
        self.room -= len(taken)
        self.written += taken
        return len(taken)

    def wait(self, seconds: float) -> bool:
        raise AssertionError(seconds)  # a disk that is full is not waited for

    def close(self) -> None:
        """Nothing to close."""


class Interrupted(Disk):
    """A way in the middle of which something else has a line to write, in the same thread."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(room=10_000)
        self.lines = lines
        self.outlet = Outlet(self)

    def send(self, part: bytes) -> int:
        if self.lines:
            self.outlet.msg(self.lines.pop())
        return super().send(part)


class Pipe:
    """A real one; whoever reads it does so when a test says so."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.outlet = Outlet(way_out(self.writing))

    def read(self, *, lines: int) -> list[str]:
        with os.fdopen(os.dup(self.reading), encoding="utf-8") as reader:
            return [reader.readline().rstrip("\n") for _ in range(lines)]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    opened = Pipe()
    yield opened
    os.close(opened.reading)
    opened.outlet.close()
    os.close(opened.writing)


def test_garbage_that_logs_while_a_line_is_written_neither_waits_for_it_nor_tears_it() -> None:
    way = Interrupted(["a task failed and nobody asked", "another one"])
    writing = threading.Thread(target=way.outlet.msg, args=("a login",), daemon=True)
    writing.start()
    writing.join(PATIENCE)
    assert not writing.is_alive(), "it waits for itself"
    assert way.written.splitlines() == [b"a login", b"another one", b"a task failed and nobody asked"]
    assert way.outlet.lost == 0


def test_a_full_disk_is_nobodys_error_and_told_once_with_what_was_lost_when_there_is_room_again() -> None:
    disk, told = Disk(room=10), list[str]()
    outlet = Outlet(disk, tell=told.append)
    with log_put_back():
        structlog.configure(
            logger_factory=lambda *_: outlet,
            processors=[structlog.processors.JSONRenderer()],
            cache_logger_on_first_use=False,
        )
        log = structlog.get_logger()
        for _ in range(3):
            log.info("a line that does not fit")
        assert outlet.lost == 3
        assert told == ["No space left on device"]
        disk.room = 1_000_000
        log.info("fits")
        log.info("fits too")
        torn, *lines = disk.written.decode().splitlines()
        assert torn == '{"event": '
        assert [json.loads(line) for line in lines] == [
            {"event": "fits"},
            {"event": "log lines lost", "count": 3},
            {"event": "fits too"},
        ]
        disk.room = 0
        log.info("again")
        assert (outlet.lost, len(told)) == (4, 2)


def test_a_pipe_that_nobody_reads_is_not_waited_for_and_its_reader_finds_every_line_in_order(pipe: Pipe) -> None:
    lines = [f"{number:05} {LINE}" for number in range(500)]  # half a megabyte; a pipe holds 64 KiB
    for line in lines:
        pipe.outlet.msg(line)
    assert pipe.read(lines=len(lines)) == lines
    assert pipe.outlet.lost == 0


def test_what_waits_for_a_reader_is_bounded(pipe: Pipe) -> None:
    for _ in range(2 * MOST_WAITING // len(LINE)):
        pipe.outlet.msg(LINE)
    assert 0 < pipe.outlet.lost < 2 * MOST_WAITING // len(LINE)


def test_a_pipe_stays_as_whoever_shares_it_wants_it(pipe: Pipe) -> None:
    pipe.outlet.msg(LINE)
    assert os.get_blocking(pipe.writing)
    assert not fcntl.fcntl(pipe.writing, fcntl.F_GETFL) & os.O_NONBLOCK


def test_a_reader_that_is_gone_costs_lines_and_nothing_else() -> None:
    reading, writing = os.pipe()
    told = list[str]()
    outlet = Outlet(way_out(writing), tell=told.append)
    os.close(reading)
    outlet.msg(LINE)
    outlet.msg(LINE)
    assert (outlet.lost, told) == (2, ["Broken pipe"])
    outlet.close()
    os.close(writing)


def test_a_socket_that_nobody_reads_is_not_waited_for() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        outlet = Outlet(way_out(ours.fileno()), tell=lambda _: None)
        for _ in range(2 * MOST_WAITING // len(LINE)):
            outlet.msg(LINE)
        assert outlet.lost
        assert theirs.recv(1000) == LINE.encode() + b"\n"
        theirs.close()
        outlet.close()


def test_lines_of_several_threads_are_whole(pipe: Pipe) -> None:
    def write(name: str) -> None:
        for _ in range(200):
            pipe.outlet.msg(name * 999)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    lines = pipe.read(lines=800)
    for thread in threads:
        thread.join()
    assert {line: lines.count(line) for line in lines} == {name * 999: 200 for name in "abcd"}


def test_what_waits_when_a_process_ends_is_given_a_chance() -> None:
    program = (
        "from idp.cli.serving.log import open_log, open_outlet\nfrom idp.settings.tables import Log\n"
        "outlet = open_outlet(Log())\nlog = open_log(Log(), outlet=outlet)\n"
        "for _ in range(500): log.info('x' * 500)\noutlet.settle()\n"
    )
    done = subprocess.run(  # noqa: S603 - this Python, and lines of ours
        [sys.executable, "-c", program], cwd=ROOT, env=environment(), capture_output=True, timeout=PATIENCE, check=True
    )
    assert len(done.stdout.splitlines()) == 500
    assert done.stderr == b""


def test_warnings_of_libraries_go_the_same_way(tmp_path: Path) -> None:
    with log_put_back():
        open_log(Log(file=str(tmp_path / "log")))
        logging.getLogger("somebody").warning("said")
        assert (tmp_path / "log").read_text(encoding="utf-8") == "somebody: said\n"
