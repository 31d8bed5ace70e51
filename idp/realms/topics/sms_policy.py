"""What a realm file says of text messages: attributes `hyrja.sms.…` → model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import get_args

from idp.model.finding import Finding
from idp.model.policies.sms import EVERYWHERE, MOBILE_KINDS, NumberKind, SmsPolicy
from idp.realms.values import error, listed, one_of, whole_number

KINDS = "hyrja.sms.numberTypes"
ALLOWED, DENIED = "hyrja.sms.allowedPrefixes", "hyrja.sms.deniedPrefixes"
COUNTRY, PRICES = "hyrja.sms.perCountryDay", "hyrja.sms.prices"
NUMBER = "hyrja.sms.perNumberHour"
REALM, SPENDING = "hyrja.sms.perRealmDay", "hyrja.sms.spendingPerDay"
_COUNTS = {
    "per_browser_hour": "hyrja.sms.perBrowserHour",
    "per_network_hour": "hyrja.sms.perNetworkHour",
    "per_range_hour": "hyrja.sms.perRangeHour",
}
ATTRIBUTES = (KINDS, ALLOWED, DENIED, COUNTRY, PRICES, NUMBER, REALM, SPENDING, *_COUNTS.values())
_RULE = "R-SMS"
_EXAMPLES = {COUNTRY: "+355=2000##*=100", PRICES: "+355=0.045##*=0.12", NUMBER: "5", REALM: "5000", SPENDING: "500"}
_MOST = 10_000_000
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")
_WHOLE = re.compile(r"[0-9]{1,7}")
_MONEY = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")


def sms_policy(attributes: Mapping[str, str], findings: list[Finding]) -> SmsPolicy:
    """Return what a realm allows; what cannot be read is a finding, and the safe default stands in for it."""
    default = SmsPolicy()

    def count(key: str, otherwise: int) -> int:
        written = attributes.get(key, "")
        return whole_number(written, otherwise, _place(key), findings, rule=_RULE, most=_MOST, unit="messages")

    def limit(key: str, read: Callable[[str], int | None]) -> int | None:
        written = attributes.get(key, "")
        return _told(read(written) or None, key, written, findings) if written else None

    return SmsPolicy(
        **{field: count(key, getattr(default, field)) for field, key in _COUNTS.items()},
        per_number_hour=limit(NUMBER, _number),
        number_kinds=_kinds(attributes, findings),
        allowed_prefixes=_prefixes(attributes, ALLOWED, findings),
        denied_prefixes=_prefixes(attributes, DENIED, findings),
        per_country_day=_table(attributes, COUNTRY, _number, findings),
        per_realm_day=limit(REALM, _number),
        prices=_table(attributes, PRICES, _thousandths, findings),
        spending_per_day=limit(SPENDING, _thousandths),
    )


def _kinds(attributes: Mapping[str, str], findings: list[Finding]) -> frozenset[NumberKind]:
    written = listed(attributes.get(KINDS, ""))
    known = (one_of(kind, get_args(NumberKind), _place(KINDS), findings) for kind in written)
    return frozenset(kind for kind in known if kind is not None) or MOBILE_KINDS


def _prefixes(attributes: Mapping[str, str], key: str, findings: list[Finding]) -> tuple[str, ...]:
    written = listed(attributes.get(key, ""))
    wrong = [prefix for prefix in written if not _PREFIX.fullmatch(prefix)]
    findings.extend(
        error(_RULE, _place(key), f"“{prefix}” is not the beginning of a number.", "Write +355.") for prefix in wrong
    )
    return tuple(prefix for prefix in written if prefix not in wrong)


def _table(
    attributes: Mapping[str, str], key: str, read: Callable[[str], int | None], findings: list[Finding]
) -> dict[str, int]:
    """Read `+355=2000##*=100`."""
    table = {}
    for entry in listed(attributes.get(key, "")):
        prefix, _, written = (part.strip() for part in entry.partition("="))
        value = read(written) if prefix == EVERYWHERE or _PREFIX.fullmatch(prefix) else None
        value = _told(value, key, entry, findings)
        if value is not None:
            table[prefix] = value
    return table


def _told(value: int | None, key: str, written: str, findings: list[Finding]) -> int | None:
    if value is None:
        findings.append(error(_RULE, _place(key), f"“{written}” cannot be read.", f"Write {_EXAMPLES[key]}."))
    return value


def _number(written: str) -> int | None:
    return int(written) if _WHOLE.fullmatch(written) else None


def _thousandths(written: str) -> int | None:
    return int(Decimal(written) * 1000) if _MONEY.fullmatch(written) else None


def _place(key: str) -> str:
    return f"/attributes/{key}"
