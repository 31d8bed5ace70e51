"""Sample accounts, cards and movements: invented, believable, and always the same for the same customer.

Everything is drawn from a hash of the customer's identifier, so the bank needs no ledger. Movements are drawn
per calendar day: tomorrow's list is today's, moved on by a day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeAlias

import msgspec

Draw: TypeAlias = Iterator[int]

_BANK = "299"  # No bank of Albania has this number: this one is fictional.
_CORPORATE = "sme-corporate"
_CENT = Decimal("0.01")
_DAYS = 40
_SUNDAY = 6


class Account(msgspec.Struct, frozen=True):
    """An account; `kind` is a key of the texts."""

    kind: str
    iban: str
    currency: str
    balance: Decimal


class Movement(msgspec.Struct, frozen=True):
    """Money that came (positive) or went; `kind` is a key of the texts."""

    day: date
    kind: str
    counterparty: str
    amount: Decimal
    currency: str


class Card(msgspec.Struct, frozen=True):
    """A payment card; only its last four digits are anybody's business."""

    kind: str
    last_four: str
    expires: str
    limit: Decimal
    spent: Decimal


_INCOMING = {
    "takings": ("POS 1", "POS 2", "E-commerce"),
    "transfer-in": ("Hotel Butrinti sh.p.k.", "Market Teuta", "Studio Drini", "Kantina Përmeti", "Agro Myzeqe"),
}
_OUTGOING = {
    "supplier": ("Elektro Valbona sh.p.k.", "Letra & Ngjyra", "Transport Tomorri", "Druri i Mirë"),
    "payroll": ("Pagat e muajit",),
    "taxes": ("Tatimi mbi fitimin", "Sigurimet shoqërore", "TVSH"),
    "rent": ("Pallati Rozafa",),
    "fee": ("Banka Hyrja",),
}
_HUNDREDS = {
    "takings": (90, 900),
    "transfer-in": (250, 4800),
    "supplier": (120, 2600),
    "payroll": (1800, 5200),
    "taxes": (300, 1900),
    "rent": (600, 900),
    "fee": (2, 6),
}


def accounts(segment: str, subject: str) -> tuple[Account, ...]:
    """The customer's accounts: current in lek, current in euro, and a reserve."""
    scale = 24 if segment == _CORPORATE else 1
    kinds = (("current", "ALL", 1_400_000), ("current", "EUR", 16_000), ("reserve", "ALL", 3_200_000))
    return tuple(
        Account(
            kind=kind,
            iban=_iban(_draw(segment, subject, "iban", str(number))),
            currency=currency,
            balance=_amount(_draw(segment, subject, "balance", str(number)), typical * scale),
        )
        for number, (kind, currency, typical) in enumerate(kinds)
    )


def movements(segment: str, subject: str, *, today: date, most: int = 8) -> tuple[Movement, ...]:
    """The newest movements of the lek account, newest first."""
    found: list[Movement] = []
    for back in range(1, _DAYS):
        day = today - timedelta(days=back)
        if day.weekday() == _SUNDAY:
            continue
        draw = _draw(segment, subject, "day", day.isoformat())
        found.extend(_movement(draw, day=day, scale=24 if segment == _CORPORATE else 1) for _ in range(next(draw) % 3))
    return tuple(found[:most])


def cards(segment: str, subject: str, *, today: date) -> tuple[Card, ...]:
    """The customer's cards: one for daily business, one for travel."""
    scale = 5 if segment == _CORPORATE else 1
    found = []
    for kind, limit in (("card-business", 300_000 * scale), ("card-travel", 150_000 * scale)):
        draw = _draw(segment, subject, kind)
        found.append(
            Card(
                kind=kind,
                last_four=f"{_number(draw) % 10_000:04d}",
                expires=f"{1 + next(draw) % 12:02d}/{(today.year + 2 + next(draw) % 3) % 100:02d}",
                limit=Decimal(limit),
                spent=(Decimal(limit) * (12 + next(draw) % 60) / 100).quantize(_CENT),
            )
        )
    return tuple(found)


def _movement(draw: Draw, *, day: date, scale: int) -> Movement:
    comes = next(draw) % 5 < 3  # noqa: PLR2004 - three of five movements bring money: a healthy business.
    table = _INCOMING if comes else _OUTGOING
    kind = tuple(table)[next(draw) % len(table)]
    counterparty = table[kind][next(draw) % len(table[kind])]
    low, high = _HUNDREDS[kind]
    lek = Decimal((low + _number(draw) % (high - low)) * 100 * (1 if kind == "fee" else scale))
    return Movement(day=day, kind=kind, counterparty=counterparty, amount=lek if comes else -lek, currency="ALL")


def _amount(draw: Draw, typical: int) -> Decimal:
    share = Decimal(40 + _number(draw) % 120) / 100
    return (typical * share + Decimal(_number(draw) % 100_000) / 100).quantize(_CENT)


def _iban(draw: Draw) -> str:
    """An Albanian IBAN whose check digits are right: AL, 2 check digits, 8 of bank and branch, 16 of account."""
    branch = _BANK + f"{_number(draw) % 10_000:04d}"
    weighted = sum(weight * int(digit) for weight, digit in zip((9, 7, 3, 1, 9, 7, 3), branch, strict=True))
    bban = branch + str(-weighted % 10) + f"{_number(draw):08d}"[-8:] + f"{_number(draw):08d}"[-8:]
    check = 98 - int(bban + "102100") % 97  # ISO 7064 mod 97-10 with A=10, L=21.
    return f"AL{check:02d}{bban}"


def _number(draw: Draw) -> int:
    return int.from_bytes(bytes(next(draw) for _ in range(4)), "big")


def _draw(*what: str) -> Draw:
    """An endless row of bytes that depends on nothing but its name."""
    block = hashlib.sha256("\0".join(what).encode()).digest()
    while True:
        yield from block
        block = hashlib.sha256(block).digest()
