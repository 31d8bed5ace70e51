"""A deployment in a folder of its own: configuration, realm file, keys, and the process that serves it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pyotp

from idp.crypto.sealing import create_master_key
from tests.patience import PATIENCE
from tests.ports import free_port
from tests.stories.browser import Browser, Page

ROOT = Path(__file__).parents[2]
REALM = "small-business"
PERIOD = 3  # seconds of a code's step: the tests wait for the next one in real time
Edit = Callable[[dict[str, Any]], None]


class Deployment:
    """Everything of one provider below one folder."""

    def __init__(self, folder: Path, *, port: int | None = None, edit: Edit = lambda _: None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.origin = f"http://localhost:{self.port}"
        self.config = folder / "idp.toml"
        self.realm = folder / "realm.json"
        self.key = folder / "keys" / "master.key"
        self.log = folder / "log" / "idp.jsonl"
        self.outbox = folder / "outbox.jsonl"
        self.secret = secrets.token_urlsafe(32)
        document = json.loads((ROOT / "realms" / f"{REALM}.json").read_text(encoding="utf-8"))
        document["otpPolicyPeriod"] = PERIOD
        edit(document)
        self.realm.write_text(json.dumps(document), encoding="utf-8")
        vault = folder / "vault"
        vault.mkdir(mode=0o700)
        for client in ("internet-banking", "cards"):
            (vault / f"{REALM}_{client}").write_text(self.secret)
        self.key.parent.mkdir(mode=0o700)
        create_master_key(self.key)
        self.config.write_text(self._settings(vault), encoding="utf-8")

    def _settings(self, vault: Path) -> str:
        return f"""
environment = "development"
[server]
base_url = "{self.origin}"
port = {self.port}
[store]
path = "{self.folder / "store" / "hyrja.sqlite"}"
[secrets]
master_key_files = ["{self.key}"]
vault = "{vault}"
[realms]
files = ["{self.realm}"]
[hashing]
memory_kib = 7168
iterations = 1
[sms]
gateway = "outbox"
outbox_file = "{self.outbox}"
[log]
file = "{self.log}"
"""

    def change(self, old: str, new: str) -> None:
        """Change one place of the configuration."""
        text = self.config.read_text(encoding="utf-8")
        assert text.count(old) == 1, old
        self.config.write_text(text.replace(old, new), encoding="utf-8")

    def start(self) -> Process:
        """Start the server and wait until it answers."""
        process = Process(self)
        process.wait_for_answer()
        return process

    def start_killed_when(self, exists: Path) -> None:
        """Start the server and kill it as soon as there is something in a file."""
        process = Process(self)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not (exists.exists() and exists.stat().st_size):
            time.sleep(0.001)
        process.kill()
        assert exists.exists(), process.output

    @contextlib.contextmanager
    def serving(self) -> Iterator[Process]:
        """Serve as long as the block lasts, unless the block ends it."""
        process = self.start()
        try:
            yield process
        finally:
            process.kill()

    def browser(self) -> Browser:
        """Return a browser that speaks HTTP to the process."""
        browser = Browser(_nowhere, origin=self.origin)
        headers = {"accept-language": "sq", "connection": "close"}  # a killed server leaves nothing open here
        browser.http = httpx.AsyncClient(
            base_url=self.origin, headers=headers, follow_redirects=False, timeout=PATIENCE
        )
        return browser

    def messages(self, phone: str) -> list[str]:
        """Return the texts that were sent to a number."""
        lines = [json.loads(line) for line in self.outbox.read_text(encoding="utf-8").splitlines()]
        return [line["text"] for line in lines if line["to"] == phone]


class Process:
    """`python -m idp serve`."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._output = deployment.folder / "output.txt"
        with self._output.open("ab") as output:
            self._popen = subprocess.Popen(  # noqa: S603 - this Python and this project
                command("serve", "--config", str(deployment.config)),
                cwd=deployment.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def number(self) -> int:
        """By which the system knows the process."""
        return self._popen.pid

    @property
    def output(self) -> str:
        """What the process wrote to its standard streams."""
        return self._output.read_text(encoding="utf-8")

    def wait_for_answer(self, verify: Callable[[], ssl.SSLContext | bool] = lambda: True) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._popen.poll() is None:
            with contextlib.suppress(httpx.HTTPError, FileNotFoundError):
                url = f"{self._deployment.origin}/realms/{REALM}/.well-known/openid-configuration"
                if httpx.get(url, timeout=PATIENCE, verify=verify()).status_code == httpx.codes.OK:
                    return
            time.sleep(0.02)
        self.kill()
        raise AssertionError(f"the server does not answer: {self.output}")

    def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit status."""
        self._popen.send_signal(number)
        return self._popen.wait(PATIENCE)

    def send(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def wait(self) -> int:
        return self._popen.wait(PATIENCE)

    def kill(self) -> None:
        """SIGKILL: the process has no chance to put anything in order."""
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.wait(PATIENCE)


class Token:
    """The application on a phone, in real time."""

    def __init__(self, secret: str) -> None:
        self._totp = pyotp.TOTP(secret, interval=PERIOD)
        self.last = ""

    def code(self) -> str:
        """Return a code that was not used yet, waiting for it if need be."""
        while (code := self._totp.now()) == self.last:
            time.sleep(0.02)
        self.last = code
        return code


async def confirmed(browser: Browser, form: str, field: str, token: Token) -> Page:
    """Give codes until one is in time: the machine may be slower than a step is long."""
    page = await browser.submit(form, {field: token.code()})
    for _ in range(2):
        if browser.has_left or form not in page.forms:
            break
        page = await browser.submit(form, {field: token.code()})
    return page


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "idp", *arguments]


def environment() -> dict[str, str]:
    """Return this process's environment without settings of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HYRJA_")}
    return {**kept, "PYTHONPATH": str(ROOT), "BANK_URL": "http://localhost:8090"}


async def _nowhere(scope: Any, receive: Any, send: Any) -> None:
    del scope, receive, send
    raise AssertionError("this browser speaks to a process")
