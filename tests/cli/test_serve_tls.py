"""The real process ending TLS itself: both addresses, one provider, and a certificate made by the first start."""

from __future__ import annotations

import signal
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.certificates import issued
from tests.cli.deployment import PATIENCE, REALM, Deployment, Process, free_port

pytestmark = pytest.mark.anyio


class SecureDeployment(Deployment):
    """A deployment that ends TLS and asks for client certificates at a second port."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.mutual_port = free_port()
        self.mutual = f"https://localhost:{self.mutual_port}"
        self.certificate = folder / "tls" / "server.pem"
        old = f'base_url = "{self.origin}"\nport = {self.port}\n'
        self.origin = self.origin.replace("http:", "https:")
        new = f"""base_url = "{self.origin}"
port = {self.port}
tls_certificate = "{self.certificate}"
tls_key = "{folder / "tls" / "server.key"}"
create_tls_certificate = true
[server.mutual_tls]
base_url = "{self.mutual}"
port = {self.mutual_port}
"""
        self.change(old, new)

    def start(self) -> Process:
        process = Process(self)
        process.wait_for_answer(lambda: ssl.create_default_context(cafile=str(self.certificate)))
        return process


async def test_both_addresses_serve_one_provider(tmp_path: Path) -> None:
    deployment = SecureDeployment(tmp_path)
    with deployment.serving() as process:
        context = issued().client_context(tmp_path, trusting=deployment.certificate)
        async with httpx.AsyncClient(verify=context, timeout=PATIENCE) as http:
            found: list[Any] = [
                (await http.get(f"{origin}/realms/{REALM}/.well-known/openid-configuration")).json()
                for origin in (deployment.origin, deployment.mutual)
            ]
        assert found[0] == found[1]
        assert found[0]["issuer"] == f"{deployment.origin}/realms/{REALM}"
        token = f"/realms/{REALM}/protocol/openid-connect/token"
        assert found[0]["mtls_endpoint_aliases"]["token_endpoint"] == deployment.mutual + token
        assert process.end(signal.SIGTERM) == 0
        assert process.output == ""


async def test_a_certificate_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    deployment = SecureDeployment(tmp_path)
    deployment.certificate.parent.mkdir()
    deployment.certificate.write_text("garbage")
    process = Process(deployment)
    assert process.wait() == 1
    assert process.output.startswith("idp: server.tls_certificate and server.tls_key: ")
    assert process.output.count("\n") == 1
