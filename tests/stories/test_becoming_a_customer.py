"""Somebody makes an account of their own, and logs in with it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from idp.realms.users.profile import PROVIDER
from tests.stories.browser import Browser, Page
from tests.stories.settled import Home, Town, opened

pytestmark = pytest.mark.anyio

NEW = {
    "username": "drita.kola",
    "email": "drita@example.al",
    "firstName": "Drita",
    "lastName": "Kola",
    "password": "një fjalëkalim i ri",
    "password-confirm": "një fjalëkalim i ri",
    "kc-register": "1",
}


def open_to_all(document: dict[str, Any]) -> None:
    document["registrationAllowed"] = True
    # The guide's flow lets in only whoever has a token; these stories are about what comes before it.
    document["browserFlow"] = "simple"
    document["authenticationFlows"].append(
        {
            "alias": "simple",
            "topLevel": True,
            "authenticationExecutions": [
                {"authenticator": "auth-username-password-form", "requirement": "REQUIRED", "priority": 10}
            ],
        }
    )
    for action in document["requiredActions"]:
        action["defaultAction"] = False


def with_terms(document: dict[str, Any]) -> None:
    open_to_all(document)
    parts = [
        ("registration-user-creation", 20),
        ("registration-password-action", 50),
        ("registration-terms-and-conditions", 70),
    ]
    document["authenticationFlows"] += [
        {
            "alias": "registration",
            "topLevel": True,
            "authenticationExecutions": [
                {
                    "authenticator": "registration-page-form",
                    "authenticatorFlow": True,
                    "flowAlias": "registration form",
                    "requirement": "REQUIRED",
                    "priority": 10,
                }
            ],
        },
        {
            "alias": "registration form",
            "providerId": "form-flow",
            "topLevel": False,
            "authenticationExecutions": [
                {"authenticator": name, "requirement": "REQUIRED", "priority": priority} for name, priority in parts
            ],
        },
    ]


def named_by_address(document: dict[str, Any]) -> None:
    open_to_all(document)
    document["registrationEmailAsUsername"] = True


@pytest.fixture
async def town(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    del anyio_backend
    async with opened(home, tmp_path, edit=open_to_all) as town:
        yield town


async def at_the_form(town: Town) -> Browser:
    browser = town.browser()
    await browser.open(town.bank.request())
    await browser.open(browser.shown.links["kc-registration"])
    assert "kc-register-form" in browser.shown.forms
    return browser


async def register(town: Town, **changes: str) -> tuple[Browser, Page]:
    browser = await at_the_form(town)
    return browser, await browser.submit("kc-register-form", {**NEW, **changes})


async def test_somebody_becomes_a_customer_and_logs_in_with_what_they_chose(town: Town) -> None:
    browser, page = await register(town)
    assert "kc-form-login" in page.forms, "an account alone is no proof of anything"
    assert page.message == "Llogaria jote është gati. Hyr tani."
    assert 'value="drita.kola"' in page.html
    await browser.submit("kc-form-login", username="drita.kola", password=NEW["password"])
    assert "code" in browser.answer
    user = await town.user("drita.kola")
    assert (user.full_name, user.email, user.email_verified) == ("Drita Kola", "drita@example.al", False)
    assert user.attribute("locale") == "sq"
    assert user.realm_roles == (await town.user("arta.hoxha")).realm_roles
    assert user.id in {event.user_id for event in await town.events() if event.type == "REGISTER"}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("username", "", "bosh"),
        ("username", "ARTA.HOXHA", "Ka tashmë një llogari"),
        ("username", "dy fjalë", "shenja"),
        ("username", "somebody@example.al", "Ka tashmë një llogari"),
        ("email", "no address", "e-mail"),
        ("firstName", "<script>", "shenja"),
        ("password", "shkurt", "10"),
        ("password-confirm", "tjetër gjë krejt", "njëjt"),
    ],
)
async def test_what_is_wrong_is_said_and_nobody_is_made(town: Town, field: str, value: str, words: str) -> None:
    before = {user.username for user in await town.users()}
    changes = {field: value, "password-confirm": value} if field == "password" else {field: value}
    _, page = await register(town, **changes)
    assert "kc-register-form" in page.forms
    assert words in page.html
    assert "i ri" not in page.html, "a password is not sent back"
    assert {user.username for user in await town.users()} == before


async def test_an_address_that_a_customer_has_is_not_taken_a_second_time(town: Town) -> None:
    arta = await town.user("arta.hoxha")
    _, page = await register(town, email=arta.email.upper())
    assert "username-error" in page.ids, "which of the two is taken is not said"
    assert "Ka tashmë një llogari" in page.html


async def test_nobody_gives_themselves_what_only_the_bank_gives(town: Town) -> None:
    forged = {"phoneNumber": "+355699999999", "company": "X", "realm_roles": "admin", "requiredActions": "", "id": "1"}
    browser = await at_the_form(town)
    await browser.post(browser.shown.forms["kc-register-form"].action, {**NEW, **forged})
    user = await town.user("drita.kola")
    assert user.attributes == {"locale": ("sq",)}
    assert user.phone == ""


async def test_the_budget_of_an_address_ends_guessing_names(town: Town) -> None:
    browser = await at_the_form(town)
    for turn in range(20):
        page = await browser.submit("kc-register-form", {**NEW, "username": "arta.hoxha", "lastName": f"Kola {turn}"})
        assert "username-error" in page.ids
    page = await browser.submit("kc-register-form", NEW)
    assert page.message.startswith("Prej këtu")
    assert "drita.kola" not in {user.username for user in await town.users()}


async def test_whoever_is_named_by_their_address_is_not_asked_for_a_name(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=named_by_address) as town:
        browser = await at_the_form(town)
        assert "username" not in browser.shown.ids
        without = {name: value for name, value in NEW.items() if name != "username"}
        await browser.submit("kc-register-form", without)
        user = await town.user("drita@example.al")
        assert user.email == "drita@example.al"


async def test_terms_on_the_page_must_be_accepted_and_are_kept_with_their_words(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=with_terms) as town:
        _, page = await register(town)
        assert "kc-register-form" in page.forms
        _, page = await register(town, termsAccepted="on")
        assert "kc-form-login" in page.forms
        accepted = (await town.user("drita.kola")).terms
        of_arta = (await town.user("arta.hoxha")).terms
        assert accepted is not None
        assert of_arta is not None
        assert (accepted.version, accepted.digest) == (of_arta.version, of_arta.digest)


async def test_an_account_can_be_made_without_any_login_before(town: Town) -> None:
    browser = town.browser()
    page = await browser.open(f"{town.bank.issuer}/login-actions/registration?client_id=internet-banking")
    assert "kc-register-form" in page.forms
    page = await browser.submit("kc-register-form", NEW)
    assert page.message == "Llogaria jote është gati. Hyr tani."
    assert (await town.user("drita.kola")).enabled


async def test_where_nobody_may_register_there_is_neither_link_nor_page(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path) as town:
        browser = town.browser()
        page = await browser.open(town.bank.request())
        assert "kc-registration" not in page.links
        page = await browser.open(f"{town.bank.issuer}/login-actions/registration")
        assert page.status == 404


async def test_the_profile_of_the_realm_decides_what_is_asked(home: Home, tmp_path: Path) -> None:
    everybody = {"view": ["user"], "edit": ["user"]}
    attributes = [
        {"name": "username", "permissions": everybody},
        {"name": "city", "displayName": "Qyteti", "permissions": everybody, "required": {"roles": ["user"]}},
        {"name": "segment", "permissions": {"view": ["user"], "edit": ["admin"]}},
        {"name": "phoneNumber", "permissions": everybody},
    ]

    def edit(document: dict[str, Any]) -> None:
        open_to_all(document)
        text = json.dumps({"attributes": attributes})
        document["components"] = {PROVIDER: [{"providerId": "x", "config": {"kc.user.profile.config": [text]}}]}

    async with opened(home, tmp_path, edit=edit) as town:
        browser = await at_the_form(town)
        names = browser.shown.forms["kc-register-form"].names
        assert names == {"username", "city", "password", "password-confirm", "kc-register"}
