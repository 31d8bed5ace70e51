"""People are told what happens to their accounts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.flows.bench import Edit
from tests.stories.rearranged import customer, settled
from tests.stories.test_email_addresses import EMAIL, NEW, addresses, follow, link_of, logged_in, update
from tests.stories.world import NEW_PASSWORD, World, provider

pytestmark = pytest.mark.anyio


def told(*channels: str) -> Edit:
    def edit(found: dict[str, Any]) -> None:
        found["attributes"]["hyrja.securityNotices"] = " ".join(channels)

    return edit


def password_due(found: dict[str, Any]) -> None:
    for user in found["users"]:
        user["requiredActions"] = ["UPDATE_PASSWORD"]


def nearly_locked(found: dict[str, Any]) -> None:
    found.update(bruteForceProtected=True, permanentLockout=True, maxTemporaryLockouts=1, failureFactor=2)


async def subjects(world: World) -> list[tuple[str, str]]:
    await world.site.desks["small-business"].provider.errands.finished()
    return [(letter.to, letter.subject) for letter in world.mail.messages]


async def change_password(world: World) -> None:
    browser = await logged_in(world)
    await browser.submit("kc-passwd-update-form", {"password-new": NEW_PASSWORD, "password-confirm": NEW_PASSWORD})
    assert "code" in browser.answer


async def test_a_changed_password_is_told_by_email(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=settled(addresses, password_due, told("email"))) as world:
        await change_password(world)
        assert await subjects(world) == [(EMAIL, "Fjalëkalimi yt u ndryshua")]
        assert NEW_PASSWORD not in world.mail.messages[-1].text


async def test_a_changed_password_is_told_by_sms_where_the_realm_says_so(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=settled(addresses, password_due, told("sms"))) as world:
        await change_password(world)
        assert await subjects(world) == []
        assert world.sms.last_to(customer(world).phone).startswith("Fjalekalimi juaj u ndryshua.")


@pytest.mark.parametrize("attribute", [("none",), None])
async def test_nothing_is_told_where_the_realm_wants_none_or_has_no_mail_server(
    tmp_path: Path, attribute: tuple[str, ...] | None
) -> None:
    edits = [told(*attribute)] if attribute is not None else []
    async with provider(tmp_path, edit=settled(addresses, password_due, *edits)) as world:
        await change_password(world)
        assert await subjects(world) == []
        assert all("ndryshua" not in text for _, text in world.sms.messages)


async def test_the_former_address_is_told_of_the_new_one(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=settled(addresses, update, told("email"))) as world:
        browser = await logged_in(world)
        await browser.submit("kc-update-email-form", email=NEW)
        await follow(world.browser(), link_of(world))
        assert (await subjects(world))[-1] == (EMAIL, "Adresa jote e e-mailit u ndryshua")


async def test_before_the_last_failure_people_are_warned_and_after_it_told(tmp_path: Path) -> None:
    """bank.md P09: the payer is alerted before the block becomes permanent (RTS (EU) 2018/389 Art. 4(4))."""
    async with provider(tmp_path, edit=settled(addresses, nearly_locked, told("email"))) as world:
        arta = customer(world)
        browser = await arta.begin(world.client())
        for _ in range(2):
            await browser.submit("kc-form-login", username=arta.username, password="gabim")
        assert await subjects(world) == [(EMAIL, "Llogaria jote është gati të bllokohet")]
        world.clock.advance(3600)
        await browser.open(world.client().request())
        await browser.submit("kc-form-login", username=arta.username, password="gabim")
        assert (await subjects(world))[-1] == (EMAIL, "Llogaria jote u bllokua")


async def test_a_notice_that_cannot_be_sent_stops_nothing(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=settled(addresses, password_due, told("email"))) as world:
        world.mail.down = True
        await change_password(world)


async def test_a_lock_by_the_password_grant_is_told_too(tmp_path: Path) -> None:
    def direct(found: dict[str, Any]) -> None:
        found["clients"][0]["directAccessGrantsEnabled"] = True

    async with provider(tmp_path, edit=settled(addresses, nearly_locked, direct, told("email"))) as world:
        for _ in range(2):
            refused = await world.client().post(
                "token", grant_type="password", username="arta.hoxha", password="gabim", totp="000000", scope="openid"
            )
            assert refused.status_code == 400
        assert await subjects(world) == [(EMAIL, "Llogaria jote është gati të bllokohet")]
