"""Our provider on stores of its own: what must be there, and that all workers are waited for and counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import cluster
from benchmarks.accounting import family
from benchmarks.contestants import ENTRIES
from benchmarks.deployment import customers
from benchmarks.scenarios import SCENARIOS
from tests.benchmarks.short import SHORT


def test_without_redis_or_any_mongodb_it_does_not_take_part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "redis-server is not installed" in str(cluster.missing())


def test_the_two_workers_of_a_clustered_store_are_measured_apart_from_their_stores(tmp_path: Path) -> None:
    [entry] = [entry for entry in ENTRIES if entry.name == "MongoDB + Redis, 2 workers"]
    reason = entry.missing()
    if reason is not None:
        pytest.skip(reason)
    people = customers(SHORT.customers)
    with entry.open(SHORT, tmp_path, people) as contestant:
        server = contestant.bench.server
        supervisor, *workers = server.processes
        assert len(workers) >= 2
        assert set(workers) < set(family(supervisor))
        assert server.stores
        assert not set(server.stores) & set(server.processes)
        [exchange] = [scenario for scenario in SCENARIOS if scenario.name == "code exchange"]
        window = contestant.bench.window(exchange, journeys=3, width=1)
    assert window.cpu > 0
    assert window.stores > 0
