"""`session_state`: what our framed page compares, computed here as it computes it there."""

from __future__ import annotations

import base64
import hashlib

import pytest

from idp.oidc.sessions.browser_state import browser_state, origin_of, session_state, state_cookie
from tests.oidc.harness import PATH, Bank

pytestmark = pytest.mark.anyio


def compared(given: str, *, client_id: str, origin: str, state: str) -> bool:
    """What the script of the page does (Session Management §3.2), written down anew."""
    hashed, salt = given.split(".")
    expected = hashlib.sha256(f"{client_id} {origin} {state} {salt}".encode()).digest()
    return hashed == base64.urlsafe_b64encode(expected).decode().rstrip("=")


async def test_a_session_state_fits_its_client_origin_and_session_alone(bank: Bank) -> None:
    given = session_state(bank.provider, client_id="spa", redirect_uri="https://spa.bank.al/in?x", sid="sid-1")
    same = {"client_id": "spa", "origin": "https://spa.bank.al", "state": browser_state(bank.provider, "sid-1")}
    assert compared(given, **same)
    for change in (
        {"client_id": "app"},
        {"origin": "https://spa.bank.al:8443"},
        {"state": browser_state(bank.provider, "sid-2")},
        {"state": ""},
    ):
        assert not compared(given, **{**same, **change})


async def test_two_answers_have_two_salts_and_no_space(bank: Bank) -> None:
    given = {session_state(bank.provider, client_id="spa", redirect_uri="https://a/", sid="sid-1") for _ in range(9)}
    assert len(given) == 9
    assert not any(" " in one or "sid-1" in one for one in given)


async def test_the_state_of_a_browser_does_not_tell_its_session(bank: Bank) -> None:
    state = browser_state(bank.provider, "sid-1")
    assert state == browser_state(bank.provider, "sid-1")
    assert "sid-1" not in state
    assert "." not in state


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://spa.bank.al/callback?x=1", "https://spa.bank.al"),
        ("https://SPA.bank.al:443/", "https://spa.bank.al"),
        ("http://localhost:80/", "http://localhost"),
        ("http://localhost:8090/", "http://localhost:8090"),
        ("https://rp.example:8443", "https://rp.example:8443"),
        ("http://[::1]:7000/x", "http://[::1]:7000"),
    ],
)
def test_an_origin_is_spelled_as_browsers_do(address: str, origin: str) -> None:
    assert origin_of(address) == origin


async def test_the_page_names_the_cookie_of_its_realm(bank: Bank) -> None:
    reply = await bank.http.get(PATH + "login-status-iframe.html")
    assert f'data-cookie="{state_cookie(bank.provider)}"' in reply.text
    assert state_cookie(bank.provider) == "__Host-hyrja_state_bank"
