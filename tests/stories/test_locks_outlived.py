"""A page that was open before a lock is worth nothing after it."""

from __future__ import annotations

import pytest

from tests.stories.world import Customer, RelyingParty, World

pytestmark = pytest.mark.anyio


async def test_a_code_page_in_another_tab_does_not_outlive_the_lock(
    world: World, bank: RelyingParty, arta: Customer
) -> None:
    await arta.settle(bank)
    waiting = await arta.begin(bank)
    await arta.give_password(waiting)
    guessing = await arta.begin(bank)
    await arta.give_password(guessing)
    for _ in range(5):
        await guessing.submit("kc-otp-login-form", otp="000000")
    world.clock.advance(61)

    page = await waiting.submit("kc-otp-login-form", otp=arta.next_code())
    assert not waiting.has_left
    assert "kc-form-login" in page.forms, "the login begins again at its first factor"

    await arta.log_in(waiting)
    assert "code" in waiting.answer
