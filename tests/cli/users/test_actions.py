"""`idp user send-actions` beside the real process: what is wished of a customer, and what the letter says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.deployment import REALM, Deployment, command, environment


def run(deployment: Deployment, *arguments: str, realm: str = REALM) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - this Python and this project
        command("user", "send-actions", realm, *arguments, "--config", str(deployment.config)),
        cwd=deployment.folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def with_address(found: dict[str, Any]) -> None:
    found["users"][0]["email"] = "arta@example.al"
    found["users"][1].pop("email", None)
    found["clients"][0]["baseUrl"] = "https://bank.example/small-business"


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    made = Deployment(tmp_path, edit=with_address)
    made.change("[log]\n", '[mail]\ngateway = "outbox"\n[log]\n')
    return made


def letters(deployment: Deployment) -> list[dict[str, Any]]:
    kept = [json.loads(line) for line in deployment.outbox.read_text(encoding="utf-8").splitlines()]
    return [message for message in kept if message["subject"]]


def test_an_operator_wishes_something_of_a_customer_and_the_letter_opens_nothing(deployment: Deployment) -> None:
    with deployment.serving():
        done = run(deployment, "arta.hoxha", "UPDATE_PASSWORD", "VERIFY_PROFILE", "--client", "internet-banking")
        assert (done.returncode, done.stderr) == (0, "")
        (letter,) = letters(deployment)
        assert letter["to"] == "arta@example.al"
        assert "https://bank.example/small-business" in letter["text"]
        assert "key=" not in letter["text"]


def test_what_cannot_be_asked_is_refused_before_anything_changes(deployment: Deployment) -> None:
    with deployment.serving():
        for arguments, told in (
            (("arta.hoxha", "GIVE_MONEY", "--client", "internet-banking"), "no required action GIVE_MONEY"),
            (("nobody", "UPDATE_PASSWORD", "--client", "internet-banking"), "no enabled user"),
            (("besnik.leka", "UPDATE_PASSWORD", "--client", "internet-banking"), "no e-mail address"),
            (("arta.hoxha", "UPDATE_PASSWORD", "--client", "evil"), "no enabled client"),
        ):
            done = run(deployment, *arguments)
            assert (done.returncode, done.stdout) == (1, "")
            assert told in done.stderr
        assert letters(deployment) == []
        assert (
            "no server has served it yet"
            in run(deployment, "arta.hoxha", "UPDATE_PASSWORD", "--client", "cards", realm="another").stderr
        )
