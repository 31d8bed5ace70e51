"""`idp realm log|show|draft|diff|publish|rollback|confirm` beside the real process, as an administrator types them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.deployment import PATIENCE, REALM, Deployment, Token, command, confirmed, environment
from tests.cli.test_serve import USERNAME, Bank, login_page, settled
from tests.stories.browser import Page
from tests.stories.world import NEW_PASSWORD

pytestmark = pytest.mark.anyio
REASON = ("--author", "Ana", "--reason", "CHG-7")


class Administrator:
    """Somebody at a terminal of the server's machine."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment

    async def run(self, action: str, *arguments: str, realm: str = REALM) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            subprocess.run,
            command("realm", action, "--config", str(self.deployment.config), realm, *arguments),
            cwd=self.deployment.folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    async def does(self, action: str, *arguments: str) -> str:
        """Run a command that works, and return what it says."""
        done = await self.run(action, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    async def refused(self, action: str, *arguments: str, realm: str = REALM) -> str:
        """Run a command that is refused, and return what it says."""
        done = await self.run(action, *arguments, realm=realm)
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    async def log(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(await self.does("log", "--json"))
        return rows

    def write(self, name: str, document: dict[str, Any]) -> str:
        (self.deployment.folder / name).write_text(json.dumps(document), encoding="utf-8")
        return name


def cards_by_sms(document: dict[str, Any]) -> dict[str, Any]:
    """The walk-through of docs/administrators.md: a login of its own for one client."""
    document["authenticationFlows"] += [
        {
            "alias": "sms login",
            "id": "sms-login",
            "topLevel": True,
            "authenticationExecutions": [
                {"authenticator": "auth-cookie", "requirement": "ALTERNATIVE", "priority": 10},
                {"flowAlias": "sms forms", "requirement": "ALTERNATIVE", "priority": 20, "authenticatorFlow": True},
            ],
        },
        {
            "alias": "sms forms",
            "topLevel": False,
            "authenticationExecutions": [
                {"authenticator": "auth-username-password-form", "requirement": "REQUIRED", "priority": 10},
                {"authenticator": "sms-otp", "requirement": "REQUIRED", "priority": 20},
            ],
        },
    ]
    (cards,) = [client for client in document["clients"] if client["clientId"] == "cards"]
    cards["authenticationFlowBindingOverrides"] = {"browser": "sms-login"}
    return document


async def page_after_password(deployment: Deployment, client_id: str) -> Page:
    """Log in to a client as far as the page after the password."""
    browser = deployment.browser()
    request = Bank(deployment).request().replace("internet-banking", client_id)
    request = request.replace("callback", "callback" if client_id == "internet-banking" else f"{client_id}%2Fcallback")
    await browser.open(request)
    await browser.submit("kc-form-login", username=USERNAME, password=NEW_PASSWORD)
    assert browser.page is not None
    return browser.page


async def until(deployment: Deployment, client_id: str, form: str) -> None:
    """Wait until a login of a client shows a form after the password."""
    deadline = time.monotonic() + PATIENCE
    while form not in (page := await page_after_password(deployment, client_id)).forms:
        assert time.monotonic() < deadline, page.html
        await asyncio.sleep(0.1)


async def test_the_second_factor_of_one_client_is_changed_and_changed_back(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, edit=settled)
    ana = Administrator(deployment)
    with deployment.serving():
        await until(deployment, "cards", "kc-otp-login-form")
        await ana.does("show", "--output", "realm-new.json")
        document = json.loads((tmp_path / "realm-new.json").read_text(encoding="utf-8"))
        assert "users" not in document
        ana.write("realm-new.json", cards_by_sms(document))

        told = await ana.does("draft", "realm-new.json", "--name", "cards-sms")
        assert "Draft cards-sms is kept" in told
        told = await ana.does("diff", "draft:cards-sms")
        assert "▼ weaker    TOTP is no longer required for client cards" in told
        assert "internet-banking" not in told
        assert (await ana.run("diff", "draft:cards-sms", "--fail-on-weaker")).returncode == 1
        assert (await ana.run("publish", "--draft", "cards-sms")).returncode == 2, "a reason is demanded"

        told = await ana.does("publish", "--draft", "cards-sms", "--accept-findings", *REASON)
        assert "TOTP is no longer required for client cards" in told
        await until(deployment, "cards", "sms-otp-form")
        assert "kc-otp-login-form" in (await page_after_password(deployment, "internet-banking")).forms

        (line, first) = await ana.log()
        assert (line["author"], line["reason"], line["source"]) == ("Ana", "CHG-7", "publish")
        assert (line["parent"], first["source"]) == (first["version"], "file")
        assert line["logins"] >= 1
        told = await ana.does("log")
        assert f"live →   2  {line['version'][:12]}" in told

        told = await ana.does("rollback", "--reason", "too dear")
        assert first["version"][:12] in told
        await until(deployment, "cards", "kc-otp-login-form")
        assert [row["source"] for row in await ana.log()] == ["rollback", "publish", "file"]
        events = deployment.log.read_text(encoding="utf-8")
        assert "realm version at work" in events
    with deployment.serving():  # and it stays so, although nobody has touched the file
        assert "kc-otp-login-form" in (await page_after_password(deployment, "cards")).forms


async def test_a_login_in_progress_finishes_on_its_version_while_another_process_publishes(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, edit=settled)
    ana, bank = Administrator(deployment), Bank(deployment)
    with deployment.serving():
        browser = await login_page(deployment, bank)
        await browser.submit("kc-form-login", username=USERNAME, password=NEW_PASSWORD)
        document = json.loads(await ana.does("show"))
        for flow in document["authenticationFlows"]:
            if flow["alias"] == "bank forms":
                flow["authenticationExecutions"][-1]["authenticator"] = "sms-otp"
        told = await ana.does("publish", ana.write("new.json", document), "--accept-findings", *REASON)
        assert "Published" in told
        await until(deployment, "internet-banking", "sms-otp-form")
        versions = {row["version"]: row for row in await ana.log()}
        assert sum(row["logins"] for row in versions.values()) >= 2
        await confirmed(browser, "kc-otp-login-form", "otp", Token("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"))
        tokens = (await bank.redeem(browser.answer["code"])).json()
        assert "id_token" in tokens
        (new, old) = await ana.log()
        assert (old["sessions"], new["sessions"]) == (1, 0), "the session says under which version it was made"


async def test_what_has_errors_is_refused_and_what_is_newly_unwise_must_be_accepted(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, edit=settled)
    ana = Administrator(deployment)
    with deployment.serving():
        document = json.loads(await ana.does("show"))
        unbound = {**document, "authenticationFlows": []}
        told = await ana.refused("publish", ana.write("unbound.json", unbound), *REASON)
        assert "bank login" in told
        assert "never served" in told
        unwise = ana.write("unwise.json", {**document, "accessTokenLifespan": 86400})
        told = await ana.refused("publish", unwise, *REASON)
        assert "L-ACCESS-TOKEN" in told
        assert "--accept-findings" in told
        assert (
            "nothing was published"
            in (await ana.does("publish", unwise, "--accept-findings", "--dry-run", *REASON)).lower()
        )
        assert len(await ana.log()) == 1
        await ana.does("publish", unwise, "--accept-findings", *REASON)
        assert "nothing to publish" in await ana.refused("publish", unwise, "--accept-findings", *REASON)
        # The warning is no news any more.
        again = ana.write("again.json", {**document, "accessTokenLifespan": 86400, "displayName": "E re"})
        await ana.does("publish", again, *REASON)


async def test_a_draft_of_a_version_that_is_no_longer_live_is_refused(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, edit=settled)
    ana = Administrator(deployment)
    with deployment.serving():
        document = json.loads(await ana.does("show"))
        await ana.does("draft", ana.write("mine.json", {**document, "displayName": "Mine"}), "--name", "mine")
        other = ana.write("other.json", {**document, "displayName": "Theirs"})
        await ana.does("publish", other, "--author", "Bledi", "--reason", "CHG-8")
        told = await ana.refused("publish", "--draft", "mine", *REASON)
        assert "published by Bledi" in told
        assert "mine" in await ana.does("draft")
        assert "no drafts" in await ana.does("draft", "--name", "mine", "--remove")


async def test_a_version_that_must_be_confirmed_waits_until_somebody_does(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, edit=settled)
    ana = Administrator(deployment)
    with deployment.serving():
        document = json.loads(await ana.does("show"))
        new = ana.write("new.json", {**document, "displayName": "E re"})
        told = await ana.does("publish", new, "--confirm-within", "10", *REASON)
        assert "goes back by itself" in told
        assert "WAITS" in await ana.does("log")
        other = ana.write("other.json", {**document, "displayName": "Tjetër"})
        assert "still waits" in await ana.refused("publish", other, *REASON)
        await ana.does("confirm", "--author", "Ana")
        assert "confirmed by Ana" in await ana.does("log")
        assert "Nothing waits" in await ana.refused("confirm")
        assert "1440" in await ana.refused("publish", other, "--confirm-within", "0", *REASON)


async def test_secrets_are_masked_and_come_back_when_the_file_is_published(tmp_path: Path) -> None:
    def edit(found: dict[str, Any]) -> None:
        settled(found)
        found["clients"][1]["secret"] = "a literal secret of the file, long enough"

    deployment = Deployment(tmp_path, edit=edit)
    ana = Administrator(deployment)
    with deployment.serving():
        shown = await ana.does("show")
        assert "a literal secret" not in shown
        document = json.loads(shown)
        await ana.does("publish", ana.write("new.json", {**document, "displayName": "E re"}), *REASON)
        assert "a literal secret of the file, long enough" in await ana.does("show", "--secrets", "included")
        assert "a literal secret" not in await ana.does("diff", (await ana.log())[1]["version"][:8], "live")
        document["clients"][1]["clientId"] = "renamed"
        told = await ana.refused("publish", ana.write("masked.json", document), *REASON)
        assert "/clients/1/secret" in told


WRONG: list[tuple[str, tuple[str, ...]]] = [
    ("show", ("0000",)),
    ("diff", ("draft:none",)),
    ("diff", ("no-such-file.json",)),
    ("publish", REASON),
    ("publish", ("--draft", "none", *REASON)),
    ("rollback", REASON),
    ("rollback", ("0000", *REASON)),
    ("confirm", ()),
    ("draft", ("--remove",)),
    ("draft", ("realm.json", "--name", "a/b")),
]


async def test_whatever_is_wrong_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, edit=settled)
    ana = Administrator(deployment)
    with deployment.serving():
        for action, arguments in WRONG:
            told = await ana.refused(action, *arguments)
            assert told.startswith("idp realm: "), told
            assert told.count("\n") == 1, told
        assert "no server has served it" in await ana.refused("log", realm="nobody")


def test_two_files_are_compared_without_any_settings(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    before = root / "realms" / f"{REALM}.json"
    after = tmp_path / "after.json"
    after.write_text(json.dumps(cards_by_sms(json.loads(before.read_text(encoding="utf-8")))), encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - this Python and this project
        command("realm", "diff", str(before), str(after), "--format", "html", "--output", str(tmp_path / "diff.html")),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "TOTP is no longer required for client cards" in (tmp_path / "diff.html").read_text(encoding="utf-8")
