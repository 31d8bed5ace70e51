"""`idp user show|unlock|disable|enable|end-sessions` beside the real process."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.opening.beside import store_beside
from idp.settings.loading import load
from tests.cli.deployment import REALM, Deployment, Token, command, environment
from tests.cli.serving.test_serve import USERNAME, Bank, give_password, log_in, login_page, settled
from tests.fakes import FakeClock
from tests.stories.world import NEW_PASSWORD

pytestmark = pytest.mark.anyio

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
WHY = ("--reason", "the customer called")


def run(deployment: Deployment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - this Python and this project
        command("user", *arguments, "--config", str(deployment.config)),
        cwd=deployment.folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def does(deployment: Deployment, *arguments: str) -> str:
    done = run(deployment, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(tmp_path, edit=settled)
    with made.serving():
        yield made


async def test_an_operator_ends_every_session_of_a_user_and_their_tokens_with_them(deployment: Deployment) -> None:
    bank, token = Bank(deployment), Token(SEED)
    browser = await login_page(deployment, bank)
    tokens = (await bank.redeem(await log_in(browser, token))).json()
    known = json.loads(does(deployment, "show", REALM, USERNAME, "--json"))
    assert known["enabled"]
    assert known["credentials"] == ["password", "otp"]
    assert [one["clients"] for one in known["sessions"]] == [["internet-banking"]]
    assert "sessions ended: 1" in does(deployment, "end-sessions", REALM, USERNAME, *WHY)
    assert (await bank.refresh(tokens["refresh_token"])).status_code == 400
    page = await browser.open(bank.request())
    assert "kc-form-login" in page.forms, "the browser's session is over"
    assert json.loads(does(deployment, "show", REALM, USERNAME, "--json"))["sessions"] == []
    await log_in(browser, token)


async def test_a_disabled_user_hears_what_everybody_hears_and_an_enabled_one_logs_in(deployment: Deployment) -> None:
    bank, token = Bank(deployment), Token(SEED)
    wrong = await login_page(deployment, bank)
    await give_password(wrong, "not the password")
    browser = await login_page(deployment, bank)
    tokens = (await bank.redeem(await log_in(browser, token))).json()
    assert "sessions ended: 1" in does(deployment, "disable", REALM, USERNAME, *WHY)
    assert (await bank.refresh(tokens["refresh_token"])).status_code == 400
    refused = await login_page(deployment, bank)
    await give_password(refused, NEW_PASSWORD)
    assert "kc-form-login" in refused.shown.forms
    assert refused.shown.message == wrong.shown.message
    does(deployment, "enable", REALM, USERNAME, *WHY)
    assert (await bank.refresh(tokens["refresh_token"])).status_code == 400, "what was given out before stays dead"
    await log_in(await login_page(deployment, bank), token)


async def test_a_locked_user_tries_again_once_an_operator_has_forgiven(deployment: Deployment) -> None:
    bank, token = Bank(deployment), Token(SEED)
    browser = await login_page(deployment, bank)
    for _ in range(5):
        await give_password(browser, "not the password")
    await give_password(browser, NEW_PASSWORD)
    assert "kc-form-login" in browser.shown.forms, "the right password is of no use to a locked account"
    assert "password until" in does(deployment, "show", REALM, USERNAME)
    assert "can try again" in does(deployment, "unlock", REALM, USERNAME, *WHY)
    assert "no failures and no locks" in does(deployment, "unlock", REALM, USERNAME, *WHY)
    await log_in(await login_page(deployment, bank), token)


async def test_every_act_leaves_its_reason_and_a_wrong_name_is_one_line(deployment: Deployment) -> None:
    does(deployment, "disable", REALM, USERNAME, *WHY)
    does(deployment, "enable", REALM, USERNAME, *WHY)
    done = run(deployment, "disable", REALM, "nobody", *WHY)
    assert done.returncode == 1
    assert done.stderr == f"idp user: {REALM} has no user “nobody”.\n"
    assert run(deployment, "disable", REALM, USERNAME).returncode == 2, "nothing is done without a reason"
    settings = load(deployment.config, environment={})
    async with store_beside(settings, clock=FakeClock()) as store:
        events = await store.realm(REALM).events.recent(limit=10)
    said = [(event.type, event.detail) for event in events if event.type.startswith("USER_")]
    assert said == [(name, {"reason": "the customer called"}) for name in ("USER_ENABLED", "USER_DISABLED")]
