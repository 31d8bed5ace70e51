"""`kill -9` of a publication, and of the server it is published beside: the version is there, or it never was."""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.deployment import REALM, Deployment, command, environment
from tests.patience import PATIENCE

pytestmark = pytest.mark.anyio

MOMENTS = (0.25, 0.6, 0.8, 0.95)
"""When each is killed, as a part of the time that one takes; the first is hit on any machine."""


def publication(deployment: Deployment, name: str) -> subprocess.Popen[bytes]:
    """Begin to publish a realm of that name."""
    document = json.loads(deployment.realm.read_text(encoding="utf-8"))
    (deployment.folder / "next.json").write_text(json.dumps({**document, "displayName": name}), encoding="utf-8")
    arguments = ("--config", str(deployment.config), "--reason", name, REALM, "next.json")
    return subprocess.Popen(  # noqa: S603 - this Python and this project
        command("realm", "publish", *arguments),
        cwd=deployment.folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def history(deployment: Deployment) -> list[dict[str, Any]]:
    """Return what was published, the newest line first."""
    done = subprocess.run(  # noqa: S603 - as above
        command("realm", "log", "--config", str(deployment.config), "--json", REALM),
        cwd=deployment.folder,
        env=environment(),
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    )
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


async def served(deployment: Deployment) -> str:
    """Return a page of the server, which carries the realm's name."""
    browser = deployment.browser()
    page = await browser.open(f"/realms/{REALM}/protocol/openid-connect/auth?client_id=nobody")
    return page.html


async def test_a_publication_that_is_killed_is_there_or_never_was(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    process = deployment.start()
    try:
        began = asyncio.get_running_loop().time()
        assert await asyncio.to_thread(publication(deployment, "Banka 0").wait) == 0
        usual = asyncio.get_running_loop().time() - began
        killed, before = 0, history(deployment)
        for number, moment in enumerate(MOMENTS, start=1):
            publishing = publication(deployment, f"Banka {number}")
            await asyncio.sleep(usual * moment * secrets.SystemRandom().uniform(0.8, 1.1))
            publishing.kill()
            status = await asyncio.to_thread(publishing.wait)
            killed += status != 0
            if number % 2:
                process.kill()
                process = deployment.start()
            after = history(deployment)
            assert [row["number"] for row in after] == list(range(len(after), 0, -1))
            assert after[-len(before) :] == before
            assert len(after) - len(before) in ({1} if status == 0 else {0, 1})
            await shown(deployment, after[0]["reason"])
            before = after
    finally:
        process.kill()
    assert killed, "no kill has hit anything"


async def shown(deployment: Deployment, name: str) -> None:
    """Wait until the server serves what the history says: within a second, on an idle machine."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while name not in await served(deployment):
        assert asyncio.get_running_loop().time() < deadline, f"{name} is not served"
        await asyncio.sleep(0.1)
