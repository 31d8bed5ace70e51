"""One run: everything that was found, and as JSON for whatever compares runs."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

import msgspec

from benchmarks.accounting import NOMINAL_REFERENCE, Machine, Memory
from benchmarks.budgets import BUDGETS, Verdict, judged, net
from benchmarks.burst import Burst
from benchmarks.measuring import Latency, Row
from benchmarks.sessions import Growth
from idp.model.struct import Frozen

FORMAT = 2
"""Of the JSON; a run of another one is not compared."""
PERCENTILES = (0.5, 0.95, 0.99)


class AtRest(Frozen, frozen=True, kw_only=True):
    """A node with the demo's realms that has only just started."""

    first_start: float
    """Seconds from the process's start to its first answer, with an empty store: keys are made, customers let in."""
    starts: tuple[float, ...]
    """The same with the store that the first start left."""
    memory: Memory
    cpu: float
    """CPU seconds that a second of doing nothing costs."""


class Judgement(Frozen, frozen=True, kw_only=True):
    """A request of the judged contestant beside its budget; seconds."""

    scenario: str
    alone: float
    company: float
    signatures: float
    """What of each is signatures that the budget excludes."""
    budget: float
    verdicts: tuple[Verdict, Verdict]
    """Alone, and in company."""


class Report(Frozen, frozen=True, kw_only=True):
    """One run."""

    machine: Machine
    reference: float
    signatures: Mapping[str, float]
    rows: tuple[Row, ...]
    latencies: tuple[Latency, ...]
    disturbed: float
    """The share of the measurements that began although others kept the machine busy."""
    judged: str
    """The contestant that the budgets are about."""
    at_rest: AtRest | None = None
    burst: Burst | None = None
    growth: Growth | None = None
    untimed: tuple[str, ...] = ()
    """Contestants whose times mean nothing: they ran on a stand-in of a store."""
    absent: Mapping[str, str] = {}
    """Contestants that did not take part, and why."""

    @property
    def machine_factor(self) -> float:
        """How much slower than the machine of docs/performance.md this one was: divide by it to compare."""
        return self.reference / NOMINAL_REFERENCE

    @property
    def contestants(self) -> tuple[str, ...]:
        """Who took part, in the order of their columns."""
        return tuple(dict.fromkeys(row.contestant for row in self.rows))

    @property
    def scenarios(self) -> tuple[str, ...]:
        """What was asked, in the order of the lines."""
        return tuple(dict.fromkeys(row.scenario for row in self.rows))

    @property
    def widths(self) -> tuple[int, int]:
        """How many requests are under way at once: alone, and in company."""
        widths = {row.width for row in self.rows}
        return min(widths), max(widths)

    def row(self, contestant: str, scenario: str, *, company: bool = False) -> Row | None:
        """Return what a contestant's scenario cost, if it was asked."""
        width = self.widths[company]
        wanted = (contestant, scenario, width)
        return next((row for row in self.rows if (row.contestant, row.scenario, row.width) == wanted), None)

    def latency(self, contestant: str, scenario: str) -> Latency | None:
        """Return what a contestant's scenario took at a fixed rate, if that was measured."""
        wanted = (contestant, scenario)
        return next((one for one in self.latencies if (one.contestant, one.scenario) == wanted), None)

    def judgements(self) -> list[Judgement]:
        """Hold every scenario that has a budget against it."""
        return [
            self._judgement(scenario, alone.cpu, company.cpu)
            for scenario in self.scenarios
            if scenario in BUDGETS.requests
            and (alone := self.row(self.judged, scenario)) is not None
            and (company := self.row(self.judged, scenario, company=True)) is not None
        ]

    def _judgement(self, scenario: str, alone: float, company: float) -> Judgement:
        budget = BUDGETS.requests[scenario]
        costs = [net(cost, budget, self.signatures) for cost in (alone, company)]
        first, second = (judged(cost, budget.seconds, factor=self.machine_factor) for cost in costs)
        return Judgement(
            scenario=scenario,
            alone=alone,
            company=company,
            signatures=alone - costs[0],
            budget=budget.seconds,
            verdicts=(first, second),
        )

    def ratios(self, other: str) -> dict[str, float]:
        """Return the judged contestant's cost over another's, for each thing that both were asked, one at a time.

        Rounds are compared one by one, so that a slow moment of the machine falls on both.
        """
        found: dict[str, float] = {}
        for scenario in self.scenarios:
            ours, theirs = self.row(self.judged, scenario), self.row(other, scenario)
            if ours is not None and theirs is not None and other != self.judged:
                pairs = zip(ours.windows, theirs.windows, strict=True)
                found[scenario] = median(our.cpu / their.cpu for our, their in pairs)
        return found


def as_json(report: Report) -> bytes:
    """Return the run with every round of it, in seconds and bytes, and the budgets that it was judged by."""
    rows = [
        {
            "cpu": row.cpu,
            "hashing": row.hashing,
            "stores": row.stores,
            "per_second": row.rate,
            **msgspec.to_builtins(row),
        }
        for row in report.rows
    ]
    latencies = [
        {
            **{f"p{share * 100:g}": one.percentile(share) for share in PERCENTILES},
            **msgspec.to_builtins(one),
        }
        for one in report.latencies
    ]
    content = {
        "format": FORMAT,
        "machine_factor": report.machine_factor,
        **msgspec.to_builtins(report),
        "rows": rows,
        "latencies": latencies,
        "budgets": msgspec.to_builtins(BUDGETS),
        "judgements": msgspec.to_builtins(report.judgements()),
        "ratios": {other: report.ratios(other) for other in report.contestants if other != report.judged},
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
