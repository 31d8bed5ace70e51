"""The process: how it starts, refuses to start, and stops."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.examples.conftest import FOLDER, of_the_bank
from tests.patience import PATIENCE
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def started(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603 - the bank itself, with fixed arguments.
        [sys.executable, str(FOLDER / "main.py"), *arguments],
        env={"PATH": "", "PYTHONDONTWRITEBYTECODE": "1"} | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def url() -> str:
    return f"http://localhost:{free_port()}"


def wait_until_it_answers(url: str, process: subprocess.Popen[str]) -> httpx.Response:
    while process.poll() is None:
        with contextlib.suppress(httpx.ConnectError):
            return httpx.get(url, trust_env=False, timeout=PATIENCE)
        time.sleep(0.02)
    pytest.fail(f"it stopped: {process.communicate()[1]}")


def test_it_serves_on_its_port_and_stops_quietly_on_ctrl_c(url: str, tmp_path: Path) -> None:
    with started(BANK_URL=url, BANK_SECRETS=str(tmp_path), BANK_STORE=str(tmp_path / "bank.db")) as process:
        assert "Banka Hyrja" in wait_until_it_answers(url, process).text

        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, out, err) == (0, "", "")


def test_it_stops_when_its_parent_is_gone(url: str, tmp_path: Path) -> None:
    with started("--exit-with-parent", BANK_URL=url, BANK_SECRETS=str(tmp_path)) as process:
        wait_until_it_answers(url, process)
        assert process.stdin is not None

        process.stdin.close()

        assert process.wait(timeout=PATIENCE) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_without_the_flag_the_end_of_input_means_nothing(url: str, tmp_path: Path) -> None:
    with started(BANK_URL=url, BANK_SECRETS=str(tmp_path)) as process:
        assert process.stdin is not None
        process.stdin.close()

        assert wait_until_it_answers(url, process).status_code == 200


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started(BANK_URL=f"http://localhost:{port}", BANK_SECRETS=str(tmp_path)) as process:
            _, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == 2
    assert err == f"bank: port {port} is taken: choose another one with BANK_URL\n"


def test_an_unusable_store_is_one_line(url: str, tmp_path: Path) -> None:
    (tmp_path / "bank.db").write_text("this is not a database, whatever its name says" * 50)
    with started(BANK_URL=url, BANK_SECRETS=str(tmp_path), BANK_STORE=str(tmp_path / "bank.db")) as process:
        _, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == 2
    assert err.startswith("bank: BANK_STORE")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "BANK_SECRETS is not set"),
        ({"BANK_SECRETS": "x", "BANK_URL": "localhost:8090"}, "BANK_URL is 'localhost:8090'"),
        ({"BANK_SECRETS": "x", "BANK_URL": "http://localhost:8090/bank"}, "scheme, host and port only"),
        ({"BANK_SECRETS": "x", "BANK_URL": "http://localhost:99999"}, "port is not a number"),
        ({"BANK_SECRETS": "x", "IDP_URL": "ftp://idp"}, "IDP_URL is 'ftp://idp'"),
        ({"BANK_SECRETS": "x", "BANK_IDLE_SECONDS": "soon"}, "BANK_IDLE_SECONDS is 'soon'"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_do(environment: dict[str, str], says: str) -> None:
    settings = of_the_bank("settings")

    with pytest.raises(settings.SettingsError, match=says):
        settings.read(environment)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:8080", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("https://login.bank.example", False),
        ("https://localhost.evil.example", False),
    ],
)
def test_a_proxy_is_passed_by_only_on_the_way_to_this_machine(url: str, *, local: bool) -> None:
    settings = of_the_bank("settings").read({"BANK_SECRETS": "x", "IDP_URL": url})

    assert settings.idp_is_local is local
