"""What is good once is good at one of two nodes, when both are asked at the same moment, over HTTP."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flows.bench import all_edits
from tests.stories.browser import Browser
from tests.stories.rearranged import FORM, OTP, customer, forms, settled
from tests.stories.test_reset_credentials import asked, link_of, with_reset
from tests.stories.test_two_nodes import SETTLED, Pair, active, pair
from tests.stories.world import NEW_PASSWORD

pytestmark = pytest.mark.anyio
AT_ONCE = 20
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
CIBA = "urn:openid:params:grant-type:ciba"


def _asks_elsewhere(found: dict[str, Any]) -> None:
    client = next(one for one in found["clients"] if one["clientId"] == "internet-banking")
    client["attributes"] |= {"oauth2.device.authorization.grant.enabled": "true", "oidc.ciba.grant.enabled": "true"}


ELSEWHERE = all_edits(SETTLED, _asks_elsewhere)


async def _polled(nodes: Pair, **form: str) -> list[httpx.Response]:
    """Ask both nodes in turn for the tokens of one request, all at once."""
    client = nodes.world.client()
    return list(await asyncio.gather(*(client.post("token", **form) for _ in range(AT_ONCE))))


def _outcomes(answers: Iterable[httpx.Response]) -> Counter[str]:
    return Counter("ok" if answer.status_code == 200 else str(answer.json()["error"]) for answer in answers)


async def _redeemed_once(nodes: Pair, answers: list[httpx.Response]) -> None:
    assert _outcomes(answers) == {"ok": 1, "invalid_grant": AT_ONCE - 1}
    (tokens,) = (answer.json() for answer in answers if answer.status_code == 200)
    sessions = await nodes.here.site.desks["small-business"].provider.stores.user_sessions.of_user(
        (await nodes.here.user("arta.hoxha")).id
    )
    assert len(sessions) == 1
    assert await active(nodes.here, tokens["access_token"]) == await active(nodes.there, tokens["access_token"])


async def test_a_device_code_that_was_allowed_is_redeemed_at_one_of_them(tmp_path: Path) -> None:
    async with pair(tmp_path, edit=ELSEWHERE) as nodes:
        codes = (await nodes.world.client().post("auth/device", scope="openid profile")).json()
        browser = nodes.world.browser()
        await browser.open(codes["verification_uri"])
        await browser.submit("device-code-form", user_code=codes["user_code"])
        await customer(nodes.world).log_in(browser)
        await browser.press("accept")
        await _redeemed_once(nodes, await _polled(nodes, grant_type=DEVICE, device_code=codes["device_code"]))


async def test_a_decision_on_the_customers_phone_is_redeemed_at_one_of_them(tmp_path: Path) -> None:
    async with pair(tmp_path, edit=ELSEWHERE) as nodes:
        arta = customer(nodes.world)
        request = (await nodes.world.client().post("ext/ciba/auth", scope="openid", login_hint=arta.username)).json()
        browser = nodes.world.browser()
        await browser.open(nodes.world.sms.last_to(arta.phone).rsplit(" ", 1)[1])
        await browser.submit("request-waiting-form")
        await arta.log_in(browser)
        await browser.press("accept")
        await _redeemed_once(nodes, await _polled(nodes, grant_type=CIBA, auth_req_id=request["auth_req_id"]))


async def test_a_link_of_a_letter_is_followed_once_by_twenty_browsers_at_both(tmp_path: Path) -> None:
    async with pair(tmp_path, edit=settled(with_reset, forms(FORM, OTP))) as nodes:
        await asked(nodes.world)
        link = link_of(nodes.world)
        browsers = [nodes.world.browser() for _ in range(AT_ONCE)]
        for browser in browsers:
            assert "action-link-form" in (await browser.open(link)).forms, "looking at a link does not use it up"
        await asyncio.gather(*(browser.submit("action-link-form") for browser in browsers))
        let_on = [browser for browser in browsers if "kc-passwd-update-form" in browser.shown.forms]
        assert len(let_on) == 1
        told = {browser.shown.message for browser in browsers if browser not in let_on}
        assert told == {"Kjo lidhje nuk vlen më. Kërko një të re."}
        late = nodes.world.browser()
        await late.open(link)
        await late.submit("action-link-form")
        assert "kc-passwd-update-form" not in late.shown.forms, "and it is used up for good"


async def test_a_new_password_is_taken_once_from_a_form_that_both_are_sent(tmp_path: Path) -> None:
    async with pair(tmp_path, edit=settled(with_reset, forms(FORM, OTP))) as nodes:
        browser = await _at_the_new_password(nodes)
        form = browser.shown.forms["kc-passwd-update-form"]
        written = [f"{NEW_PASSWORD} {number}" for number in range(AT_ONCE)]
        sent = ({"password-new": one, "password-confirm": one} for one in written)
        await asyncio.gather(*(browser.http.post(form.action, data=one) for one in sent))
        types = Counter(await nodes.here.event_types())
        assert types["UPDATE_PASSWORD"] == 1


async def _at_the_new_password(nodes: Pair) -> Browser:
    await asked(nodes.world)
    browser = nodes.world.browser()
    await browser.open(link_of(nodes.world))
    await browser.submit("action-link-form")
    return browser
