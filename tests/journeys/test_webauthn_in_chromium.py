"""Security keys and passkeys in a real browser with virtual authenticators (WebDriver's, by Chromium's protocol)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, CDPSession, Page

from tests.flows.bench import all_edits, document, no_actions
from tests.journeys.demo import Demo, demo
from tests.stories.rearranged import FORM, PASSWORD, forms, passwords
from tests.stories.test_webauthn import KEY, actions, offers_passkeys, wants_passkeys

pytestmark = pytest.mark.browser

# A platform authenticator that knows its owner: what a telephone is.
TELEPHONE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
STICK = {**TELEPHONE, "transport": "usb", "hasResidentKey": False}


@pytest.fixture
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Demo]:
    found = document(all_edits(no_actions, passwords, actions, *request.param))
    (tmp_path / "realms").mkdir()
    path = tmp_path / "realms" / "small-business.json"
    path.write_text(json.dumps(found), encoding="utf-8")
    with demo(tmp_path, (path,)) as started:
        yield started


SECOND_FACTOR = pytest.mark.parametrize("running", [(forms(FORM, KEY),)], indirect=True)
ON_THE_LOGIN_PAGE = pytest.mark.parametrize("running", [(forms(FORM), wants_passkeys, offers_passkeys)], indirect=True)


def request_of(demo: Demo) -> str:
    asked = {
        "client_id": "internet-banking",
        "redirect_uri": f"{demo.bank}/small-business/callback",
        "response_type": "code",
        "scope": "openid",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    }
    return f"{demo.idp}/realms/small-business/protocol/openid-connect/auth?{urlencode(asked)}"


def with_authenticator(page: Page, kind: dict[str, Any]) -> tuple[CDPSession, str]:
    protocol = page.context.new_cdp_session(page)
    protocol.send("WebAuthn.enable")
    made = protocol.send("WebAuthn.addVirtualAuthenticator", {"options": kind})
    return protocol, made["authenticatorId"]


def presence(protocol: CDPSession, authenticator: str, *, enabled: bool) -> None:
    protocol.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": authenticator, "enabled": enabled})


def give_password(page: Page, demo: Demo) -> None:
    page.goto(request_of(demo))
    page.fill("#username", "arta.hoxha")
    page.fill("#password", PASSWORD)
    page.click("#kc-login")


def registered(page: Page, demo: Demo) -> None:
    give_password(page, demo)
    page.wait_for_selector("#registerWebAuthn:visible")
    page.fill("#authenticatorLabel", "Çelësi blu")
    page.click("#registerWebAuthn")
    page.wait_for_url(f"{demo.bank}/**")
    page.context.clear_cookies()


@SECOND_FACTOR
def test_a_security_key_is_registered_and_used_and_its_clone_is_not(chromium: Browser, running: Demo) -> None:
    page = chromium.new_context().new_page()
    broken: list[str] = []
    page.on("console", lambda said: broken.append(said.text) if "Content Security Policy" in said.text else None)
    protocol, stick = with_authenticator(page, STICK)
    registered(page, running)

    give_password(page, running)
    assert "Çelësi blu" in (page.locator("#webauthn-keys").text_content() or "")
    page.click("#authenticateWebAuthnButton")
    page.wait_for_url(f"{running.bank}/**")
    page.context.clear_cookies()

    # A copy made before that use: its counter is behind.
    (kept,) = protocol.send("WebAuthn.getCredentials", {"authenticatorId": stick})["credentials"]
    protocol.send("WebAuthn.clearCredentials", {"authenticatorId": stick})
    protocol.send(
        "WebAuthn.addCredential", {"authenticatorId": stick, "credential": {**kept, "signCount": kept["signCount"] - 1}}
    )
    give_password(page, running)
    page.click("#authenticateWebAuthnButton")
    page.wait_for_selector("#message.error")
    assert page.url.startswith(running.idp)
    assert broken == []


@SECOND_FACTOR
def test_what_the_browser_refuses_is_told_and_the_page_goes_on(chromium: Browser, running: Demo) -> None:
    page = chromium.new_context().new_page()
    protocol, stick = with_authenticator(page, STICK)
    registered(page, running)
    protocol.send("WebAuthn.clearCredentials", {"authenticatorId": stick})
    give_password(page, running)
    page.click("#authenticateWebAuthnButton")
    page.wait_for_selector("[data-error=NotAllowedError]:visible")
    assert page.locator("[data-error]:visible").count() == 1
    assert page.locator("#authenticateWebAuthnButton").is_visible()


@SECOND_FACTOR
def test_without_scripts_the_page_says_that_it_needs_them(chromium: Browser, running: Demo) -> None:
    page = chromium.new_context(java_script_enabled=False).new_page()
    give_password(page, running)
    assert page.locator("#needs-script").is_visible()
    assert not page.locator("#registerWebAuthn").is_visible()


@ON_THE_LOGIN_PAGE
def test_a_passkey_is_offered_in_the_field_of_the_user_name_and_by_a_button(chromium: Browser, running: Demo) -> None:
    page = chromium.new_context().new_page()
    protocol, telephone = with_authenticator(page, TELEPHONE)
    registered(page, running)

    # A virtual authenticator with presence answers the waiting request, as a person does who picks the passkey.
    page.goto(request_of(running))
    page.wait_for_url(f"{running.bank}/**")
    page.context.clear_cookies()

    presence(protocol, telephone, enabled=False)
    page.goto(request_of(running))
    page.wait_for_selector("#authenticateWebAuthnButton:visible")
    presence(protocol, telephone, enabled=True)
    page.click("#authenticateWebAuthnButton")
    page.wait_for_url(f"{running.bank}/**")
    page.context.clear_cookies()

    presence(protocol, telephone, enabled=False)
    page.goto(request_of(running))
    page.wait_for_selector("#authenticateWebAuthnButton:visible")
    protocol.send("WebAuthn.setUserVerified", {"authenticatorId": telephone, "isUserVerified": False})
    presence(protocol, telephone, enabled=True)
    page.click("#authenticateWebAuthnButton")
    page.wait_for_selector("#webauth [data-error]:visible")
    assert page.url.startswith(running.idp), "who cannot unlock it is not let in"


@ON_THE_LOGIN_PAGE
def test_a_page_of_another_origin_cannot_use_the_key(chromium: Browser, running: Demo) -> None:
    page = chromium.new_context().new_page()
    protocol, telephone = with_authenticator(page, TELEPHONE)
    registered(page, running)
    presence(protocol, telephone, enabled=False)
    page.goto(request_of(running))
    asked = page.locator("#webauth").get_attribute("data-options") or ""
    page.goto(running.bank.replace("localhost", "127.0.0.1"))
    said = page.evaluate(
        """async (asked) => {
            const options = JSON.parse(asked);
            options.challenge = new Uint8Array(32);
            options.allowCredentials = [];
            return navigator.credentials.get({publicKey: options}).then(() => "signed", (error) => error.name);
        }""",
        asked,
    )
    assert said == "SecurityError"
