"""Telephone numbers, wherever they come from: parsed, put into one form, and told apart by kind. One place for all.

Numbers are compared in E.164 form only: `+355 69 200 0101`, `+355(0)692000101` and Arabic digits are one number.
"""

from __future__ import annotations

import phonenumbers

from idp.model.policies.sms import MOBILE_KINDS, NumberKind

_KINDS: dict[int, NumberKind] = {
    phonenumbers.PhoneNumberType.MOBILE: "MOBILE",
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE: "FIXED_LINE_OR_MOBILE",
    phonenumbers.PhoneNumberType.FIXED_LINE: "FIXED_LINE",
    phonenumbers.PhoneNumberType.VOIP: "VOIP",
    phonenumbers.PhoneNumberType.PREMIUM_RATE: "PREMIUM_RATE",
    phonenumbers.PhoneNumberType.SHARED_COST: "SHARED_COST",
    phonenumbers.PhoneNumberType.TOLL_FREE: "TOLL_FREE",
    phonenumbers.PhoneNumberType.PERSONAL_NUMBER: "PERSONAL_NUMBER",
    phonenumbers.PhoneNumberType.PAGER: "PAGER",
}
_LONGEST = 64  # characters that are looked at


def number_of(written: str, *, kinds: frozenset[NumberKind] = MOBILE_KINDS) -> str | None:
    """Return a number in E.164 form; None if it is none of those kinds, or not in international form (bank.md 5.1).

    One with an extension is refused: a message cannot be sent to it.
    """
    if len(written) > _LONGEST:
        return None
    try:
        number = phonenumbers.parse(written, None)
    except phonenumbers.NumberParseException:
        return None
    # Too short a number is "possible", but it is nobody's.
    if number.extension or not phonenumbers.is_valid_number(number):
        return None
    kind = _KINDS.get(phonenumbers.number_type(number))
    if kind not in kinds:
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def country_of(number: str) -> str:
    """Return the calling code of an E.164 number, `+355`; empty if it is no number."""
    try:
        return f"+{phonenumbers.parse(number, None).country_code}"
    except phonenumbers.NumberParseException:
        return ""
