"""What the operating system says of processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.accounting import (
    NotMeasurableError,
    cpu_by_thread,
    family,
    machine,
    must_be_measurable,
    of_session,
)

CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
WORKS = "sum(range(3_000_000)); print(1, flush=True); input()"


def test_a_supervisor_comes_with_all_that_it_has_started() -> None:
    command = [sys.executable, "-c", CHILD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 - ourselves
        assert process.stdout is not None
        process.stdout.readline()
        first, *others = family(process.pid)
        process.communicate(b"\n")
    assert first == process.pid
    assert len(others) == 1


def test_what_a_process_has_left_behind_is_known_by_its_session() -> None:
    command = [sys.executable, "-c", CHILD]
    with subprocess.Popen(  # noqa: S603 - ourselves
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        _, child = family(process.pid)
        process.kill()
        process.wait()
        assert of_session(process.pid) == (child,)
        os.kill(child, signal.SIGKILL)


def test_the_time_of_several_processes_is_counted_thread_by_thread() -> None:
    command = [sys.executable, "-c", WORKS]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as one,  # noqa: S603 - ourselves
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other,  # noqa: S603 - ourselves
    ):
        for process in (one, other):
            assert process.stdout is not None
            process.stdout.readline()
        used = cpu_by_thread(one.pid, other.pid)
        one.communicate(b"\n")
        other.communicate(b"\n")
    assert {one.pid, other.pid} <= set(used)
    assert all(used[process.pid] > 0 for process in (one, other))
    with pytest.raises(NotMeasurableError, match="has ended"):
        cpu_by_thread(one.pid)


def test_a_system_that_keeps_no_account_is_told_so(tmp_path: Path) -> None:
    must_be_measurable()
    with pytest.raises(NotMeasurableError, match="on Linux only"):
        must_be_measurable(tmp_path)


def test_the_machine_is_described() -> None:
    assert machine().cores >= 1
    assert machine().python in str(machine())
