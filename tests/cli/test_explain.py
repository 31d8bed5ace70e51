"""`idp explain`: the events of a reference, from whichever realm it belongs to."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from idp.cli.main import main
from idp.cli.reports.explanation import explanation
from idp.model.event import Event
from idp.model.version import Publication, VersionSource
from idp.settings.loading import load
from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from tests.cli.deployment import Deployment
from tests.cli.flows.test_flow import Capture
from tests.fakes import FakeClock

REFERENCE = "kJ3x-2aB"
EVENT = Event(
    type="LOGIN_ERROR",
    at=1_800_000_000,
    realm="small-business",
    transaction_id=REFERENCE,
    client_id="internet-banking",
    error="access_denied",
    detail={
        "reason": "sms-otp is not possible for this user",
        "flow": "bank login",
        "path": "auth-username-password-form",
        "considered": json.dumps(
            [{"within": "forms\u001b[2J", "authenticator": "sms-otp", "requirement": "REQUIRED", "answer": "no"}]
        ),
    },
)


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """A store with a realm that was published, and one refused login."""
    deployment = Deployment(tmp_path)
    settings = load(deployment.config, environment={})

    async def keep() -> None:
        clock = FakeClock()
        kernel = SqliteKernel.open(Path(settings.store.path), clock=clock, serving=True)
        stores = KernelStore(kernel, clock).realm("small-business")
        first = Publication(number=1, version="v", author="a", at=1, reason="r", source=VersionSource.FILE)
        assert await stores.versions.publish(first, b"sealed")
        await stores.events.record(EVENT)
        told = {"reason": "the code was used before", "reference": "of-an-app"}
        await stores.events.record(replace(EVENT, type="CODE_TO_TOKEN_ERROR", error="invalid_grant", detail=told))
        await kernel.close()

    Path(settings.store.path).parent.mkdir(mode=0o700)
    asyncio.run(keep())
    return deployment


def run(deployment: Deployment, *arguments: str) -> int:
    return main(["explain", *arguments, "--config", str(deployment.config)])


@pytest.mark.parametrize("typed", [REFERENCE, f" {REFERENCE}.", f"“{REFERENCE}”"])
def test_a_reference_leads_to_flow_path_and_reason(deployment: Deployment, capsys: Capture, typed: str) -> None:
    assert run(deployment, typed) == 0
    told = capsys.readouterr().out
    assert "realm small-business" in told
    assert "flow: bank login" in told
    assert "LOGIN_ERROR access_denied: sms-otp is not possible for this user" in told


def test_the_refusal_of_a_login_says_where_and_what_was_looked_at() -> None:
    page = replace(EVENT, type="ERROR_PAGE", detail={"reason": "shown", "path": "/"})
    told = explanation(REFERENCE, [EVENT, page])
    assert "Why: sms-otp is not possible for this user" in told
    assert "sms-otp (REQUIRED): no" in told


def test_what_a_realm_file_called_its_flow_does_nothing_to_the_terminal(
    deployment: Deployment, capsys: Capture
) -> None:
    assert run(deployment, REFERENCE) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_machines_read_the_events(deployment: Deployment, capsys: Capture) -> None:
    assert run(deployment, REFERENCE, "--json") == 0
    events = json.loads(capsys.readouterr().out)
    assert [event["type"] for event in events] == ["LOGIN_ERROR", "CODE_TO_TOKEN_ERROR"]
    assert {event["transaction_id"] for event in events} == {REFERENCE}


def test_the_reference_of_an_applications_refusal_leads_to_the_login(deployment: Deployment, capsys: Capture) -> None:
    assert run(deployment, "of-an-app") == 0
    told = capsys.readouterr().out
    assert "CODE_TO_TOKEN_ERROR invalid_grant: the code was used before" in told
    assert "LOGIN_ERROR access_denied" in told
    assert "Why: the code was used before" in told


def test_an_unknown_reference_is_one_line_that_says_what_may_be_wrong(deployment: Deployment, capsys: Capture) -> None:
    assert run(deployment, REFERENCE.lower()) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "Letters count, large and small; events are kept 90 days." in told.err


def test_a_configuration_that_is_not_there_is_one_line(tmp_path: Path, capsys: Capture) -> None:
    assert main(["explain", REFERENCE, "--config", str(tmp_path / "none.toml")]) == 1
    assert capsys.readouterr().err.startswith("idp explain: ")
