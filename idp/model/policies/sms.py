"""Which numbers a realm sends text messages to, and how many: against pumping, nuisance and bills (bank.md 5.3)."""

from __future__ import annotations

from typing import Literal

from idp.model.struct import Frozen

NumberKind = Literal[
    "MOBILE",
    "FIXED_LINE_OR_MOBILE",
    "FIXED_LINE",
    "VOIP",
    "PREMIUM_RATE",
    "SHARED_COST",
    "TOLL_FREE",
    "PERSONAL_NUMBER",
    "PAGER",
]
MOBILE_KINDS: frozenset[NumberKind] = frozenset({"MOBILE", "FIXED_LINE_OR_MOBILE"})
EVERYWHERE = "*"


class SmsPolicy(Frozen, frozen=True, kw_only=True):
    """What a realm allows. A prefix is the beginning of a number with its plus; `*` stands for every other one.

    `per_country_day` limits the messages to one prefix, `prices` are what one costs there, in thousandths of whatever
    the bank counts in; `spending_per_day` is the ceiling of their sum. A limit of None
    is none, that of a number what the step lets one user have.
    """

    number_kinds: frozenset[NumberKind] = MOBILE_KINDS
    allowed_prefixes: tuple[str, ...] = ()
    denied_prefixes: tuple[str, ...] = ()
    per_number_hour: int | None = None
    per_browser_hour: int = 20
    per_network_hour: int = 60
    per_range_hour: int = 100
    per_country_day: dict[str, int] = {}
    per_realm_day: int | None = None
    prices: dict[str, int] = {}
    spending_per_day: int | None = None

    def serves(self, number: str) -> bool:
        """Tell whether messages go to that number at all: the longer of two prefixes decides."""
        denied = _longest(self.denied_prefixes, number)
        allowed = _longest(self.allowed_prefixes, number)
        if not self.allowed_prefixes:
            return denied is None
        return allowed is not None and (denied is None or len(allowed) > len(denied))

    def country_limit(self, number: str) -> tuple[str, int] | None:
        """Return the prefix that a number is counted under, and how many messages a day go there."""
        return _of_prefix(self.per_country_day, number)

    def price(self, number: str) -> int:
        """Return what a message to that number costs."""
        found = _of_prefix(self.prices, number)
        return found[1] if found is not None else 0


def _longest(prefixes: tuple[str, ...], number: str) -> str | None:
    return max((prefix for prefix in prefixes if number.startswith(prefix)), key=len, default=None)


def _of_prefix(table: dict[str, int], number: str) -> tuple[str, int] | None:
    prefix = _longest(tuple(table), number) or (EVERYWHERE if EVERYWHERE in table else None)
    return None if prefix is None else (prefix, table[prefix])
