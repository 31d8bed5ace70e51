"""The budgets of `budgets.toml`, and how a cost is held against one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path

import msgspec

from idp.model.struct import Frozen

_FILE = Path(__file__).with_name("budgets.toml")


class RequestBudget(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one journey may cost."""

    microseconds: float
    excluded: Mapping[str, int] = {}
    """How many signatures of each kind are no part of it."""

    @property
    def seconds(self) -> float:
        """The budget, in seconds."""
        return self.microseconds / 1e6


class NodeBudget(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a node may need; each unit is in the name."""

    start_seconds: float
    resident_megabytes: float
    growth_megabytes: float
    discovery_p99_milliseconds: float


class Budgets(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of them."""

    requests: Mapping[str, RequestBudget]
    """By scenario."""
    node: NodeBudget


class Verdict(Enum):
    """How a cost stands to its budget."""

    OK = "ok"
    SLOW = "slow"
    """Over it, but within it once divided by the machine factor."""
    OVER = "over"


BUDGETS = msgspec.toml.decode(_FILE.read_bytes(), type=Budgets)


def net(cost: float, budget: RequestBudget, signatures: Mapping[str, float]) -> float:
    """Return what a budget judges of a cost (seconds): all but the signatures that it excludes."""
    return cost - sum(count * signatures[kind] for kind, count in budget.excluded.items())


def judged(found: float, budget: float, *, factor: float = 1.0) -> Verdict:
    """Hold a figure against its budget; `factor` is the machine's, for what a slower machine makes dearer."""
    if found <= budget:
        return Verdict.OK
    return Verdict.SLOW if found / factor <= budget else Verdict.OVER
