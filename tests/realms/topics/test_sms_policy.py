from __future__ import annotations

import pytest

from idp.model.finding import Finding
from idp.model.policies.sms import SmsPolicy
from idp.realms.topics.sms_policy import ATTRIBUTES, sms_policy


def read(**attributes: str) -> tuple[SmsPolicy, list[Finding]]:
    findings: list[Finding] = []
    given = {f"hyrja.sms.{name}": value for name, value in attributes.items()}
    assert set(given) <= set(ATTRIBUTES)
    return sms_policy(given, findings), findings


def test_without_attributes_the_defaults_count() -> None:
    assert read() == (SmsPolicy(), [])


def test_every_attribute_is_read() -> None:
    policy, findings = read(
        numberTypes="MOBILE##VOIP",
        allowedPrefixes="+355##+383",
        deniedPrefixes="+35569",
        perNumberHour="4",
        perBrowserHour="10",
        perNetworkHour="30",
        perRangeHour="50",
        perCountryDay="+355=2000##*=100",
        perRealmDay="5000",
        prices="+355=0.045##*=0.12",
        spendingPerDay="250.5",
    )
    assert findings == []
    assert policy == SmsPolicy(
        number_kinds=frozenset({"MOBILE", "VOIP"}),
        allowed_prefixes=("+355", "+383"),
        denied_prefixes=("+35569",),
        per_number_hour=4,
        per_browser_hour=10,
        per_network_hour=30,
        per_range_hour=50,
        per_country_day={"+355": 2000, "*": 100},
        per_realm_day=5000,
        prices={"+355": 45, "*": 120},
        spending_per_day=250500,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("numberTypes", "PIGEON"),
        ("allowedPrefixes", "355"),
        ("deniedPrefixes", "+"),
        ("perNumberHour", "0"),
        ("perBrowserHour", "many"),
        ("perRealmDay", "-1"),
        ("perCountryDay", "+355"),
        ("perCountryDay", "355=10"),
        ("prices", "+355=0.0001"),
        ("prices", "=1"),
        ("spendingPerDay", "1e9"),
    ],
)
def test_what_cannot_be_read_is_a_finding_at_its_place(name: str, value: str) -> None:
    policy, findings = read(**{name: value})
    assert [finding.pointer for finding in findings] == [f"/attributes/hyrja.sms.{name}"]
    assert policy == SmsPolicy()


@pytest.mark.parametrize(
    ("allowed", "denied", "served"),
    [
        ((), (), True),
        (("+355",), (), True),
        (("+383",), (), False),
        ((), ("+355",), False),
        (("+355",), ("+35569",), False),
        (("+35569",), ("+355",), True),
        (("+355",), ("+355",), False),
        ((), ("+383",), True),
    ],
)
def test_of_two_prefixes_the_longer_one_decides(
    allowed: tuple[str, ...], denied: tuple[str, ...], *, served: bool
) -> None:
    policy = SmsPolicy(allowed_prefixes=allowed, denied_prefixes=denied)
    assert policy.serves("+355692000101") is served


def test_the_price_and_the_limit_are_those_of_the_longest_prefix() -> None:
    policy = SmsPolicy(prices={"+355": 45, "+35569": 40, "*": 120}, per_country_day={"+355": 10})
    assert [policy.price(number) for number in ("+355692000101", "+355422", "+4412")] == [40, 45, 120]
    assert policy.country_limit("+355692000101") == ("+355", 10)
    assert policy.country_limit("+4412") is None
    assert SmsPolicy().price("+355") == 0
