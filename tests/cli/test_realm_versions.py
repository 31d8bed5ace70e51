"""`idp realm log|show|draft|diff|publish|rollback|confirm` beside the real process, as an administrator types them."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from idp.model.event import Event
from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from tests.cli.deployment import REALM, Deployment, Token, command, confirmed, environment
from tests.cli.serving.test_serve import PHONE, USERNAME, Bank, login_page, settled
from tests.fakes import FakeClock
from tests.patience import PATIENCE
from tests.stories.browser import Browser, Page
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
    """A login of its own for one client."""
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


async def at_password(deployment: Deployment, client_id: str) -> Browser:
    """Begin a login to a client."""
    browser = deployment.browser()
    request = Bank(deployment).request().replace("internet-banking", client_id)
    request = request.replace("callback", "callback" if client_id == "internet-banking" else f"{client_id}%2Fcallback")
    await browser.open(request)
    return browser


async def page_after_password(deployment: Deployment, client_id: str) -> Page:
    """Log in to a client as far as the page after the password."""
    return (await after_password(deployment, client_id))[1]


async def after_password(deployment: Deployment, client_id: str) -> tuple[Browser, Page]:
    browser = await at_password(deployment, client_id)
    return browser, await browser.submit("kc-form-login", username=USERNAME, password=NEW_PASSWORD)


async def until(deployment: Deployment, client_id: str, form: str) -> Browser:
    """Wait until a login of a client shows a form after the password; return the browser that shows it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        browser, page = await after_password(deployment, client_id)
        if form in page.forms:
            return browser
        assert time.monotonic() < deadline, page.html
        await asyncio.sleep(0.1)


PAGE = Path(__file__).parents[2] / "docs" / "administrators.md"
STEPS = re.compile(r"^### Step by step: another second factor.*?(?=^## )", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:\$ )?idp (.+)$", re.MULTILINE)


def written_steps() -> tuple[list[list[str]], list[Any], dict[str, Any]]:
    """The commands of the walk-through, the flows that it adds, and what it writes into the client."""
    section = STEPS.search(PAGE.read_text(encoding="utf-8"))
    assert section is not None
    commands = [shlex.split(line) for line in COMMAND.findall(section.group())]
    flows, binding = re.findall(r"^```json\n(.*?)^```", section.group(), re.MULTILINE | re.DOTALL)
    return commands, json.loads(f"[{flows}]"), json.loads(f"{{{binding}}}")


async def test_the_walk_through_of_the_page_for_administrators_works_word_by_word(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, edit=settled)
    places = {"config/development.toml": str(deployment.config), "realms/small-business.json": str(deployment.realm)}
    (show, draft, diff, prove, publish, log, rollback), flows, binding = written_steps()

    async def run(words: list[str], *, status: int = 0) -> str:
        done = await asyncio.to_thread(
            subprocess.run,
            command(*(places.get(word, word) for word in words)),
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    with deployment.serving():
        await until(deployment, "cards", "kc-otp-login-form")
        await run(show)
        new = tmp_path / "new.json"
        document = json.loads(new.read_text(encoding="utf-8"))
        assert "users" not in document
        document["authenticationFlows"] += flows
        (cards,) = [client for client in document["clients"] if client["clientId"] == "cards"]
        cards.update(binding)
        new.write_text(json.dumps(document), encoding="utf-8")

        assert "Draft cards-sms is kept" in await run(draft)
        told = await run(diff)
        assert "▼ weaker    TOTP is no longer required for client cards" in told
        assert "internet-banking" not in told
        assert "NEW ACCESS" in await run(prove, status=1)
        assert "goes back by itself" in await run(publish)
        browser = await until(deployment, "cards", "sms-otp-form")
        assert "kc-otp-login-form" in (await page_after_password(deployment, "internet-banking")).forms
        assert "WAITS" in await run(log)
        await browser.submit("sms-otp-form", code=deployment.messages(PHONE)[-1].rsplit("#", 1)[1])
        assert browser.has_left
        assert "confirmed by login" in await run(log)

        ana = Administrator(deployment)
        line, first = await ana.log()
        assert (line["source"], line["parent"], first["source"]) == ("publish", first["version"], "file")
        assert line["sessions"] == 1
        told = await run(rollback)
        assert "▲ stronger  TOTP is now required for client cards" in told
        assert f"{REALM} is {first['version'][:12]} again" in told
        await until(deployment, "cards", "kc-otp-login-form")
        assert [row["source"] for row in await ana.log()] == ["rollback", "publish", "file"]
    with deployment.serving():  # and it stays so, although nobody has touched the file
        assert "kc-otp-login-form" in (await page_after_password(deployment, "cards")).forms
    kept = {event.type: event.detail for event in await events(deployment) if event.type.startswith("REALM_")}
    assert kept["REALM_DRAFT_KEPT"]["draft"] == "cards-sms"
    assert kept["REALM_PUBLISHED"]["reason"] == "CHG-7: SMS for cards"
    assert kept["REALM_CONFIRMED"]["version"] == kept["REALM_PUBLISHED"]["version"] == line["version"]
    assert kept["REALM_ROLLED_BACK"]["version"] == first["version"]


async def events(deployment: Deployment) -> Sequence[Event]:
    """What the store has kept, the oldest first."""
    clock = FakeClock()
    kernel = SqliteKernel.open(deployment.folder / "store" / "hyrja.sqlite", clock=clock)
    try:
        return (await KernelStore(kernel, clock).realm(REALM).events.recent(limit=1000))[::-1]
    finally:
        await kernel.close()


async def test_a_version_that_does_not_start_any_more_is_left_without_a_server(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, edit=settled)
    ana = Administrator(deployment)
    secret = tmp_path / "vault" / f"{REALM}_other"
    secret.write_text("a secret of 32 characters, at least")
    with deployment.serving():
        document = json.loads(await ana.does("show"))
        document["clients"][1]["secret"] = "${vault.other}"
        await ana.does("publish", ana.write("new.json", document), *REASON)
    secret.unlink()
    done = await asyncio.to_thread(
        subprocess.run,
        command("serve", "--config", str(deployment.config)),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"idp realm rollback {REALM}" in done.stderr
    await ana.does("rollback", *REASON)
    with deployment.serving():
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
        shown = await ana.run("show")
        base = shown.stderr.rsplit(" ", 1)[1].strip()
        await ana.does("publish", other, "--base", base, "--author", "Bledi", "--reason", "CHG-8")
        told = await ana.refused("publish", "--draft", "mine", *REASON)
        assert "published by Bledi" in told
        assert "published by Bledi" in await ana.refused("publish", "mine.json", "--base", base, *REASON)
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
