from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.__main__ import run
from benchmarks.measuring import Plan
from benchmarks.report import Report

SHORT = Plan(
    rounds=1,
    journeys=3,
    logins=2,
    warm_up=2,
    peer_warm_up=2,
    starts=1,
    rest=0.1,
    patience=0.0,
    widths=(1, 2),
)


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """One short round of everything, made once: it starts four servers."""
    if not Path("/proc/self/task").is_dir():
        pytest.skip("CPU time by thread is measured on Linux only")
    return run(SHORT, tmp_path_factory.mktemp("bench"), progress=lambda _: None)
