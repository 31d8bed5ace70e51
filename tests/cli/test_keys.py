"""`idp keys` beside the real process: what is typed there is served within a second, and survives its death."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from idp.crypto.sealing import create_master_key
from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from tests.cli.deployment import REALM, Deployment, Token, command, environment
from tests.cli.serving.test_serve import Bank, log_in, login_page, settled
from tests.fakes import FakeClock
from tests.patience import PATIENCE

pytestmark = pytest.mark.anyio
ISSUER = f"/realms/{REALM}/protocol/openid-connect"


class Operator:
    """Somebody at a terminal of the server's machine."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment

    def run(self, *arguments: str, realm: str = REALM) -> subprocess.CompletedProcess[str]:
        action, *rest = arguments
        return subprocess.run(  # noqa: S603 - this Python and this project
            command("keys", action, "--config", str(self.deployment.config), "--realm", realm, *rest),
            cwd=self.deployment.folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Run a command in the background; nobody reads what it says."""
        action, *rest = arguments
        return subprocess.Popen(  # noqa: S603 - as above
            command("keys", action, "--config", str(self.deployment.config), "--realm", REALM, *rest),
            cwd=self.deployment.folder,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    async def keys(self, *arguments: str) -> list[dict[str, Any]]:
        """Run a command that works, and return the keys as it prints them."""
        done = await asyncio.to_thread(self.run, *arguments, "--json")
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    async def refused(self, *arguments: str, realm: str = REALM) -> str:
        """Run a command that is refused, and return the one line it says."""
        done = await asyncio.to_thread(lambda: self.run(*arguments, realm=realm))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("idp keys: ")
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr


def in_state(keys: list[dict[str, Any]], state: str, algorithm: str = "ES256") -> list[str]:
    return [key["kid"] for key in keys if (key["state"], key["algorithm"]) == (state, algorithm)]


async def published(deployment: Deployment) -> set[str]:
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        keys = (await http.get(f"{deployment.origin}{ISSUER}/certs")).json()["keys"]
    return {key["kid"] for key in keys if key["use"] == "sig"}


async def until(deployment: Deployment, holds: Callable[[set[str]], bool]) -> set[str]:
    """Wait until the published keys are as they should be. (A machine under load may need more than the second.)"""
    deadline = time.monotonic() + PATIENCE
    while not holds(found := await published(deployment)):
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)
    return found


async def userinfo(deployment: Deployment, token: str) -> int:
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        url = f"{deployment.origin}{ISSUER}/userinfo"
        return (await http.get(url, headers={"Authorization": f"Bearer {token}"})).status_code


async def test_a_running_server_follows_what_an_operator_does_with_its_keys(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, edit=settled)
    bank, operator = Bank(deployment), Operator(deployment)
    with deployment.serving():
        here = await login_page(deployment, bank)
        tokens = (await bank.redeem(await log_in(here, Token("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")))).json()
        (old,) = in_state(await operator.keys("list"), "active")
        (old_rsa,) = in_state(await operator.keys("list"), "active", "RS256")
        assert await published(deployment) == {old, old_rsa}

        keys = await operator.keys("rotate", "--algorithm", "ES256")
        (waiting,) = in_state(keys, "passive")
        assert in_state(keys, "active") == [old], "a new key is published before it signs"
        assert await until(deployment, lambda found: waiting in found) == {old, old_rsa, waiting}

        assert "last active one of ES256" in await operator.refused("disable", "--kid", old)
        keys = await operator.keys("rotate", "--algorithm", "ES256", "--now")
        assert (in_state(keys, "active"), in_state(keys, "passive")) == ([waiting], [old])
        await operator.keys("rotate", "--algorithm", "RS256", "--now")
        (new_rsa,) = in_state(await operator.keys("list"), "active", "RS256")
        await until(deployment, lambda found: new_rsa in found)
        assert await userinfo(deployment, tokens["access_token"]) == 200, "passive keys verify"

        for kid in (old, old_rsa):
            await operator.keys("disable", "--kid", kid)
        assert await until(deployment, lambda found: not {old, old_rsa} & found) == {waiting, new_rsa}
        assert await userinfo(deployment, tokens["access_token"]) == 401
        introspected = await bank.post("token/introspect", token=tokens["access_token"])
        assert introspected.json() == {"active": False}
        refreshed = await bank.refresh(tokens["refresh_token"])
        assert await userinfo(deployment, refreshed.json()["access_token"]) == 200

    with deployment.serving():
        assert await published(deployment) == {waiting, new_rsa}, "and so it is after a kill"


async def test_a_rotation_killed_anywhere_leaves_a_server_that_serves(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    operator = Operator(deployment)
    with deployment.serving():
        for patience in (0.3, 0.5, 0.7, 0.9):
            rotating = operator.start("rotate", "--now")
            await asyncio.sleep(patience)
            rotating.kill()
            rotating.wait()
            keys = await operator.keys("list")
            for algorithm in ("ES256", "RS256", "RSA-OAEP", "ECDH-ES", "HS256"):
                assert len(in_state(keys, "active", algorithm)) == 1
            expected = {key["kid"] for key in keys if key["algorithm"] in {"ES256", "RS256"}}
            assert await until(deployment, expected.__eq__) == expected


async def test_the_keys_are_a_table_for_people_and_nothing_in_it_is_secret(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    with deployment.serving():
        pass
    operator = Operator(deployment)
    done = await asyncio.to_thread(operator.run, "list")
    assert done.returncode == 0
    for key in await operator.keys("list"):
        assert set(key) == {"kid", "algorithm", "state", "created_at", "signs_from", "disabled_at"}
        assert key["kid"] in done.stdout, "whole, whatever the terminal's width"
    every = ["ES256", "RS256", "RSA-OAEP", "ECDH-ES", "HS256"]
    assert [key["algorithm"] for key in await operator.keys("list")] == every
    assert [key["algorithm"] for key in await operator.keys("list", "--algorithm", "HS256")] == ["HS256"]


async def test_without_an_algorithm_every_key_is_rotated(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    with deployment.serving():
        pass
    keys = await Operator(deployment).keys("rotate")
    for algorithm in ("ES256", "RS256", "RSA-OAEP", "ECDH-ES", "HS256"):
        assert len(in_state(keys, "passive", algorithm)) == len(in_state(keys, "active", algorithm)) == 1


async def test_what_an_operator_did_is_an_event_that_names_the_key(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    with deployment.serving():
        pass
    operator = Operator(deployment)
    (old,) = in_state(await operator.keys("list"), "active")
    (new,) = in_state(await operator.keys("rotate", "--algorithm", "ES256"), "passive")
    await operator.keys("rotate", "--algorithm", "ES256")
    await operator.keys("rotate", "--algorithm", "ES256", "--now")
    await operator.keys("disable", "--kid", old)
    clock = FakeClock(time.time())  # noqa: TID251 - the process wrote in real time
    store = KernelStore(SqliteKernel.open(tmp_path / "store" / "hyrja.sqlite", clock=clock, serving=False), clock)
    events = [event for event in await store.realm(REALM).events.recent(limit=100) if "KEY" in event.type]
    await store.close()
    assert [(event.type, event.detail["kid"]) for event in events] == [
        ("SIGNING_KEY_DISABLED", old),
        ("SIGNING_KEY_ROTATED", new),
        ("SIGNING_KEY_ROTATED", new),
    ]


async def test_what_cannot_be_done_is_one_line_that_says_so(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    operator = Operator(deployment)
    assert "There is no store" in await operator.refused("list")
    assert not (tmp_path / "store").exists()
    with deployment.serving():
        pass
    assert "no server has served it yet" in await operator.refused("rotate", realm="nobody")
    assert "There is no key nonsense" in await operator.refused("disable", "--kid", "nonsense")
    (kid,) = in_state(await operator.keys("list"), "active")
    assert "is one of ES256, not of RS256" in await operator.refused("disable", "--kid", kid, "--algorithm", "RS256")
    deployment.key.unlink()
    assert "master" in await operator.refused("list")
    create_master_key(deployment.key)
    assert "do not open" in await operator.refused("list")
