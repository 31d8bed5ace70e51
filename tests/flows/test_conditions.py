"""Each condition, by what it looks at (keycloak.md 2.6); `conditional-user-configured` first (T-6)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.flows.condition import Surroundings
from idp.flows.conditions.configured import UserConfigured
from idp.flows.engine import Usability
from idp.flows.facts import Facts
from idp.flows.registry import CONDITIONS
from idp.flows.step import NoConfig
from idp.flows.tree import Execution, Node
from idp.flows.turns import Finished
from idp.model.claims.mapper import Group, RoleName
from idp.model.client import Client
from idp.model.flow import Category, Evidence
from idp.model.realm import Realm
from idp.model.user import User
from tests.flows.bench import PASSWORD, Bench, demo_realm, flow, no_actions, step, sub, with_flows
from tests.flows.trees import ALTERNATIVE, DISABLED, conditional, leaf, level

pytestmark = pytest.mark.anyio

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


# --- what each condition looks at


BRANCH = Group(path="/staff/branch", attributes={"limit": ("high",)}, roles=(RoleName(name="teller"),))
HOUSE = msgspec.structs.replace(
    REALM,
    clients={name: Client(client_id=name) for name in ("bank", "bank.web")},
    roles={
        RoleName(name="clerk"): (),
        RoleName(name="teller"): (),
        RoleName(name="chief"): (RoleName(name="clerk"),),
        RoleName(name="pay", client="bank.web"): (),
        RoleName(name="web.pay", client="bank"): (),
    },
    groups={"/staff/branch": BRANCH},
)
ANA = User(id="u", username="ana", created_at=1, email="ana@bank.al", attributes={"kind": ("retail", "vip")})


def holds(name: str, config: dict[str, str], *, lowest_level: int = 0, **facts: Any) -> bool:
    kind = CONDITIONS[name]
    given = msgspec.convert(config, kind.config_type, strict=False)
    assert kind.missing(given, HOUSE) is None
    made = kind(given, surroundings=Surroundings(realm=HOUSE, usable=never, lowest_level=lowest_level))
    return made.holds(Facts(realm=HOUSE, **facts), level("guarded"))


def never(execution: Execution, user: User | None) -> Usability:
    del execution, user
    return Usability.NO


@pytest.mark.parametrize(
    ("role", "has", "expected"),
    [
        ("clerk", {}, False),
        ("clerk", {"realm_roles": ("clerk",)}, True),
        ("clerk", {"realm_roles": ("chief",)}, True),
        ("teller", {"groups": ("/staff/branch",)}, True),
        ("teller", {"groups": ("/staff",)}, False),
        ("bank.web.pay", {"client_roles": {"bank.web": ("pay",)}}, True),
        ("bank.web.pay", {"client_roles": {"bank": ("web.pay",)}}, False),
        ("bank.web.pay", {"realm_roles": ("bank.web.pay",)}, False),
    ],
)
def test_a_role_is_the_users_own_of_a_group_or_part_of_another(
    role: str, has: dict[str, Any], *, expected: bool
) -> None:
    user = msgspec.structs.replace(ANA, **has)
    assert holds("conditional-user-role", {"condUserRole": role}, user=user) is expected
    assert holds("conditional-user-role", {"condUserRole": role, "negate": "true"}, user=user) is not expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"attribute_name": "kind", "attribute_expected_value": "vip"}, True),
        ({"attribute_name": "kind", "attribute_expected_value": "vi"}, False),
        ({"attribute_name": "kind", "attribute_expected_value": "v.p", "regex": "true"}, True),
        ({"attribute_name": "kind", "attribute_expected_value": "v", "regex": "true"}, False),
        ({"attribute_name": "kind", "attribute_expected_value": "v.p"}, False),
        ({"attribute_name": "limit", "attribute_expected_value": "high"}, False),
        ({"attribute_name": "limit", "attribute_expected_value": "high", "include_group_attributes": "true"}, True),
        ({"attribute_name": "username", "attribute_expected_value": "ana"}, True),
        ({"attribute_name": "email", "attribute_expected_value": ".*@bank\\.al", "regex": "true"}, True),
        ({"attribute_name": "firstName", "attribute_expected_value": ".*", "regex": "true"}, False),
        ({"attribute_name": "lastName", "attribute_expected_value": ""}, False),
    ],
)
def test_an_attribute_is_compared_whole_or_by_a_pattern(config: dict[str, str], *, expected: bool) -> None:
    user = msgspec.structs.replace(ANA, groups=("/staff/branch",))
    assert holds("conditional-user-attribute", config, user=user) is expected
    assert holds("conditional-user-attribute", {**config, "not": "true"}, user=user) is not expected


def test_no_pattern_and_no_value_hold_the_server_up() -> None:
    """With backtracking this one takes longer than the universe has lasted."""
    hard = {"attribute_name": "kind", "attribute_expected_value": "(a|a)*(a|a)*b", "regex": "true"}
    user = msgspec.structs.replace(ANA, attributes={"kind": ("a" * 2000,)})
    assert not holds("conditional-user-attribute", hard, user=user)
    long = msgspec.structs.replace(ANA, attributes={"kind": ("b" * 3000,)})
    assert not holds("conditional-user-attribute", {**hard, "attribute_expected_value": "b*"}, user=long)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_pattern_is_a_predicate_or_refused(expression: str, value: str) -> None:
    config = {"attribute_name": "kind", "attribute_expected_value": expression, "regex": "true"}
    user = msgspec.structs.replace(ANA, attributes={"kind": (value,)})
    try:
        answer = holds("conditional-user-attribute", config, user=user)
    except msgspec.ValidationError:
        return
    assert answer in {True, False}


@pytest.mark.parametrize(("scope", "expected"), [((), False), (("openid",), False), (("openid", "phone"), True)])
def test_a_scope_is_asked_for_or_not(scope: tuple[str, ...], *, expected: bool) -> None:
    assert holds("conditional-client-scope", {"client_scope": "phone"}, scope=scope) is expected
    assert holds("conditional-client-scope", {"client_scope": "phone", "negate": "true"}, scope=scope) is not expected


@pytest.mark.parametrize(
    ("level_", "lowest", "asked", "expected"),
    [(1, 1, 0, True), (2, 1, 0, False), (2, 1, 1, False), (2, 1, 2, True), (2, 1, 3, True), (2, 2, 0, True)],
)
def test_a_level_applies_if_it_is_asked_for_and_the_lowest_always(
    level_: int, lowest: int, asked: int, *, expected: bool
) -> None:
    config = {"loa-condition-level": str(level_)}
    name = "conditional-level-of-authentication"
    assert holds(name, config, lowest_level=lowest, level=asked) is expected


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.1.2.3", True),
        ("10.2.0.1", False),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::7", True),
        ("2001:db9::7", False),
        ("192.0.2.9", True),
        ("", False),
        ("unix:", False),
    ],
)
def test_an_address_is_in_one_of_the_networks(address: str, *, inside: bool) -> None:
    config = {"ip-ranges": "10.1.0.0/255.255.0.0##2001:db8::/32##192.0.2.9"}
    assert holds("conditional-client-ip-address", config, address=address) is inside
    assert holds("conditional-client-ip-address", {**config, "exclude": "true"}, address=address) is not inside


def proof(factor: str) -> Evidence:
    return Evidence(
        execution="e", factor=factor, category=Category.KNOWLEDGE, channel="c", amr=("x",), at=1, ceremony="t"
    )


@pytest.mark.parametrize(
    ("used", "credentials", "used_one"),
    [
        ((), "otp", False),
        ((), "none", True),
        (("password",), "none", False),
        (("password",), "otp##password", True),
        (("password", "otp"), "webauthn", False),
    ],
)
def test_a_credential_has_been_used_in_this_login_or_not(
    used: tuple[str, ...], credentials: str, *, used_one: bool
) -> None:
    evidence = tuple(map(proof, used))
    config = {"credentials": credentials}
    assert holds("conditional-credential", {**config, "included": "true"}, evidence=evidence, user=ANA) is used_one
    assert holds("conditional-credential", config, evidence=evidence, user=ANA) is not used_one


async def test_a_sub_flow_has_been_passed_in_this_login_or_not() -> None:
    """Whoever has passed “maybe” with a token is not asked for a message as well; everybody else is."""
    executed = {"alias": "not there", "config": {"flow_to_check": "maybe", "check_result": "not-executed"}}
    lines = (step("auth-username-password-form"), sub("maybe", "CONDITIONAL"), sub("else", "CONDITIONAL"))

    def edit(found: dict[str, Any]) -> None:
        with_flows(
            flow("login", *lines),
            flow("maybe", step("conditional-user-configured"), step("auth-otp-form")),
            flow("else", step("conditional-sub-flow-executed", config="not there"), step("sms-otp")),
        )(found)
        found["authenticatorConfig"].append(executed)
        no_actions(found)

    for token in (True, False):
        bench = Bench()
        await bench.add_user(token=token)
        walk = bench.run(demo_realm(edit))
        await walk.show()
        await walk.enter(username="ana", password=PASSWORD)
        assert walk.asks == ("auth-otp-form" if token else "sms-otp")
        last = await walk.enter(otp=bench.otp()) if token else await walk.enter(code=bench.sms.code)
        assert isinstance(last.turn, Finished)
        assert await walk.stands()
