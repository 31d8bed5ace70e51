"""Which login may make a browser a trusted device."""

from __future__ import annotations

import pytest

from idp.flows.step import Success
from idp.flows.steps.trusted_device import TrustDevice
from idp.flows.tree import Execution
from idp.model.flow import Category, Evidence, Requirement
from tests.flows.bench import Bench, demo_realm

pytestmark = pytest.mark.anyio

HERE = Execution(id="here", authenticator="trust-device", requirement=Requirement.REQUIRED)


def proof(factor: str, category: Category) -> Evidence:
    return Evidence(
        execution="before", factor=factor, category=category, channel="c", amr=(factor,), at=0, ceremony="tab-1"
    )


@pytest.mark.parametrize(
    ("second", "category", "trusted"),
    [("otp", Category.POSSESSION, True), ("email", Category.KNOWLEDGE, False)],
)
async def test_two_things_that_are_known_make_no_trusted_device(
    second: str, category: Category, *, trusted: bool
) -> None:
    """Who reads the mailbox beside the password would be spared the token for a month."""
    bench = Bench()
    evidence = (proof("password", Category.KNOWLEDGE), proof(second, category))
    login = bench.login(
        await bench.add_user(),
        browser="a browser",
        proven=frozenset({"password", second}),
        evidence=evidence,
    )
    step = TrustDevice(HERE, TrustDevice.config_type(), realm=demo_realm(), services=bench.services)
    outcome = await step.verify(login, {"trust-yes": "1"})
    assert isinstance(outcome, Success)
    assert [event.type for event in outcome.events] == ["TRUST_DEVICE"] * trusted
