from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.__main__ import run
from benchmarks.accounting import Machine
from benchmarks.contestants import MEMORY, SQLITE
from benchmarks.measuring import Latency, Row, Window
from benchmarks.peer import NAME as PEER
from benchmarks.report import Report
from tests.benchmarks.short import SHORT


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """One short round of everything, made once: it starts half a dozen servers."""
    if not Path("/proc/self/task").is_dir():
        pytest.skip("CPU time by thread is measured on Linux only")
    folder = tmp_path_factory.mktemp("bench")
    return run(SHORT, folder, wanted=[MEMORY, SQLITE, PEER], progress=lambda *_: None)


def row(contestant: str, scenario: str, width: int, *cpu: float) -> Row:
    windows = tuple(Window(cpu=seconds, hashing=0.0, wall=seconds * 2) for seconds in cpu)
    return Row(contestant=contestant, scenario=scenario, width=width, windows=windows)


@pytest.fixture
def made_up() -> Report:
    """A run whose numbers are known."""
    costs = {SQLITE: {"discovery": 0.00005, "code exchange": 0.0006}, PEER: {"discovery": 0.0002}}
    rows = [
        row(name, scenario, width, seconds / width, seconds / width, 2 * seconds / width)
        for name, of_name in costs.items()
        for scenario, seconds in of_name.items()
        for width in (1, 2)
    ]
    waited = tuple(number / 1000 for number in range(1, 101))
    latencies = [
        Latency(contestant=name, scenario="discovery", rate=500, waited=waited, kept_up=name == SQLITE)
        for name in (SQLITE, PEER)
    ]
    return Report(
        machine=Machine(processor="a processor", cores=2, system="Linux 6", python="3.11", sqlite="3.40"),
        reference=0.026,
        signatures={"ES256 signature": 0.00003, "ES256 verification": 0.00008, "RS256 signature": 0.0004},
        rows=tuple(rows),
        latencies=tuple(latencies),
        disturbed=0.0,
        judged=SQLITE,
    )
