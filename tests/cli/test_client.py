"""`idp client` beside the real process: who may register, who has, and who has to go."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx

from tests.cli.deployment import REALM, Deployment, command, environment
from tests.patience import PATIENCE


def run(deployment: Deployment, action: str, *arguments: str, realm: str = REALM) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - this Python and this project
        command("client", action, realm, "--config", str(deployment.config), *arguments),
        cwd=deployment.folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def rows(deployment: Deployment, action: str, *arguments: str) -> list[dict[str, Any]]:
    done = run(deployment, action, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def refused(deployment: Deployment, action: str, *arguments: str, realm: str = REALM) -> str:
    done = run(deployment, action, *arguments, realm=realm)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("idp client: ")
    return done.stderr


def register(deployment: Deployment, token: str) -> httpx.Response:
    return httpx.post(
        f"{deployment.origin}/realms/{REALM}/clients-registrations/openid-connect",
        json={"redirect_uris": ["https://budget.example/callback"], "client_name": "Buxheti"},
        headers={"authorization": f"Bearer {token}"},
        timeout=PATIENCE,
    )


def test_an_operator_lets_a_client_register_sees_it_and_removes_it(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    with deployment.serving():
        (made,) = rows(deployment, "initial-token", "--count", "1", "--expires", "2")
        assert register(deployment, "another token").status_code == 401
        client = register(deployment, made["token"]).json()
        assert register(deployment, made["token"]).status_code == 401
        (listed,) = rows(deployment, "list")
        assert (listed["client_id"], listed["name"]) == (client["client_id"], "Buxheti")
        assert listed["registered_by"] == made["id"]
        assert client["client_secret"] not in run(deployment, "list").stdout

        assert "nobody" in refused(deployment, "remove", "nobody")
        assert rows(deployment, "remove", client["client_id"]) == []
        issuer = f"{deployment.origin}/realms/{REALM}/protocol/openid-connect"
        asked = {"client_id": client["client_id"], "redirect_uri": client["redirect_uris"][0], "response_type": "code"}
        deadline = time.monotonic() + PATIENCE
        while httpx.get(f"{issuer}/auth", params=asked, timeout=PATIENCE).status_code != 400:
            assert time.monotonic() < deadline, "the server did not follow"
            time.sleep(0.05)


def test_what_cannot_be_done_is_said_in_one_line(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    with deployment.serving():
        assert "nowhere" in refused(deployment, "list", realm="nowhere")
        for arguments in (("--count", "0"), ("--count", "10001"), ("--expires", "0"), ("--expires", "366")):
            assert "from 1 to" in refused(deployment, "initial-token", *arguments)
