"""The budgets of text messages: each refuses by itself, and what it refuses is not taken from a wider one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from idp.flows.messages.sending import MessageRefusedError, Wanted, refused_by_budget, sent_by_bank
from idp.flows.networks import network_of
from idp.model.policies.sms import SmsPolicy
from tests.flows.bench import Bench, demo_realm

pytestmark = pytest.mark.anyio
NUMBER, OTHER, FAR = "+355692000101", "+355692000102", "+447400123456"


class Desk:
    """A bench with a policy, and messages that different people want."""

    def __init__(self, **policy: Any) -> None:
        self.bench = Bench()
        self.realm = msgspec.structs.replace(demo_realm(), sms=SmsPolicy(**policy))

    async def asks(self, **wanted: Any) -> str:
        """Return the budget that refuses, or the empty text."""
        per_hour, per_day = wanted.pop("per_hour", 100), wanted.pop("per_day", 100)
        known = {"number": NUMBER, "user_id": "u-1", "browser": "b-1", "network": "192.0.2.0/24"}
        refused = await refused_by_budget(
            self.bench.services.throttle,
            self.realm,
            Wanted(**{**known, **wanted}),
            per_hour=per_hour,
            per_day=per_day,
        )
        return refused.budget if refused is not None else ""


@pytest.mark.parametrize(
    ("policy", "first", "second", "budget"),
    [
        ({"per_browser_hour": 1}, {}, {"user_id": "u-2", "number": OTHER, "network": "n"}, "browser"),
        ({"per_network_hour": 1}, {}, {"user_id": "u-2", "number": OTHER, "browser": "b-2"}, "network"),
        ({"per_number_hour": 1}, {}, {"user_id": "u-2", "browser": "b-2", "network": "n"}, "number"),
        ({}, {"per_hour": 1, "number": OTHER}, {"per_hour": 1}, "user hour"),
        ({}, {"per_day": 1}, {"per_day": 1}, "user day"),
        ({"per_range_hour": 1}, {}, {"user_id": "u-2", "number": OTHER, "browser": "b-2"}, "range"),
        ({"per_country_day": {"+355": 1}}, {}, {"user_id": "u-2", "number": "+355682000101"}, "country"),
        ({"per_country_day": {"*": 1}}, {"number": FAR}, {"number": "+393123456789"}, "country"),
        ({"per_realm_day": 1}, {}, {"user_id": "u-2", "number": FAR}, "realm"),
        ({"prices": {"*": 600}, "spending_per_day": 1000}, {}, {"user_id": "u-2", "number": FAR}, "spending"),
    ],
)
async def test_each_budget_refuses_by_itself(
    policy: dict[str, Any], first: dict[str, Any], second: dict[str, Any], budget: str
) -> None:
    desk = Desk(**policy)
    assert await desk.asks(**first) == ""
    assert await desk.asks(**second) == budget


@pytest.mark.parametrize(
    ("policy", "number"),
    [
        ({"allowed_prefixes": ("+383",)}, NUMBER),
        ({"denied_prefixes": ("+355",)}, NUMBER),
        ({}, "+35542234567"),
        ({}, "+1"),
    ],
)
async def test_a_number_that_is_not_served_costs_nothing(policy: dict[str, Any], number: str) -> None:
    desk = Desk(**policy, per_browser_hour=1)
    for _ in range(2):
        assert await desk.asks(number=number) == "prefix"
    desk.realm = msgspec.structs.replace(desk.realm, sms=SmsPolicy(per_browser_hour=1))
    assert await desk.asks() == "", "nothing was counted"


async def test_one_person_cannot_use_up_the_banks_budget() -> None:
    desk = Desk(per_realm_day=2, per_browser_hour=1)
    assert [await desk.asks() for _ in range(3)] == ["", "browser", "browser"]
    assert await desk.asks(browser="b-2", user_id="u-2") == ""


async def test_who_is_at_no_page_has_neither_browser_nor_network() -> None:
    desk = Desk(per_browser_hour=1, per_network_hour=1)
    assert [await desk.asks(browser="", network="") for _ in range(2)] == ["", ""]


async def test_an_hour_later_the_hours_budget_is_whole() -> None:
    desk = Desk(per_browser_hour=1)
    await desk.asks()
    desk.bench.clock.advance(3600)
    assert await desk.asks() == ""


async def test_what_the_bank_itself_sends_is_counted_too() -> None:
    desk = Desk(per_realm_day=1)
    services, wanted = desk.bench.services, Wanted(number=NUMBER, user_id="u-1")
    await sent_by_bank(services.throttle, services.sms, desk.realm, wanted, "Mire se vini")
    with pytest.raises(MessageRefusedError, match="realm"):
        await sent_by_bank(services.throttle, services.sms, desk.realm, wanted, "Mire se vini")
    assert len(desk.bench.sms.messages) == 1


def test_neighbours_are_counted_as_one_network() -> None:
    assert network_of("192.0.2.7") == network_of("192.0.2.250") == "192.0.2.0/24"
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1")
    assert network_of("192.0.2.7") != network_of("192.0.3.7")
    assert network_of("::ffff:192.0.2.7") == "192.0.2.0/24", "or one customer would use up the budget of all of IPv4"
    assert network_of("fe80::1%eth0") == "fe80::/64"
    assert network_of("unix:") == network_of("") == ""
