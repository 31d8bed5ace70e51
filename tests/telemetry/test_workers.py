"""Several processes count as one: real processes, a real folder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.telemetry import families
from idp.telemetry.metrics import Metrics
from idp.telemetry.workers import SILENT_LOOKS, Workers

ROOT = Path(__file__).parents[2]
COUNTING = """
import sys
from pathlib import Path
from idp.telemetry import families
from idp.telemetry.metrics import Metrics
from idp.telemetry.workers import Workers

metrics = Metrics()
metrics.of(families.WORKERS).set((), 1.0)
workers = Workers(metrics.tallies, folder=Path(sys.argv[1]))
for line in sys.stdin:
    metrics.of(families.SESSIONS).add(("bank",), float(line))
    workers.share()
    print("shared", flush=True)
"""


class Process:
    """A serving process, as far as it counts."""

    def __init__(self, folder: Path) -> None:
        self.popen = subprocess.Popen(  # noqa: S603 - this Python
            [sys.executable, "-c", COUNTING, str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def count(self, number: int) -> None:
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self.popen.stdin.write(f"{number}\n")
        self.popen.stdin.flush()
        assert self.popen.stdout.readline() == "shared\n"

    def kill(self) -> None:
        self.popen.kill()
        self.popen.communicate()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[list[Process]]:
    with contextlib.ExitStack() as undo:
        started = [Process(tmp_path), Process(tmp_path)]
        for process in started:
            undo.callback(process.kill)
        yield started


def sessions(workers: Workers) -> float:
    return workers.total()[families.SESSIONS.name][("bank",)][0]


def present(workers: Workers) -> float:
    return workers.total()[families.WORKERS.name].get((), [0.0])[0]


def test_whoever_is_asked_answers_for_all(tmp_path: Path, processes: list[Process]) -> None:
    processes[0].count(3)
    processes[1].count(4)
    processes[1].count(5)
    workers = Workers(Metrics().tallies, folder=tmp_path)
    assert sessions(workers) == 12
    assert present(workers) == 2


def test_the_counts_of_a_killed_process_stay_and_what_it_showed_goes(tmp_path: Path, processes: list[Process]) -> None:
    processes[0].count(3)
    processes[1].count(4)
    workers = Workers(Metrics().tallies, folder=tmp_path)
    processes[0].kill()
    assert sessions(workers) == 7
    assert present(workers) == 1


def test_a_new_process_takes_over_the_counts_of_one_that_is_gone_and_leaves_no_file_of_it(
    tmp_path: Path, processes: list[Process]
) -> None:
    processes[0].count(3)
    processes[1].count(4)
    processes[0].kill()
    gone = tmp_path / f"{processes[0].popen.pid}.json"
    assert gone.exists()
    workers = Workers(Metrics().tallies, folder=tmp_path)
    assert not gone.exists()
    assert sessions(workers) == 7
    processes[1].kill()
    assert sessions(workers) == 7
    assert sessions(Workers(Metrics().tallies, folder=tmp_path)) == 7


def looked(workers: Workers, processes: list[Process], *, times: int) -> None:
    """Look as often as that; each time those that can have shared something new before."""
    for _ in range(times):
        for process in processes:
            process.count(0)
        workers.look()


def test_a_process_that_shares_nothing_any_more_hangs_and_what_it_showed_goes(
    tmp_path: Path, processes: list[Process]
) -> None:
    workers = Workers(Metrics().tallies, folder=tmp_path)
    looked(workers, processes, times=1)
    frozen, well = processes
    frozen.count(3)
    looked(workers, [well], times=SILENT_LOOKS)
    assert workers.silent == frozenset()
    looked(workers, [well], times=1)
    assert workers.silent == {frozen.popen.pid}
    assert present(workers) == 1
    assert sessions(workers) == 3
    looked(workers, processes, times=1)
    assert workers.silent == frozenset(), "it was only slow"
    assert present(workers) == 2


def test_a_process_that_was_stopped_with_all_others_accuses_nobody(tmp_path: Path, processes: list[Process]) -> None:
    workers = Workers(Metrics().tallies, folder=tmp_path)
    looked(workers, processes, times=3)
    for process in processes:  # an hour passed
        os.utime(tmp_path / f"{process.popen.pid}.json", (1, 1))
    workers.look()
    assert workers.silent == frozenset()


def test_a_process_that_is_gone_does_not_hang(tmp_path: Path, processes: list[Process]) -> None:
    workers = Workers(Metrics().tallies, folder=tmp_path)
    gone, well = processes
    looked(workers, processes, times=1)
    gone.kill()
    looked(workers, [well], times=SILENT_LOOKS + 1)
    assert workers.silent == frozenset()


def test_a_process_that_was_frozen_with_the_lock_freezes_nobody(tmp_path: Path, processes: list[Process]) -> None:
    processes[0].count(3)
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert sessions(Workers(Metrics().tallies, folder=tmp_path)) == 3


def test_half_a_file_is_nobodys_numbers(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text('{"process": 1, "fam')
    metrics = Metrics()
    workers = Workers(metrics.tallies, folder=tmp_path)
    metrics.of(families.SESSIONS).add(("bank",))
    assert sessions(workers) == 1


def test_a_single_process_writes_nothing(tmp_path: Path) -> None:
    metrics = Metrics()
    workers = Workers(metrics.tallies)
    metrics.of(families.SESSIONS).add(("bank",))
    workers.share()
    assert sessions(workers) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_is_shared_are_names_of_ours_and_numbers(tmp_path: Path) -> None:
    metrics = Metrics()
    workers = Workers(metrics.tallies, folder=tmp_path)
    metrics.request("bank", "token", 200, 0.002)
    workers.share()
    (file,) = tmp_path.glob("*.json")
    assert json.loads(file.read_text())["families"] == {
        "hyrja_request_seconds": [[["bank", "token", "2xx"], [0, 0, 1, *[0] * 11, 0.002]]]
    }


def test_a_folder_that_is_gone_leaves_a_process_with_its_own_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    metrics = Metrics()
    workers = Workers(metrics.tallies, folder=folder)
    metrics.of(families.SESSIONS).add(("bank",))
    shutil.rmtree(folder)
    assert sessions(workers) == 1
