"""The real process: started, stopped, and killed in the middle of everything."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import signal
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.cli.deployment import PERIOD, REALM, Deployment, Token, command, confirmed, environment
from tests.patience import PATIENCE
from tests.ports import free_port
from tests.stories.browser import Browser
from tests.stories.world import NEW_PASSWORD

pytestmark = pytest.mark.anyio
USERNAME, PHONE = "arta.hoxha", "+355692000101"


class Bank:
    """A relying party of the process."""

    def __init__(self, deployment: Deployment) -> None:
        self._issuer = f"{deployment.origin}/realms/{REALM}"
        self._credentials = ("internet-banking", deployment.secret)
        self._redirect_uri = f"http://localhost:8090/{REALM}/callback"
        self._verifier = "v" * 64

    def request(self) -> str:
        digest = hashlib.sha256(self._verifier.encode()).digest()
        parameters = {
            "client_id": "internet-banking",
            "redirect_uri": self._redirect_uri,
            "response_type": "code",
            "scope": "openid",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self._issuer}/protocol/openid-connect/auth?{urlencode(parameters)}"

    async def post(self, path: str, **form: str) -> httpx.Response:
        async with httpx.AsyncClient(auth=self._credentials, timeout=PATIENCE) as http:
            return await http.post(f"{self._issuer}/protocol/openid-connect/{path}", data=form)

    async def redeem(self, code: str) -> httpx.Response:
        form = {"code": code, "redirect_uri": self._redirect_uri, "code_verifier": self._verifier}
        return await self.post("token", grant_type="authorization_code", **form)

    async def refresh(self, token: str) -> httpx.Response:
        return await self.post("token", grant_type="refresh_token", refresh_token=token)


async def login_page(deployment: Deployment, bank: Bank) -> Browser:
    browser = deployment.browser()
    page = await browser.open(bank.request())
    assert "kc-form-login" in page.forms
    return browser


async def give_password(browser: Browser, password: str) -> None:
    await browser.submit("kc-form-login", username=USERNAME, password=password)


def first_password(deployment: Deployment) -> str:
    return deployment.messages(PHONE)[0].rsplit(" ", 1)[1]


async def qr_code(deployment: Deployment, bank: Bank, password: str) -> tuple[Browser, Token]:
    """Come as far as the QR code."""
    browser = await login_page(deployment, bank)
    assert browser.page is not None
    await browser.open(browser.page.links["register-soft-token"])
    await give_password(browser, password)
    page = await browser.submit("sms-otp-form", code=deployment.messages(PHONE)[-1].rsplit("#", 1)[1])
    return browser, Token(page.text("secret"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_server_that_is_told_to_stop_ends_in_order(tmp_path: Path, number: signal.Signals) -> None:
    deployment = Deployment(tmp_path)
    with deployment.serving() as process:
        async with httpx.AsyncClient(timeout=PATIENCE) as http:
            issuer = f"{deployment.origin}/realms/{REALM}"
            metadata = (await http.get(f"{issuer}/.well-known/openid-configuration")).json()
            assert metadata["issuer"] == issuer
            assert (await http.get(metadata["jwks_uri"])).json()["keys"]
        assert process.end(number) == 0
        assert process.output == ""
    events = [json.loads(line)["event"] for line in deployment.log.read_text(encoding="utf-8").splitlines()]
    assert events[-1] == "stopped"
    assert "serving" in events
    store = deployment.folder / "store" / "hyrja.sqlite"
    assert not store.with_name("hyrja.sqlite-wal").exists(), "the log was written back into the file"


async def test_a_request_in_progress_is_answered_before_the_server_ends(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    deployment.change("iterations = 1", "iterations = 60")
    with deployment.serving() as process:
        browser = await login_page(deployment, Bank(deployment))
        answer = asyncio.create_task(give_password(browser, "wrong"))
        await asyncio.sleep(0.1)
        process.send(signal.SIGTERM)
        await answer
        assert browser.page is not None
        assert browser.page.message
        assert process.wait() == 0


async def test_a_second_server_does_not_serve_the_same_store(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    with deployment.serving():
        other = free_port()
        second = await asyncio.to_thread(
            subprocess.run,
            command("serve", "--config", str(deployment.config)),
            cwd=tmp_path,
            env={**environment(), "HYRJA_SERVER__PORT": str(other)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode == 1
        assert second.stdout == ""
        assert second.stderr.startswith("idp: Another server process (")
        assert second.stderr.count("\n") == 1
        async with httpx.AsyncClient(timeout=PATIENCE) as http:
            assert (await http.get(f"{deployment.origin}/realms/{REALM}/.well-known/openid-configuration")).is_success


async def test_a_server_killed_in_its_first_starts_begins_where_it_was(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    for file in (deployment.folder / "store" / "hyrja.sqlite", deployment.outbox):
        deployment.start_killed_when(file)
    with deployment.serving():
        browser = await login_page(deployment, Bank(deployment))
        await give_password(browser, deployment.messages(PHONE)[-1].rsplit(" ", 1)[1])
        assert browser.page is not None
        assert "soft-token-info" in browser.page.ids, "the password that was sent last is good"
    assert len(deployment.messages("+355692000102")) >= 1, "and nobody was forgotten"


async def test_a_server_killed_in_a_first_access_loses_nothing_done_and_keeps_nothing_half_done(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    bank = Bank(deployment)

    with deployment.serving():
        password = first_password(deployment)
        half, half_token = await qr_code(deployment, bank, password)

    with deployment.serving():
        assert len(deployment.messages(PHONE)) == 2, "the first password is not sent again"
        browser = await login_page(deployment, bank)
        await give_password(browser, password)
        assert browser.page is not None
        assert "soft-token-info" in browser.page.ids, "a token that nobody confirmed is nobody's"
        enrolling, token = await qr_code(deployment, bank, password)
        page = await confirmed(enrolling, "kc-totp-settings-form", "totp", token)
        assert "kc-form-login" in page.forms

    with deployment.serving():
        browser = await login_page(deployment, bank)
        await give_password(browser, password)
        assert browser.page is not None
        assert "kc-otp-login-form" in browser.page.forms, "the token that was confirmed is there"
        page = await browser.submit("kc-otp-login-form", otp=token.last)
        assert "kc-otp-login-form" in page.forms, "the code that enrolled it stays used"
        page = await browser.submit("kc-otp-login-form", otp=half_token.code())
        assert "kc-otp-login-form" in page.forms, "the token of the enrolment that was cut off is nobody's"
        page = await confirmed(browser, "kc-otp-login-form", "otp", token)
        assert "kc-passwd-update-form" in page.forms
        page = await browser.submit(
            "kc-passwd-update-form", {"password-new": NEW_PASSWORD, "password-confirm": NEW_PASSWORD}
        )
        assert not browser.has_left

    with deployment.serving():
        stranger = await browser.open(bank.request())
        assert not browser.has_left, "a login that was cut off is no session"
        assert "kc-form-login" in stranger.forms
        await give_password(browser, password)
        assert browser.page is not None
        assert "kc-form-login" in browser.page.forms, "the password that was replaced is no more"
        await give_password(browser, NEW_PASSWORD)
        assert "kc-otp-login-form" in browser.page.forms
        page = await confirmed(browser, "kc-otp-login-form", "otp", token)
        assert "kc-passwd-update-form" not in page.forms
        assert "Kushte" in page.html, "what was not accepted is asked"
    assert half.arrived is None


def settled(document: dict[str, Any]) -> None:
    """Make the customer one who came from another system, with password and token, and has nothing left to do."""
    for action in document["requiredActions"]:
        action["enabled"] = action["alias"] == "CONFIGURE_TOTP"
    document["users"] = document["users"][:1]
    document["users"][0]["credentials"] = [
        {"type": "password", "value": NEW_PASSWORD},
        {
            "type": "otp",
            "secretData": '{"value": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}',
            "credentialData": json.dumps({"secretEncoding": "BASE32", "period": PERIOD}),
        },
    ]


async def log_in(browser: Browser, token: Token) -> str:
    await give_password(browser, NEW_PASSWORD)
    await confirmed(browser, "kc-otp-login-form", "otp", token)
    assert browser.arrived is not None
    return browser.answer["code"]


async def test_a_server_killed_in_a_login_keeps_sessions_and_tokens_and_makes_none_of_the_login(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, edit=settled)
    bank, token = Bank(deployment), Token("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")

    with deployment.serving():
        here = await login_page(deployment, bank)
        tokens = (await bank.redeem(used := await log_in(here, token))).json()
        await here.open(bank.request())
        waiting = here.answer["code"]
        there = await login_page(deployment, bank)
        await give_password(there, NEW_PASSWORD)
        assert there.page is not None
        assert "kc-otp-login-form" in there.page.forms

    with deployment.serving():
        await here.open(bank.request())
        assert "code" in here.answer, "the session is found again"
        assert (await bank.redeem(waiting)).status_code == 200, "the code that was handed out is good"
        assert (await bank.refresh(tokens["refresh_token"])).status_code == 200
        await there.open(bank.request())
        assert not there.has_left, "a password alone is no session"
        page = await there.submit("kc-form-login", username=USERNAME, password=NEW_PASSWORD)
        page = await there.submit("kc-otp-login-form", otp=token.last)
        assert "kc-otp-login-form" in page.forms, "a code that was used before the kill stays used"

    with deployment.serving():
        rotated = await bank.refresh(tokens["refresh_token"])
        assert rotated.status_code == 400, "a refresh token that was rotated before the kill stays rotated"
        for code in (used, waiting):
            assert (await bank.redeem(code)).status_code == 400, "a code that was redeemed before a kill is used up"


def test_several_workers_on_one_file_are_refused_with_what_to_do(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    refused = subprocess.run(  # noqa: S603 - this Python and this project
        command("serve", "--config", str(deployment.config), "--workers", "2"),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "server.workers must be 1 with the embedded store" in refused.stderr
    assert refused.stderr.count("\n") == 1
