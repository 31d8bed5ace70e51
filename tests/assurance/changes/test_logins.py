from __future__ import annotations

import pytest

from idp.assurance.changes.change import Direction
from idp.assurance.changes.logins import NAMES, Sets, compared, ways_text
from idp.assurance.credentials import CREDENTIALS
from idp.flows.step import Factor
from idp.model.flow import Category

WEAKER, STRONGER, NEUTRAL = Direction.WEAKER, Direction.STRONGER, Direction.NEUTRAL


def factor(name: str, channel: str, category: Category = Category.POSSESSION) -> Factor:
    return Factor(name=name, category=category, channel=channel, amr=())


FACTORS = {
    one.name: one
    for one in (
        factor("password", "browser", Category.KNOWLEDGE),
        factor("otp", "soft-token"),
        factor("sms-otp", "sms"),
        factor("mail", "email"),
        factor("key", "authenticator"),
    )
}


def sets(*ways: str) -> Sets:
    return frozenset(frozenset(way.split()) for way in ways)


@pytest.mark.parametrize(
    ("was", "now", "direction"),
    [
        (sets("password"), sets("password otp"), STRONGER),
        (sets("password otp"), sets("password"), WEAKER),
        (sets("password otp"), sets("password otp", "password sms-otp"), WEAKER),
        (sets("password otp", "password sms-otp"), sets("password otp"), STRONGER),
        (sets("password otp"), sets("password sms-otp"), WEAKER),
        (sets("password sms-otp"), sets("password key"), STRONGER),
        (sets("password sms-otp"), sets("password mail"), WEAKER),
        (sets("password otp"), sets("otp sms-otp"), WEAKER),
        (sets("otp"), sets("key"), STRONGER),
        (sets(), sets("password"), WEAKER),
        (sets("password"), sets(), STRONGER),
        (sets("password otp"), sets("password otp"), NEUTRAL),
        (sets("password"), sets(""), WEAKER),
    ],
)
def test_less_that_suffices_is_weaker_and_of_two_exchanged_the_weakest_counts(
    was: Sets, now: Sets, direction: Direction
) -> None:
    assert compared(was, now, FACTORS) is direction


def test_ways_are_told_in_the_order_in_which_they_are_given() -> None:
    assert (
        ways_text(sets("otp password", "sms-otp password")) == "the password and TOTP or the password and an SMS code"
    )
    assert ways_text(sets("")) == "nothing at all"
    assert ways_text(sets()) == "what nobody has"


def test_every_factor_that_a_customer_can_have_has_a_name_for_people() -> None:
    assert NAMES.keys() == CREDENTIALS.keys()
