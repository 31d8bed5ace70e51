"""`idp health`, as a container asks: against a real process, and where there is none."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from idp.cli.main import main
from tests.cli.deployment import Deployment, command, environment
from tests.cli.test_serve_management import managed


def asked(deployment: Deployment, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - this Python and this project
        command("health", "--config", str(deployment.config), *options),
        cwd=deployment.folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_server_that_serves_is_healthy_and_one_that_is_gone_is_not(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    managed(deployment)
    with deployment.serving():
        ready, live = asked(deployment), asked(deployment, "--live")
    gone = asked(deployment)
    assert (ready.returncode, json.loads(ready.stdout)["status"]) == (0, "ready")
    assert (live.returncode, json.loads(live.stdout)["status"]) == (0, "live")
    assert (gone.returncode, gone.stdout) == (1, "")
    assert gone.stderr.startswith("idp: the server does not answer")
    assert gone.stderr.count("\n") == 1


def test_without_a_management_port_there_is_nobody_to_ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deployment = Deployment(tmp_path)
    assert main(["health", "--config", str(deployment.config)]) == 1
    assert "management.port is not set" in capsys.readouterr().err
