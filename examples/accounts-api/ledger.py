"""Invented accounts: the same for every customer, made from nothing but their subject."""

from __future__ import annotations

import hashlib
from typing import Any


def accounts(subject: str) -> list[dict[str, Any]]:
    """Return the accounts of a customer. Amounts are texts, as every payment interface has them."""
    number = int.from_bytes(hashlib.sha256(subject.encode()).digest()[:6], "big") % 10**12
    return [
        {"iban": _iban(number, 1), "name": "Llogari rrjedhëse", "currency": "ALL", "balance": "184250.00"},
        {"iban": _iban(number, 2), "name": "Kursime", "currency": "EUR", "balance": "5310.75"},
    ]


def transactions(subject: str, iban: str) -> list[dict[str, Any]] | None:
    """Return the transactions of one of the customer's accounts; None for anybody else's."""
    if all(account["iban"] != iban for account in accounts(subject)):
        return None
    return [
        {"booked": "2026-11-20", "amount": "-4200.00", "currency": "ALL", "text": "Energji elektrike"},
        {"booked": "2026-11-18", "amount": "92000.00", "currency": "ALL", "text": "Faturë 2026-118"},
    ]


def _iban(number: int, account: int) -> str:
    basic = f"2121100{account}{number:016d}"
    # ISO 13616: the check digits of country AL.
    check = 98 - int(f"{basic}1021" + "00") % 97
    return f"AL{check:02d}{basic}"
