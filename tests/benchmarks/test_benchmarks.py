"""One short round, to see that the benchmarks run. No number is judged: machines differ, and this one may be busy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import StringIO

import msgspec
import pytest
from rich.console import Console

from benchmarks.accounting import NOMINAL_REFERENCE
from benchmarks.deployment import free_port
from benchmarks.measuring import Row, Window
from benchmarks.peer import PEER_SCENARIOS, PREFIX
from benchmarks.report import FLOOR, Report, as_json, ratios, show
from benchmarks.scenarios import SCENARIOS
from benchmarks.wire import Answer, Connection, UnexpectedAnswerError, expect


def shown(report: Report) -> str:
    written = StringIO()
    show(report, Console(width=80, file=written))
    return written.getvalue()


def with_costs(report: Report, name: str, cpu: float) -> Report:
    """The same run, but one scenario cost that much."""

    def replaced(row: Row) -> Row:
        windows: Sequence[Window] = [msgspec.structs.replace(window, cpu=cpu) for window in row.windows]
        return msgspec.structs.replace(row, windows=tuple(windows)) if row.name == name else row

    return msgspec.structs.replace(report, rows=tuple(replaced(row) for row in report.rows))


def test_every_scenario_is_answered_as_it_must_be_and_costs_something(report: Report) -> None:
    found = {(row.name, row.width) for row in report.rows}
    names = [*(scenario.name for scenario in SCENARIOS), FLOOR]
    if report.no_peer is None:
        names += [scenario.name for scenario in PEER_SCENARIOS]
    assert found == {(name, width) for name in names for width in (1, 2)}
    assert all(row.cpu > 0 and row.rate > 0 for row in report.rows)


def test_password_hashing_is_told_apart_wherever_a_password_is_given_and_nowhere_else(report: Report) -> None:
    hashing = {row.name for row in report.rows if row.hashing > 0.001}
    assert hashing == {"password and next page, 2 requests", "whole login, 5 requests"}


def test_a_node_at_rest_is_started_and_weighed(report: Report) -> None:
    assert report.at_rest.first_start > 0
    assert len(report.at_rest.starts) == 1
    assert report.at_rest.memory.resident > (report.at_rest.memory.unique or 0) > 0


def test_the_table_has_a_line_for_each_scenario_and_fits_a_terminal(report: Report) -> None:
    text = shown(report)
    assert all(scenario.name in text for scenario in SCENARIOS)
    assert "machine factor" in text
    assert "…" not in text


@pytest.mark.parametrize(
    ("cpu", "factor", "verdict"), [(0.0009, 2.0, "ok"), (0.0011, 1.0, "over"), (0.0011, 2.0, "slow")]
)
def test_a_cost_is_judged_by_its_budget_and_a_slow_machine_is_told_apart(
    report: Report, cpu: float, factor: float, verdict: str
) -> None:
    judged = msgspec.structs.replace(with_costs(report, "login page", cpu), reference=factor * NOMINAL_REFERENCE)
    line = next(line for line in shown(judged).splitlines() if line.startswith("login page"))
    assert line.split()[-2:] == ["1", verdict]


def test_the_json_holds_every_round(report: Report) -> None:
    content = json.loads(as_json(report))
    assert len(content["rows"]) == len(report.rows)
    assert all(len(row["windows"]) == 1 for row in content["rows"])


def test_an_answer_that_is_not_the_scenarios_own_stops_the_run() -> None:
    with pytest.raises(UnexpectedAnswerError, match="503 instead of 200"):
        expect(Answer(status=503, head=b"HTTP/1.1 503", body=b"busy"), 200)


def test_a_server_that_is_not_there_is_an_error_and_no_number() -> None:
    with pytest.raises(ConnectionRefusedError):
        Connection(free_port())


def test_a_peer_is_compared_round_by_round_and_its_absence_is_said(report: Report) -> None:
    ours = next(row for row in report.rows if row.name == "discovery")
    theirs = msgspec.structs.replace(
        ours,
        name=PREFIX + "discovery",
        windows=tuple(msgspec.structs.replace(window, cpu=window.cpu * 4) for window in ours.windows),
    )
    rows = tuple(row for row in report.rows if not row.name.startswith(PREFIX))
    compared = msgspec.structs.replace(report, rows=(*rows, theirs), no_peer=None)
    assert ratios(compared) == {"discovery": pytest.approx(0.25)}
    assert "0.25" in shown(compared)
    alone = msgspec.structs.replace(report, rows=rows, no_peer="Node.js is not installed")
    assert ratios(alone) == {}
    assert "Node.js is not installed" in " ".join(shown(alone).split())
