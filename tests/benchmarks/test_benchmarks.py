"""One short round, to see that the benchmarks run. No number is judged: machines differ, and this one may be busy."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console

from benchmarks.__main__ import main
from benchmarks.contestants import MEMORY, SQLITE
from benchmarks.keycloak import VARIABLE
from benchmarks.peer import NAME as PEER
from benchmarks.peer import OFFERS
from benchmarks.report import Report, as_json
from benchmarks.scenarios import FLOOR, SCENARIOS
from benchmarks.tables import show
from benchmarks.wire import Answer, Connection, UnexpectedAnswerError, expect
from tests.ports import free_port


def shown(report: Report, *, width: int = 80) -> str:
    written = StringIO()
    show(report, Console(width=width, file=written))
    return written.getvalue()


def test_every_scenario_of_everybody_is_answered_as_it_must_be_and_costs_something(report: Report) -> None:
    found = {(row.contestant, row.scenario, row.width) for row in report.rows}
    asked = [(name, scenario.name) for name in (MEMORY, SQLITE) for scenario in SCENARIOS]
    asked.append((SQLITE, FLOOR.name))
    if PEER not in report.absent:
        asked += [(PEER, scenario.name) for scenario in SCENARIOS if scenario.name in OFFERS]
    assert found == {(name, scenario, width) for name, scenario in asked for width in (1, 2)}
    assert all(row.cpu > 0 and row.rate > 0 for row in report.rows)


def test_latencies_are_those_of_every_scenario_that_has_a_rate(report: Report) -> None:
    found = {one.scenario: len(one.waited) for one in report.latencies if one.contestant == SQLITE}
    assert set(found) == {scenario.name for scenario in SCENARIOS if scenario.rate}
    assert found["discovery"] == 50


def test_password_hashing_is_told_apart_wherever_a_password_is_given_and_nowhere_else(report: Report) -> None:
    hashing = {row.scenario for row in report.rows if row.hashing > 0.001}
    assert hashing == {"password step", "whole login and code exchange"}


def test_a_node_at_rest_is_started_and_weighed(report: Report) -> None:
    rest = report.at_rest
    assert rest is not None
    assert rest.first_start > 0
    assert len(rest.starts) == 1
    assert rest.memory.resident > (rest.memory.unique or 0) > 0


def test_what_live_sessions_add_is_weighed_in_a_server_that_has_them(report: Report) -> None:
    assert report.growth is not None
    assert report.growth.sessions == 50
    assert report.growth.before > 10**7
    assert report.growth.used > 0


def test_discovery_is_asked_while_a_burst_of_logins_waits(report: Report) -> None:
    assert report.burst is not None
    assert report.burst.logins == 3
    assert report.burst.refused == 0
    assert 0 < report.burst.p99 <= max(report.burst.waited)


def test_the_tables_have_a_line_for_each_scenario_and_fit_a_terminal(report: Report) -> None:
    text = shown(report)
    assert all(scenario.name in text for scenario in SCENARIOS)
    assert "machine factor" in text
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_the_json_holds_every_round_and_the_budgets(report: Report) -> None:
    content = json.loads(as_json(report))
    assert len(content["rows"]) == len(report.rows)
    assert all(len(row["windows"]) == 1 for row in content["rows"])
    assert content["budgets"]["requests"]["discovery"] == {"microseconds": 60.0, "excluded": {}}


def test_an_answer_that_is_not_the_scenarios_own_stops_the_run() -> None:
    with pytest.raises(UnexpectedAnswerError, match="503 instead of 200"):
        expect(Answer(status=503, head=b"HTTP/1.1 503", body=b"busy"), 200)


def test_a_server_that_is_not_there_is_an_error_and_no_number() -> None:
    with pytest.raises(ConnectionRefusedError):
        Connection(free_port())


def test_who_cannot_take_part_is_named_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert main(["--quick", "--only", "Keycloak"]) == 1
    assert f"Keycloak cannot be measured: {VARIABLE} names no unpacked distribution." in capsys.readouterr().err
