"""`conditional-user-configured`: whether the user has what the guarded sub-flow asks for (keycloak.md 2.6, T-6)."""

from __future__ import annotations

import pytest

from idp.flows.condition import Surroundings
from idp.flows.conditions import UserConfigured
from idp.flows.engine import Usability
from idp.flows.facts import Facts
from idp.flows.step import NoConfig
from idp.flows.tree import Node
from idp.model.realm import Realm
from tests.flows.trees import ALTERNATIVE, DISABLED, conditional, leaf, level

REALM = Realm(name="r", version="1")
HAS_OTP = {"otp": Usability.READY, "sms": Usability.NO, "key": Usability.SETUP}

SHAPES = [
    pytest.param((leaf("otp"),), True, id="the required step is configured"),
    pytest.param((leaf("otp"), leaf("sms")), False, id="one of the required steps is not"),
    pytest.param((leaf("key"),), False, id="what could be set up is not configured"),
    pytest.param((leaf("otp", ALTERNATIVE), leaf("sms", ALTERNATIVE)), True, id="any alternative suffices"),
    pytest.param((leaf("sms", ALTERNATIVE), leaf("key", ALTERNATIVE)), False, id="no alternative is configured"),
    pytest.param((leaf("otp"), leaf("sms", DISABLED)), True, id="a disabled step is not asked for"),
    pytest.param((leaf("otp", DISABLED), leaf("sms", ALTERNATIVE)), False, id="nor does a disabled one suffice"),
    pytest.param((level("in", leaf("otp")),), True, id="T-6: a nested sub-flow counts"),
    pytest.param((level("in", leaf("sms")),), False, id="T-6: and counts against"),
    pytest.param(
        (level("in", leaf("otp", ALTERNATIVE), leaf("sms", ALTERNATIVE)),), True, id="T-6: nested alternatives are any"
    ),
    pytest.param(
        (leaf("otp"), conditional("in", leaf("sms"), when="c")), True, id="a nested conditional is not demanded"
    ),
    pytest.param((conditional("in", leaf("otp"), when="c"),), True, id="unless there is nothing else"),
    pytest.param((conditional("in", leaf("sms"), when="c"),), False, id="and then it is asked"),
]


@pytest.mark.parametrize(("children", "holds"), SHAPES)
def test_the_subflow_applies_to_who_has_what_it_asks_for(children: tuple[Node, ...], *, holds: bool) -> None:
    surroundings = Surroundings(realm=REALM, usable=lambda execution, _: HAS_OTP[execution.id])
    condition = UserConfigured(NoConfig(), surroundings=surroundings)
    assert condition.holds(Facts(realm=REALM), conditional("guarded", *children, when="c")) is holds
