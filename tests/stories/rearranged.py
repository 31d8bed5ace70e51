"""Realm files with other flows, and customers whose credentials stand in the file: for stories about flows."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import httpx

from tests.flows.bench import Edit, all_edits, flow, no_actions, step, sub, with_flows
from tests.stories.browser import Page
from tests.stories.world import Customer, RelyingParty, World

PASSWORD = "një fjalëkalim i njohur"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
COOKIE = step("auth-cookie", "ALTERNATIVE")
FORM = step("auth-username-password-form")
OTP = step("auth-otp-form")
SMS = step("sms-otp")
CONFIGURED = step("conditional-user-configured")
PHONES = {"arta.hoxha": "+355692000101", "besnik.leka": "+355692000102"}


def forms(*lines: dict[str, Any], inner: tuple[dict[str, Any], ...] = ()) -> Edit:
    """The browser flow: a session answers, or these lines."""
    return with_flows(flow("bank login", COOKIE, sub("bank forms", "ALTERNATIVE")), flow("bank forms", *lines), *inner)


def passwords(found: dict[str, Any]) -> None:
    """Everybody has chosen a password already, and has no token."""
    for user in found["users"]:
        user["credentials"] = [{"type": "password", "value": PASSWORD}]


def tokens(found: dict[str, Any]) -> None:
    """Everybody has chosen a password and registered a token."""
    passwords(found)
    described = {"subType": "totp", "digits": 6, "period": 30, "algorithm": "HmacSHA1", "secretEncoding": "BASE32"}
    token = {
        "type": "otp",
        "userLabel": "Celulari",
        "secretData": json.dumps({"value": SEED}),
        "credentialData": json.dumps(described),
    }
    for user in found["users"]:
        user["credentials"].append(token)


def override(client_id: str, own: dict[str, Any]) -> Edit:
    """Let a client bring a flow of its own, named by its id as Keycloak does."""

    def edit(found: dict[str, Any]) -> None:
        found["authenticationFlows"].append(own)
        for client in found["clients"]:
            if client["clientId"] == client_id:
                client["authenticationFlowBindingOverrides"] = {"browser": own["id"], "direct_grant": ""}

    return edit


def settled(*edits: Edit) -> Edit:
    """Customers who are past their first access, with tokens, unless `edits` say otherwise."""
    return all_edits(no_actions, tokens, *edits)


def customer(world: World, username: str = "arta.hoxha") -> Customer:
    """A customer as `passwords` and `tokens` make them."""
    made = Customer(world, username, PHONES[username])
    made.password, made.secret = PASSWORD, SEED
    return made


def claims_of(response: httpx.Response) -> dict[str, Any]:
    """The claims of the ID token (its signature is checked in `test_the_guide`)."""
    assert response.status_code == 200, response.text
    payload = response.json()["id_token"].split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


async def redeemed(bank: RelyingParty, answer: dict[str, str]) -> dict[str, Any]:
    """Redeem the code that the client was sent; return the claims."""
    assert "code" in answer, answer
    return claims_of(await bank.redeem(answer["code"]))


def ways(page: Page) -> dict[str, str]:
    """The ways that a page offers: their title → execution id, in the page's order."""
    found = re.findall(
        r'name="authenticationExecution" value="([^"]+)">\s*<span class="title">([^<]+)</span>', page.html
    )
    return {title.strip(): execution_id for execution_id, title in found}


def without_chance(page: Page) -> str:
    """The page without what differs between any two requests: nonces and tab ids."""
    html = re.sub(r"(session_code|tab_id|execution)=[^&\"]+", r"\1=…", page.html)
    return re.sub(r"REF [A-Za-z0-9_-]+", "REF", html)


def action_of(page: Page | None) -> str:
    """Where the first form of a page posts to."""
    assert page is not None
    return next(iter(page.forms.values())).action
