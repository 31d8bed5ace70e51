"""The provider as an examiner meets it: `idp serve` on `config/conformance.toml`, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from scripts.exam import Exam
from tests.patience import PATIENCE
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
NODE = shutil.which("node")
ROBOT = "the secret of an application of the exam"
PASSWORD = "alice-of-the-exam"
NOTIFICATION = "ciba.backchannel.client.notification.endpoint"


def missing() -> str | None:
    """Why the libraries of others cannot be driven here, or None."""
    if NODE is None:
        return "Node.js is not installed (Debian: apt-get install nodejs npm)"
    if not (FOLDER / "node_modules" / "openid-client").is_dir():
        return "the packages of tests/peers are missing (npm ci in tests/peers)"
    return None


class Examined:
    """A running provider."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.mutual_port, self.pages_port, self.apache_port, self.pings_port = (
            free_port() for _ in range(5)
        )
        self.url = f"https://localhost:{self.port}"
        self.issuer = f"{self.url}/realms/conformance"
        self.resource = f"{self.url}/accounts-api/accounts"
        self.certificate = folder / "server.pem"
        mutual = f"https://localhost:{self.mutual_port}"
        self.exam = Exam(suite="https://suite.example", alias="hyrja", base=self.url, mutual=mutual)
        """Clients of the realm file with keys and certificates, and what the suite is told of them."""

    def configuration(self) -> Path:
        """The exam's own configuration, with ports that are free and this folder in place of `var/exam`."""
        text = (ROOT / "config" / "conformance.toml").read_text(encoding="utf-8")
        text = text.replace("9443", str(self.port)).replace("9444", str(self.mutual_port))
        text = text.replace("var/exam", str(self.folder))
        text = text.replace("realms/conformance.json", str(self._realm()))
        text = text.replace('ca_bundle = ""', f'ca_bundle = "{self.certificate}"')
        path = self.folder / "conformance.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def _realm(self) -> Path:
        """The exam's realm with two applications of browsers added."""
        realm = json.loads((ROOT / "realms" / "conformance.json").read_text(encoding="utf-8"))
        origin = f"https://localhost:{self.pages_port}"
        for name in ("single-page-app", "keycloak-js"):
            realm["clients"].append(
                {
                    "clientId": name,
                    "enabled": True,
                    "publicClient": True,
                    "redirectUris": [f"{origin}/{name}"],
                    "webOrigins": ["+"],
                    "attributes": {
                        "pkce.code.challenge.method": "S256",
                        "post.logout.redirect.uris": f"+##{origin}/{name}?bye",
                    },
                }
            )
        self.exam.everything()
        realm["clients"] += self.exam.clients
        for client in self.exam.clients:  # notified on this machine, if at all
            if NOTIFICATION in client["attributes"]:
                client["attributes"][NOTIFICATION] = f"https://localhost:{self.pings_port}/ciba-notification-endpoint"
        realm["clients"].append(
            {
                "clientId": "robot",
                "enabled": True,
                "secret": ROBOT,
                "standardFlowEnabled": False,
                "serviceAccountsEnabled": True,
            }
        )
        site = f"https://localhost:{self.apache_port}"
        realm["clients"].append(
            {
                "clientId": "mod-auth-openidc",
                "enabled": True,
                "secret": "the secret of the site behind Apache",
                "redirectUris": [f"{site}/secure/callback"],
                "attributes": {
                    "pkce.code.challenge.method": "S256",
                    "post.logout.redirect.uris": f"{site}/bye.html",
                    "backchannel.logout.url": f"{site}/secure/callback?logout=backchannel",
                    "backchannel.logout.session.required": "true",
                },
            }
        )
        path = self.folder / "conformance.json"
        path.write_text(json.dumps(realm), encoding="utf-8")
        return path

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a script of this folder with Node, which believes the provider's certificate."""
        assert NODE is not None
        environment = {**os.environ, "NODE_EXTRA_CA_CERTS": str(self.certificate)}
        return subprocess.run(  # noqa: S603 - our own script
            [NODE, script, *arguments],
            cwd=FOLDER,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE * 2,
            check=False,
        )

    def given(self, **more: Any) -> str:
        """What a scenario is told."""
        return json.dumps({"issuer": self.issuer, "resource": self.resource, "secret": ROBOT, **more})

    def trust(self) -> ssl.SSLContext:
        """Believes the provider's certificate and no other."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def lines(self) -> list[dict[str, Any]]:
        """The provider's log."""
        text = (self.folder / "idp.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@contextmanager
def examined(folder: Path) -> Iterator[Examined]:
    """Serve until the block ends."""
    provider = Examined(folder)
    command = [sys.executable, "-m", "idp", "serve", "--config", str(provider.configuration())]
    output = (folder / "serve.out").open("ab")
    process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)  # noqa: S603 - our own command
    try:
        _wait(provider, process)
        yield provider
    finally:
        process.terminate()
        process.wait(PATIENCE)
        output.close()


def _wait(provider: Examined, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            address = f"{provider.issuer}/.well-known/openid-configuration"
            httpx.get(address, verify=provider.trust(), timeout=PATIENCE).raise_for_status()
        except (OSError, httpx.HTTPError):
            time.sleep(0.05)
        else:
            return
    said = (provider.folder / "serve.out").read_text(encoding="utf-8", errors="replace")
    raise AssertionError(f"the provider did not start:\n{said}")
