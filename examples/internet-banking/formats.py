"""Amounts, dates and claims as a person reads them.

Amounts are written the Albanian way in every language: a customer who changes the language must not meet
another decimal sign. Dates follow the language.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency

if TYPE_CHECKING:
    from decimal import Decimal

_TIMES = frozenset({"exp", "iat", "nbf", "auth_time", "updated_at"})


def _tirana() -> tzinfo:
    try:
        return ZoneInfo("Europe/Tirane")
    except ZoneInfoNotFoundError:  # A machine without a time zone database shows UTC, and says so.
        return UTC


TIRANA = _tirana()


def money(amount: Decimal, currency: str) -> str:
    """`1 234 567,80 Lekë`, in the Albanian way, with a real minus sign."""
    written = format_currency(amount, currency, locale="sq_AL", currency_digits=False)
    return written.replace("-", "\N{MINUS SIGN}")


def iban(number: str) -> str:
    """In groups of four, as on paper (ISO 13616)."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def day(when: date, *, language: str) -> str:
    """`21 nëntor 2026`."""
    return format_date(when, "d MMMM y", locale=language)


def moment(seconds: float, *, language: str) -> str:
    """A time of day in Tirana, to the second, with its date and zone."""
    return format_datetime(
        datetime.fromtimestamp(seconds, TIRANA), "d MMM y, HH:mm:ss", tzinfo=TIRANA, locale=language
    ) + (" UTC" if TIRANA is UTC else "")


def today(seconds: float) -> date:
    """The calendar day in Tirana."""
    return datetime.fromtimestamp(seconds, TIRANA).date()


def claim(name: str, value: object, *, language: str) -> str:
    """A claim's value: times as times, lists as lists, the rest as it came."""
    if name in _TIMES and isinstance(value, int | float) and not isinstance(value, bool):
        return moment(value, language=language)
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)
