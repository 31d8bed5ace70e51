"""The real process ending TLS itself: both addresses, one provider, and a certificate made by the first start."""

from __future__ import annotations

import base64
import signal
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from idp.crypto.base64url import base64url
from tests.certificates import RSA_KEY, issued
from tests.cli.deployment import REALM, Deployment, Edit, Process
from tests.patience import PATIENCE
from tests.ports import free_port

pytestmark = pytest.mark.anyio


class SecureDeployment(Deployment):
    """A deployment that ends TLS and asks for client certificates at a second port."""

    def __init__(self, folder: Path, *, edit: Edit = lambda _: None) -> None:
        super().__init__(folder, edit=edit)
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


ROBOT = issued("CN=robot")


def with_a_robot(document: dict[str, Any]) -> None:
    """Add a client that authenticates by its own certificate, and whose tokens are bound to it."""
    robot = {
        "clientId": "robot",
        "clientAuthenticatorType": "client-x509",
        "serviceAccountsEnabled": True,
        "standardFlowEnabled": False,
        "attributes": {
            "x509.self.signed": "true",
            "jwt.credential.certificate": "".join(ROBOT.pem.splitlines()[1:-1]),
            "tls.client.certificate.bound.access.tokens": "true",
        },
    }
    document["clients"].append(robot)


async def test_a_client_proves_itself_by_its_certificate_at_the_second_address_alone(tmp_path: Path) -> None:
    deployment = SecureDeployment(tmp_path, edit=with_a_robot)
    path = f"/realms/{REALM}/protocol/openid-connect/token"
    form = {"client_id": "robot", "grant_type": "client_credentials"}

    def http(context: ssl.SSLContext, origin: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=origin, verify=context, timeout=PATIENCE)

    with deployment.serving():
        own = ROBOT.client_context(tmp_path, trusting=deployment.certificate)
        another = issued("CN=robot", key=RSA_KEY).client_context(tmp_path, trusting=deployment.certificate)
        async with http(own, deployment.mutual) as robot:
            answer = await robot.post(path, data=form)
            assert answer.status_code == 200, answer.text
            told = {**form, "token": answer.json()["access_token"]}
            known = (await robot.post(f"{path}/introspect", data=told)).json()
            assert known["cnf"] == {"x5t#S256": base64url(ROBOT.certificate.fingerprint(SHA256()))}
        header = {"Client-Cert": f":{base64.b64encode(ROBOT.der).decode()}:"}
        for context, origin, headers in (
            (another, deployment.mutual, {}),
            (own, deployment.origin, {}),  # nobody asks for it there
            (another, deployment.origin, header),  # no trusted proxy says so
            (another, deployment.mutual, header),
        ):
            async with http(context, origin) as thief:
                refused = await thief.post(path, data=form, headers=headers)
                assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


async def test_a_certificate_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    deployment = SecureDeployment(tmp_path)
    deployment.certificate.parent.mkdir()
    deployment.certificate.write_text("garbage")
    process = Process(deployment)
    assert process.wait() == 1
    assert process.output.startswith("idp: server.tls_certificate and server.tls_key: ")
    assert process.output.count("\n") == 1
