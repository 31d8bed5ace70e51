"""How costs are held against the budgets, a peer and an earlier run."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from benchmarks.__main__ import conclude, options
from benchmarks.accounting import NOMINAL_REFERENCE
from benchmarks.budgets import BUDGETS, RequestBudget, Verdict, judged, net
from benchmarks.comparison import NotComparableError, changes, read, slower, summary
from benchmarks.contestants import SQLITE
from benchmarks.measuring import Row
from benchmarks.page import BEGIN, END
from benchmarks.peer import NAME as PEER
from benchmarks.primitives import Signatures
from benchmarks.report import Report, as_json
from benchmarks.scenarios import SCENARIOS


def costing(report: Report, scenario: str, factor: float) -> Report:
    """The same run, but one scenario cost so much more."""

    def changed(row: Row) -> Row:
        if row.scenario != scenario:
            return row
        windows = tuple(msgspec.structs.replace(one, cpu=one.cpu * factor) for one in row.windows)
        return msgspec.structs.replace(row, windows=windows)

    return msgspec.structs.replace(report, rows=tuple(changed(row) for row in report.rows))


def test_every_budget_is_about_something_that_is_measured_and_excludes_what_is_timed() -> None:
    looked = Signatures()
    looked.look()
    kinds = looked.costs()
    assert all(cost > 0 for cost in kinds.values())
    assert set(BUDGETS.requests) <= {scenario.name for scenario in SCENARIOS}
    assert all(set(budget.excluded) <= set(kinds) for budget in BUDGETS.requests.values())


def test_signatures_are_taken_off_before_a_cost_is_judged() -> None:
    budget = RequestBudget(microseconds=100, excluded={"ES256 signature": 2})
    assert net(0.00015, budget, {"ES256 signature": 0.00003}) == pytest.approx(0.00009)


@pytest.mark.parametrize(
    ("found", "factor", "verdict"),
    [(1.0, 1.0, Verdict.OK), (1.1, 1.0, Verdict.OVER), (1.1, 2.0, Verdict.SLOW), (2.1, 2.0, Verdict.OVER)],
)
def test_a_cost_that_only_a_slow_machine_takes_over_its_budget_is_told_apart(
    found: float, factor: float, verdict: Verdict
) -> None:
    assert judged(found, 1.0, factor=factor) is verdict


def test_a_report_judges_alone_and_in_company_after_its_own_signatures(made_up: Report) -> None:
    exchange = next(one for one in made_up.judgements() if one.scenario == "code exchange")
    assert exchange.alone == 0.0006
    assert exchange.company == 0.0003
    assert exchange.signatures == pytest.approx(0.00006)
    assert exchange.verdicts == (Verdict.OK, Verdict.OK)  # 540 of 550 µs
    [dearer] = [one for one in costing(made_up, "code exchange", 1.1).judgements() if one.scenario == "code exchange"]
    assert dearer.verdicts == (Verdict.OVER, Verdict.OK)  # 600 and 270 of 550 µs


def test_a_peer_is_compared_round_by_round(made_up: Report) -> None:
    assert made_up.ratios(PEER) == {"discovery": pytest.approx(0.25)}
    assert made_up.ratios(SQLITE) == {}


def test_an_earlier_run_is_compared_row_by_row(made_up: Report, tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    path.write_bytes(as_json(made_up))
    now = costing(made_up, "code exchange", 1.5)
    found = changes(read(path), summary(now))
    assert [change.ratio for change in found if change.now.scenario == "code exchange"] == [pytest.approx(1.5)] * 2
    assert {change.now.scenario for change in slower(found, threshold=1.3)} == {"code exchange"}
    assert slower(found, threshold=1.6) == []


def test_a_slower_machine_makes_nothing_slower(made_up: Report) -> None:
    slow = msgspec.structs.replace(made_up, reference=2 * NOMINAL_REFERENCE)
    for scenario in slow.scenarios:
        slow = costing(slow, scenario, 2.0)
    assert slower(changes(summary(made_up), summary(slow)), threshold=1.01) == []


def test_a_row_that_only_one_run_has_is_not_compared(made_up: Report) -> None:
    fewer = msgspec.structs.replace(
        made_up, rows=tuple(row for row in made_up.rows if row.contestant == SQLITE), latencies=()
    )
    found = changes(summary(made_up), summary(fewer))
    assert {change.now.contestant for change in found} == {SQLITE}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_text("[]"), "is no run of the benchmarks"),
        (lambda path: path.write_text('{"format": 1, "machine_factor": 1.0, "rows": []}'), "is of format 1"),
        (lambda path: path.unlink(), "cannot be read"),
    ],
)
def test_what_is_no_earlier_run_is_refused(
    made_up: Report, tmp_path: Path, spoil: Callable[[Path], object], words: str
) -> None:
    path = tmp_path / "before.json"
    path.write_bytes(as_json(made_up))
    spoil(path)
    with pytest.raises(NotComparableError, match=words):
        read(path)


def concluded(report: Report, *arguments: str, before: Report | None = None) -> tuple[int, str]:
    said = StringIO()
    then = None if before is None else summary(before)
    return conclude(report, options(arguments), Console(file=said, width=100), before=then), said.getvalue()


def test_a_run_that_got_slower_ends_with_an_error_that_names_what_did(made_up: Report) -> None:
    slow = costing(made_up, "code exchange", 1.5)
    status, said = concluded(slow, before=made_up)
    assert status == 1
    [line, *_] = [line for line in said.splitlines() if line.endswith("slower")]
    assert line.split() == ["SQLite:", "code", "exchange,", "1", "at", "a", "time", "1.50", "slower"]
    assert "Slower by more than 30%: 2 rows." in said


def test_a_run_within_the_threshold_ends_well(made_up: Report) -> None:
    slow = costing(made_up, "code exchange", 1.5)
    status, said = concluded(slow, "--threshold", "1.6", before=made_up)
    assert status == 0
    assert "Nothing is slower by more than 60%." in said
    assert concluded(slow)[0] == 0, "nothing to compare with"


def test_a_run_is_written_where_it_was_asked_for(made_up: Report, tmp_path: Path) -> None:
    page = tmp_path / "docs" / "performance.md"
    page.parent.mkdir()
    page.write_text(f"{BEGIN}\n{END}\n")
    kept = tmp_path / "var" / "run.json"
    assert concluded(made_up, "--write", str(page), "--json", str(kept))[0] == 0
    assert (page.parent / "images" / "performance.svg").read_text().startswith("<svg")
    assert "images/performance.svg" in page.read_text()
    assert read(kept) == summary(made_up)
