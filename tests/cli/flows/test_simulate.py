"""`idp flow simulate`: synthetic and real customers, drafts, and a past login under a draft."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from idp.assurance.credentials import given
from idp.cli.main import main
from idp.model.user import User
from idp.settings.loading import load
from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from tests.assurance.test_simulator import EITHER, OPTIONAL
from tests.cli.deployment import Deployment
from tests.cli.flows.test_flow import Capture, written
from tests.cli.test_explain import EVENT, deployment
from tests.fakes import FakeClock
from tests.flows.bench import all_edits, no_actions, with_flows

__all__ = ["deployment"]
LIVE = all_edits(no_actions, with_flows(*OPTIONAL))
DRAFT = all_edits(no_actions, with_flows(*EITHER))


def test_every_decision_and_the_end_are_printed(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path, "live.json", LIVE)
    assert main(["flow", "simulate", file, "--has", "password,token", "--client", "internet-banking"]) == 0
    told = capsys.readouterr().out
    assert "1. asks auth-username-password-form" in told
    assert "“maybe” conditional-user-configured (condition): yes  [auth-otp-form set up: ready]" in told
    assert "answered: proves otp (possession, over soft-token)" in told
    assert "End: level 2, acr mfa-otp" in told


def test_a_refused_login_ends_with_one(tmp_path: Path, capsys: Capture) -> None:
    assert main(["flow", "simulate", written(tmp_path, "demo.json")]) == 1
    assert "End: refused: soft-token-gate: the customer has no otp" in capsys.readouterr().out


def test_a_draft_that_does_something_else_ends_with_one(tmp_path: Path, capsys: Capture) -> None:
    live, draft = written(tmp_path, "live.json", LIVE), written(tmp_path, "draft.json", DRAFT)
    arguments = ["flow", "simulate", live, "--has", "password,phone"]
    assert main([*arguments, "--draft", draft]) == 1
    told = capsys.readouterr().out
    assert "First difference:\n  live:  level 1" in told
    assert "draft: asks sms-otp" in told
    assert main([*arguments, "--draft", live]) == 0
    assert "The draft does the same for this login." in capsys.readouterr().out


def test_machines_read_it(tmp_path: Path, capsys: Capture) -> None:
    assert main(["flow", "simulate", written(tmp_path, "live.json", LIVE), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["live"]["level"] == 1
    assert told["draft"] is None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--has", "magic"), "nobody can have “magic”; there are: "),
        (("--client", "nobody"), "there is no client “nobody”; there are: "),
        (("--login", "ref"), "--login needs --config"),
    ],
)
def test_what_is_not_there_is_one_line(tmp_path: Path, capsys: Capture, asked: tuple[str, ...], said: str) -> None:
    assert main(["flow", "simulate", written(tmp_path, "live.json", LIVE), *asked]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


def kept(deployment: Deployment, user: User) -> bytes:
    """Keep a user and what they did; return the bytes of the store."""
    settings = load(deployment.config, environment={})
    path = Path(settings.store.path)

    async def keep() -> None:
        clock = FakeClock()
        kernel = SqliteKernel.open(path, clock=clock, serving=True)
        stores = KernelStore(kernel, clock).realm("small-business")
        assert await stores.users.create(user)
        did = {"path": "auth-username-password-form sms-otp", "acr_values": "mfa-otp"}
        await stores.events.record(replace(EVENT, transaction_id="past", user_id=user.id, error=None, detail=did))
        await kernel.close()

    asyncio.run(keep())
    return path.read_bytes()


def test_a_past_login_is_followed_under_a_draft_and_the_store_stays_as_it_is(
    deployment: Deployment, tmp_path: Path, capsys: Capture
) -> None:
    user = User(id="u1", username="ana", created_at=0)
    for factor in ("password", "otp", "sms-otp"):
        user = given(user, factor)
    before = kept(deployment, user)
    live, draft = written(tmp_path, "live.json", DRAFT), written(tmp_path, "draft.json", LIVE)
    arguments = ["flow", "simulate", live, "--config", str(deployment.config)]
    assert main([*arguments, "--login", "past", "--draft", draft]) == 1
    told = capsys.readouterr().out
    assert "2. asks sms-otp (or, by another way: auth-otp-form)" in told
    assert "draft: asks auth-otp-form" in told
    assert main([*arguments, "--user", "ana"]) == 0
    assert main([*arguments, "--user", "nobody"]) == 2
    assert "the store has no user “nobody”" in capsys.readouterr().err
    path = Path(load(deployment.config, environment={}).store.path)
    assert path.read_bytes() == before


def test_who_is_disabled_is_refused_before_anything_else(
    deployment: Deployment, tmp_path: Path, capsys: Capture
) -> None:
    kept(deployment, replace(given(User(id="u1", username="ana", created_at=0), "password"), enabled=False))
    file = written(tmp_path, "live.json", LIVE)
    assert main(["flow", "simulate", file, "--config", str(deployment.config), "--user", "ana"]) == 2
    assert "disabled or locked" in capsys.readouterr().err
