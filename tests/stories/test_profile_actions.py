"""What people do with their own data: writing it, adding what is missing, the language, the end of an account."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from idp.realms.users.profile import PROVIDER
from tests.stories.settled import Home, Town, opened, who_must

pytestmark = pytest.mark.anyio

EVERYBODY = {"view": ["admin", "user"], "edit": ["admin", "user"]}


def with_actions(document: dict[str, Any]) -> None:
    for priority, alias in enumerate(("UPDATE_PROFILE", "delete_account", "update_user_locale"), start=200):
        document["requiredActions"].append({"alias": alias, "name": alias, "enabled": True, "priority": priority})


def with_profile(document: dict[str, Any]) -> None:
    with_actions(document)
    attributes = [
        {"name": "username", "permissions": EVERYBODY},
        {"name": "email", "permissions": EVERYBODY, "validations": {"email": {}}},
        {"name": "firstName", "displayName": "${firstName}", "permissions": EVERYBODY, "required": {"roles": ["user"]}},
        {"name": "phoneNumber", "permissions": EVERYBODY},
        {"name": "segment", "permissions": {"view": ["user"], "edit": ["admin"]}},
        {
            "name": "city",
            "displayName": "Qyteti",
            "permissions": EVERYBODY,
            "required": {"roles": ["user"]},
            "validations": {"options": {"options": ["Tiranë", "Durrës"]}},
        },
    ]
    text = json.dumps({"attributes": attributes})
    document["components"] = {PROVIDER: [{"providerId": "x", "config": {"kc.user.profile.config": [text]}}]}


@pytest.fixture
async def town(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    del anyio_backend
    async with opened(home, tmp_path, edit=with_actions) as town:
        yield town


@pytest.fixture
async def demanding(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    del anyio_backend
    async with opened(home, tmp_path, edit=with_profile) as town:
        yield town


async def test_a_person_writes_their_own_name_anew(town: Town) -> None:
    await town.change_user("arta.hoxha", who_must("UPDATE_PROFILE"))
    browser = await town.arta.begin(town.bank)
    page = await town.arta.log_in(browser)
    assert "Arta" in page.html
    page = await browser.submit("profile-form", {"kc-confirm": "1"}, firstName="Arta <b>")
    assert "profile-firstName-error" in page.html
    assert "Arta &lt;b&gt;" in page.html
    await browser.submit("profile-form", {"kc-confirm": "1"}, firstName="Artemisa")
    assert "code" in browser.answer
    user = await town.user("arta.hoxha")
    assert (user.first_name, user.required_actions) == ("Artemisa", ())
    (event,) = [event for event in await town.events() if event.type == "UPDATE_PROFILE"]
    assert event.detail == {"changed": "first_name"}, "the log says what was changed, and not to what"


async def test_what_a_person_is_reached_by_cannot_be_forged_into_the_form(demanding: Town) -> None:
    await demanding.change_user("arta.hoxha", who_must("UPDATE_PROFILE"))
    before = await demanding.user("arta.hoxha")
    browser = await demanding.arta.begin(demanding.bank)
    await demanding.arta.log_in(browser)
    forged = {"username": "admin", "email": "thief@x.al", "phoneNumber": "+355699999999", "segment": "private"}
    action = browser.shown.forms["profile-form"].action
    await browser.post(action, {"kc-confirm": "1", "firstName": "Arta", "city": "Durrës", **forged})
    after = await demanding.user("arta.hoxha")
    assert after.attribute("city") == "Durrës"
    assert (after.username, after.email, after.phone) == (before.username, before.email, before.phone)
    assert after.attribute("segment") == before.attribute("segment")


async def test_who_lacks_what_the_profile_demands_adds_it_before_the_login_ends(demanding: Town) -> None:
    browser = await demanding.arta.begin(demanding.bank)
    page = await demanding.arta.log_in(browser)
    assert "Qyteti" in page.html
    assert set(page.forms["profile-form"].names) - {"kc-confirm"} == {"city"}, "only what is missing is asked for"
    page = await browser.submit("profile-form", {"kc-confirm": "1"}, city="Romë")
    assert "profile-city-error" in page.html
    await browser.submit("profile-form", {"kc-confirm": "1"}, city="Tiranë")
    assert "code" in browser.answer
    again = await demanding.arta.begin(demanding.bank)
    await demanding.arta.log_in(again)
    assert "code" in again.answer


async def test_a_customer_chooses_the_language_in_which_the_bank_writes(town: Town) -> None:
    await town.change_user("arta.hoxha", who_must("update_user_locale"))
    browser = await town.arta.begin(town.bank)
    page = await town.arta.log_in(browser)
    assert "Italiano" in page.html
    page = await browser.submit("kc-locale-form", locale="xx")
    assert "kc-locale-form" in page.forms
    await browser.submit("kc-locale-form", locale="it")
    assert "code" in browser.answer
    assert (await town.user("arta.hoxha")).attribute("locale") == "it"


async def test_an_account_that_its_owner_deletes_is_gone_with_its_sessions_and_tokens(town: Town) -> None:
    tokens = await town.tokens()
    elsewhere = await town.logged_in()
    await town.change_user("arta.hoxha", who_must("delete_account"))
    browser = await town.arta.begin(town.bank)
    page = await town.arta.log_in(browser)
    assert "kc-delete-account" in page.forms
    await browser.press("kc-delete")
    assert browser.answer["error"] == "access_denied"
    assert "DELETE_ACCOUNT" in await town.event_types()
    assert await town.are_dead(tokens)
    page = await elsewhere.open(town.bank.request())
    assert "kc-form-login" in page.forms
    page = await town.arta.give_password(elsewhere)
    assert "kc-form-login" in page.forms, "nobody of that name can log in"


async def test_an_account_is_kept_by_whoever_changes_their_mind(town: Town) -> None:
    await town.change_user("arta.hoxha", who_must("delete_account"))
    browser = await town.arta.begin(town.bank)
    await town.arta.log_in(browser)
    await browser.press("kc-keep")
    assert browser.answer["error"] == "access_denied"
    assert (await town.user("arta.hoxha")).enabled
