"""The real demo in processes of its own: the provider, the bank's site, and what a customer needs of them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.patience import PATIENCE
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Demo:
    """`idp demo`, keeping everything in a folder; it can be killed and started again."""

    def __init__(self, folder: Path, realms: tuple[Path, ...] = ()) -> None:
        self.folder = folder
        self._realms = realms
        self.idp_port, self.bank_port = free_port(), free_port()
        self.idp, self.bank = f"http://localhost:{self.idp_port}", f"http://localhost:{self.bank_port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {
            **os.environ,
            "IDP_PORT": str(self.idp_port),
            "BANK_PORT": str(self.bank_port),
            "HYRJA_STORE__PATH": str(self.folder / "hyrja.sqlite"),
            "HYRJA_SECRETS__MASTER_KEY_FILES": str(self.folder / "master.key"),
            "HYRJA_SECRETS__VAULT": str(self.folder / "vault"),
            "HYRJA_SMS__OUTBOX_FILE": str(self.folder / "outbox.jsonl"),
            "HYRJA_LOG__FILE": str(self.folder / "idp.jsonl"),
        }
        if self._realms:
            environment["HYRJA_REALMS__FILES"] = ",".join(map(str, self._realms))
        with (self.folder / "demo.out").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "idp", "demo"], cwd=ROOT, env=environment, stdout=output, stderr=output
            )
        _wait_for(f"{self.idp}/dev/customers.json", self._process)
        _wait_for(f"{self.bank}/", self._process)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._signal(signal.SIGKILL)

    def stop(self) -> int:
        """End it as Ctrl-C does; return its exit status."""
        return self._signal(signal.SIGINT)

    def _signal(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        status = self._process.wait(PATIENCE)
        self._process = None
        _wait_until_free(self.idp_port)
        _wait_until_free(self.bank_port)
        return status

    @property
    def running(self) -> bool:
        return self._process is not None

    def last_message_to(self, phone: str) -> str:
        messages: list[dict[str, str]] = httpx.get(f"{self.idp}/dev/outbox.json", timeout=PATIENCE).json()
        return next(message["text"] for message in reversed(messages) if message["to"] == phone)

    def first_password(self, phone: str) -> str:
        messages: list[dict[str, str]] = httpx.get(f"{self.idp}/dev/outbox.json", timeout=PATIENCE).json()
        return next(message["text"] for message in messages if message["to"] == phone).rsplit(" ", 1)[1]

    def code(self, phone: str) -> str:
        return self.last_message_to(phone).rsplit("#", 1)[1]


@contextmanager
def demo(folder: Path, realms: tuple[Path, ...] = ()) -> Iterator[Demo]:
    running = Demo(folder, realms)
    running.start()
    try:
        yield running
    finally:
        if running.running:
            running.stop()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, "the demo ended by itself"
        try:
            if httpx.get(url, timeout=PATIENCE).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


def _wait_until_free(port: int) -> None:
    """Wait until nobody listens any more; the bank's site ends when the demo does."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"port {port} is still in use")
