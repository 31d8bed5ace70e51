"""Shapes of flows that mean something else than they seem to, each refused at the line at fault (keycloak.md 2.16)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from idp.model.finding import Severity
from tests.flows.bench import at, compiled, flow, step, sub, told

Flows = Sequence[dict[str, Any]]

COOKIE = step("auth-cookie", "ALTERNATIVE")
PASSWORD = step("auth-username-password-form")
USERNAME = step("auth-username-form")
PASSWORD_ALONE = step("auth-password-form")
OTP = step("auth-otp-form")
SMS = step("sms-otp")
ENROL = step("soft-token-enrolment")
DENY = step("deny-access-authenticator")
ROLE = step("conditional-user-role", config="a role")
GATE = step("soft-token-gate")
CONFIGURED = step("conditional-user-configured")


def alternative(line: dict[str, Any]) -> dict[str, Any]:
    return {**line, "requirement": "ALTERNATIVE"}


def disabled(line: dict[str, Any]) -> dict[str, Any]:
    return {**line, "requirement": "DISABLED"}


ERRORS = [
    pytest.param(
        [flow("login", PASSWORD, alternative(OTP))],
        "F-MIXED-LEVEL",
        "/authenticationFlows/0",
        [flow("login", PASSWORD, OTP)],
        id="T-1: REQUIRED beside ALTERNATIVE",
    ),
    pytest.param(
        [
            flow("login", PASSWORD, sub("in")),
            flow("in", sub("maybe", "CONDITIONAL"), alternative(SMS)),
            flow("maybe", CONFIGURED, OTP),
        ],
        "F-MIXED-LEVEL",
        "/authenticationFlows/1",
        [
            flow("login", PASSWORD, sub("in")),
            flow("in", sub("maybe", "CONDITIONAL"), SMS),
            flow("maybe", CONFIGURED, OTP),
        ],
        id="T-2: CONDITIONAL beside ALTERNATIVE",
    ),
    pytest.param(
        [flow("login", PASSWORD, sub("maybe", "CONDITIONAL")), flow("maybe", disabled(CONFIGURED), OTP)],
        "F-NO-CONDITION",
        "/authenticationFlows/1",
        [flow("login", PASSWORD, sub("maybe", "CONDITIONAL")), flow("maybe", CONFIGURED, OTP)],
        id="T-4: CONDITIONAL without an enabled condition",
    ),
    pytest.param(
        [flow("login", PASSWORD, sub("in")), flow("in", CONFIGURED, OTP)],
        "F-CONDITION-IGNORED",
        "/authenticationFlows/1/authenticationExecutions/0",
        [flow("login", PASSWORD, sub("in")), flow("in", disabled(CONFIGURED), OTP)],
        id="T-5: a condition in a REQUIRED sub-flow",
    ),
    pytest.param(
        [flow("login", PASSWORD, CONFIGURED)],
        "F-CONDITION-IGNORED",
        "/authenticationFlows/0/authenticationExecutions/1",
        [flow("login", PASSWORD)],
        id="a condition at the top",
    ),
    pytest.param(
        [flow("login", alternative(USERNAME), alternative(PASSWORD))],
        "F-UNREACHABLE",
        "/authenticationFlows/0/authenticationExecutions/0",
        [flow("login", COOKIE, alternative(PASSWORD))],
        id="T-8: a first alternative that always passes",
    ),
    pytest.param(
        [
            flow("login", PASSWORD, sub("any")),
            flow("any", sub("free", "ALTERNATIVE"), alternative(OTP)),
            flow("free", GATE),
        ],
        "F-UNREACHABLE",
        "/authenticationFlows/2",
        [
            flow("login", PASSWORD, sub("any")),
            flow("any", sub("free", "ALTERNATIVE"), alternative(OTP)),
            flow("free", GATE, SMS),
        ],
        id="T-8: a first alternative sub-flow that proves nothing",
    ),
    pytest.param(
        [flow("login", PASSWORD, {**OTP, "requirement": "CONDITIONAL"})],
        "F-CONDITIONAL-STEP",
        "/authenticationFlows/0/authenticationExecutions/1",
        [flow("login", PASSWORD, OTP)],
        id="a step that is CONDITIONAL",
    ),
    pytest.param(
        [flow("login", PASSWORD, sub("in")), flow("in", disabled(OTP))],
        "F-EMPTY",
        "/authenticationFlows/1",
        [flow("login", PASSWORD, sub("in", "DISABLED")), flow("in", disabled(OTP))],
        id="a sub-flow without an enabled execution",
    ),
    pytest.param(
        [flow("login", OTP, PASSWORD)],
        "F-STEP-BEFORE-USER",
        "/authenticationFlows/0/authenticationExecutions/0",
        [flow("login", PASSWORD, OTP)],
        id="a code of nobody",
    ),
    pytest.param(
        [flow("login", sub("any"), OTP), flow("any", alternative(PASSWORD), alternative(PASSWORD_ALONE))],
        "F-STEP-BEFORE-USER",
        "/authenticationFlows/0/authenticationExecutions/1",
        [flow("login", sub("any"), OTP), flow("any", alternative(PASSWORD), alternative(PASSWORD))],
        id="a user that only one of the alternatives brings",
    ),
    pytest.param(
        [flow("login", USERNAME, ENROL, PASSWORD_ALONE)],
        "F-STEP-BEFORE-PROOF",
        "/authenticationFlows/0/authenticationExecutions/1",
        [flow("login", USERNAME, PASSWORD_ALONE, ENROL)],
        id="T-9: enrolment before any proven factor",
    ),
    pytest.param(
        [
            flow("login", sub("any"), ENROL),
            flow("any", alternative(PASSWORD), sub("free", "ALTERNATIVE")),
            flow("free", USERNAME),
        ],
        "F-STEP-BEFORE-PROOF",
        "/authenticationFlows/0/authenticationExecutions/1",
        [
            flow("login", sub("any"), ENROL),
            flow("any", alternative(PASSWORD), sub("free", "ALTERNATIVE")),
            flow("free", USERNAME, PASSWORD_ALONE),
        ],
        id="T-9: enrolment behind a factor that only one of the alternatives proves",
    ),
    pytest.param(
        [flow("login", USERNAME, sub("maybe", "CONDITIONAL"), ENROL, PASSWORD_ALONE), flow("maybe", CONFIGURED, OTP)],
        "F-STEP-BEFORE-PROOF",
        "/authenticationFlows/0/authenticationExecutions/2",
        [flow("login", USERNAME, sub("maybe"), ENROL, PASSWORD_ALONE), flow("maybe", OTP)],
        id="T-9: enrolment behind a factor that is not always proven",
    ),
    pytest.param(
        [flow("login", USERNAME, GATE, PASSWORD_ALONE)],
        "F-STEP-BEFORE-PROOF",
        "/authenticationFlows/0/authenticationExecutions/1",
        [flow("login", USERNAME, PASSWORD_ALONE, GATE)],
        id="telling who has a token before the password",
    ),
    pytest.param(
        [flow("login", sub("maybe", "CONDITIONAL"), PASSWORD), flow("maybe", CONFIGURED, OTP)],
        "F-CONDITION-BEFORE-USER",
        "/authenticationFlows/1/authenticationExecutions/0",
        [flow("login", PASSWORD, sub("maybe", "CONDITIONAL")), flow("maybe", CONFIGURED, OTP)],
        id="a condition about a user whom nobody has named",
    ),
    pytest.param(
        [flow("login", USERNAME)],
        "F-PROVES-NOTHING",
        "/authenticationFlows/0",
        [flow("login", USERNAME, PASSWORD_ALONE)],
        id="a login that proves nothing",
    ),
    pytest.param(
        [flow("login", alternative(PASSWORD), sub("free", "ALTERNATIVE")), flow("free", USERNAME)],
        "F-PROVES-NOTHING",
        "/authenticationFlows/0",
        [flow("login", alternative(PASSWORD), sub("free", "ALTERNATIVE")), flow("free", USERNAME, PASSWORD_ALONE)],
        id="a last alternative that proves nothing",
    ),
    pytest.param(
        [flow("login", USERNAME, sub("maybe", "CONDITIONAL")), flow("maybe", CONFIGURED, OTP)],
        "F-PROVES-NOTHING",
        "/authenticationFlows/0",
        [flow("login", USERNAME, PASSWORD_ALONE, sub("maybe", "CONDITIONAL")), flow("maybe", CONFIGURED, OTP)],
        id="a proof that only some users give",
    ),
]


def leveled(alias: str, level: int, *lines: dict[str, Any]) -> dict[str, Any]:
    return flow(alias, step("conditional-level-of-authentication", config=f"level {level}"), *lines)


CONFIGS = [
    {"alias": "level 1", "config": {"loa-condition-level": "1"}},
    {"alias": "level 2", "config": {"loa-condition-level": "2", "loa-max-age": "300"}},
    {"alias": "no level", "config": {"loa-condition-level": "high"}},
    {"alias": "a role", "config": {"condUserRole": "clerk"}},
    {"alias": "no role", "config": {"condUserRole": "no-such-role"}},
    {"alias": "no flow", "config": {"flow_to_check": "no such flow"}},
    {"alias": "no scope", "config": {"client_scope": "no-such-scope"}},
    {"alias": "bad pattern", "config": {"attribute_name": "a", "attribute_expected_value": "(", "regex": "true"}},
    {"alias": "no network", "config": {"ip-ranges": "10.0.0.0/33"}},
    {"alias": "no kind", "config": {"credentials": "##"}},
    {"alias": "an age", "config": {"default.reference.value": "face", "default.reference.maxAge": "soon"}},
]
BY_LEVEL = (sub("one", "CONDITIONAL"), sub("two", "CONDITIONAL"))
LEVELS = [
    pytest.param(
        [flow("login", *reversed(BY_LEVEL)), leveled("one", 1, PASSWORD), leveled("two", 2, OTP)],
        "F-LEVEL-ORDER",
        "/authenticationFlows/1",
        [flow("login", *BY_LEVEL), leveled("one", 1, PASSWORD), leveled("two", 2, OTP)],
        id="T-12: a block of level 2 before that of level 1",
    ),
    pytest.param(
        [flow("login", *BY_LEVEL), leveled("one", 1, PASSWORD), leveled("two", 2, PASSWORD_ALONE)],
        "F-LEVEL-PROOF",
        "/authenticationFlows/2",
        [flow("login", *BY_LEVEL), leveled("one", 1, PASSWORD), leveled("two", 2, SMS)],
        id="two passwords are not level 2",
    ),
    pytest.param(
        [flow("login", PASSWORD, sub("one", "CONDITIONAL")), leveled("one", 1, step("allow-access-authenticator"))],
        "F-LEVEL-PROOF",
        "/authenticationFlows/1",
        [flow("login", PASSWORD, sub("one", "CONDITIONAL")), leveled("one", 1, OTP)],
        id="a block that proves nothing",
    ),
    *(
        pytest.param(
            [flow("login", PASSWORD, sub("maybe", "CONDITIONAL")), flow("maybe", step(name, config=bad), OTP)],
            "F-CONDITION-REFERENCE",
            "/authenticationFlows/1/authenticationExecutions/0",
            [flow("login", PASSWORD, sub("maybe", "CONDITIONAL")), flow("maybe", ROLE, OTP)],
            id=f"{name}: {bad}",
        )
        for name, bad in (
            ("conditional-user-role", "no role"),
            ("conditional-sub-flow-executed", "no flow"),
            ("conditional-client-scope", "no scope"),
        )
    ),
    *(
        pytest.param(
            [flow("login", PASSWORD, sub("maybe", "CONDITIONAL")), flow("maybe", step(name, config=bad), OTP)],
            "F-STEP-CONFIG",
            "/authenticationFlows/1/authenticationExecutions/0",
            [flow("login", PASSWORD, sub("maybe", "CONDITIONAL")), flow("maybe", ROLE, OTP)],
            id=f"{name}: {bad}",
        )
        for name, bad in (
            ("conditional-level-of-authentication", "no level"),
            ("conditional-user-attribute", "bad pattern"),
            ("conditional-client-ip-address", "no network"),
            ("conditional-credential", "no kind"),
        )
    ),
    pytest.param(
        [flow("login", PASSWORD, step("auth-otp-form", config="an age"))],
        "F-STEP-CONFIG",
        "/authenticationFlows/0/authenticationExecutions/1",
        [flow("login", PASSWORD, OTP)],
        id="an age of a reference that is no number",
    ),
]


@pytest.mark.parametrize(("bad", "rule", "pointer", "good"), LEVELS)
def test_levels_and_conditions_that_cannot_mean_what_they_say_are_refused(
    bad: Flows, rule: str, pointer: str, good: Flows
) -> None:
    more = {"authenticatorConfig": CONFIGS, "roles": {"realm": [{"name": "clerk"}]}}
    flows, findings, found = compiled(*bad, **more)
    (finding,) = told(findings, rule)
    assert (finding.severity, finding.pointer) == (Severity.ERROR, pointer)
    assert at(found, pointer)
    assert flows == {}
    flows, findings, _ = compiled(*good, **more)
    assert [f for f in findings if f.severity is Severity.ERROR] == []
    assert set(flows) == {"login"}


def test_t12_a_block_of_level_2_before_that_of_level_1_does_not_start() -> None:
    lines = [flow("login", *reversed(BY_LEVEL)), leveled("one", 1, PASSWORD), leveled("two", 2, OTP)]
    flows, findings, _ = compiled(*lines, authenticatorConfig=CONFIGS)
    (finding,) = told(findings, "F-LEVEL-ORDER")
    assert "“one”" in finding.problem
    assert flows == {}


def test_blocks_of_one_level_may_stand_behind_each_other_and_in_alternatives_in_any_order() -> None:
    lines = [alternative(sub("strong")), alternative(sub("weak"))]
    flows, findings, _ = compiled(
        flow("login", *lines),
        flow("strong", PASSWORD, sub("two", "CONDITIONAL")),
        flow("weak", sub("one", "CONDITIONAL")),
        leveled("one", 1, PASSWORD),
        leveled("two", 2, OTP),
        authenticatorConfig=CONFIGS,
    )
    assert told(findings, "F-LEVEL-ORDER") == []
    assert set(flows) == {"login"}


def test_a_branch_that_is_denied_proves_nothing_and_need_not() -> None:
    flows, findings, _ = compiled(flow("login", alternative(PASSWORD), alternative(DENY)))
    assert told(findings, "F-PROVES-NOTHING") == []
    assert set(flows) == {"login"}
    flows, findings, _ = compiled(flow("login", alternative(PASSWORD), alternative(step("allow-access-authenticator"))))
    assert told(findings, "F-PROVES-NOTHING")


@pytest.mark.parametrize(("bad", "rule", "pointer", "good"), ERRORS)
def test_an_ambiguous_shape_is_refused_at_its_place_and_its_good_twin_is_not(
    bad: Flows, rule: str, pointer: str, good: Flows
) -> None:
    flows, findings, found = compiled(*bad)
    (finding,) = told(findings, rule)
    assert finding.severity is Severity.ERROR
    assert finding.pointer == pointer
    assert at(found, pointer)
    assert finding.problem
    assert finding.repair
    assert flows == {}
    flows, findings, _ = compiled(*good)
    assert told(findings, rule) == []
    assert [f for f in findings if f.severity is Severity.ERROR] == []
    assert set(flows) == {"login"}


def test_a_level_of_conditionals_alone_is_reported_and_runs() -> None:
    second = flow("second", sub("maybe", "CONDITIONAL"))
    flows, findings, _ = compiled(flow("login", PASSWORD, sub("second")), second, flow("maybe", CONFIGURED, OTP))
    (finding,) = told(findings, "F-ONLY-CONDITIONAL")
    assert finding.severity is Severity.WARNING
    assert finding.pointer == "/authenticationFlows/1"
    assert set(flows) == {"login"}
    _, findings, _ = compiled(
        flow("login", PASSWORD, sub("second")),
        flow("second", *second["authenticationExecutions"], SMS),
        flow("maybe", CONFIGURED, OTP),
    )
    assert told(findings, "F-ONLY-CONDITIONAL") == []


def test_what_is_disabled_has_no_shape() -> None:
    lines = [disabled(alternative(OTP)), disabled(ENROL), disabled(CONFIGURED), disabled(USERNAME)]
    flows, findings, _ = compiled(flow("login", *lines, PASSWORD))
    assert [f for f in findings if f.severity is Severity.ERROR] == []
    assert set(flows) == {"login"}


def test_a_disabled_alternative_is_no_way_in() -> None:
    flows, findings, _ = compiled(flow("login", COOKIE, disabled(USERNAME), alternative(PASSWORD)))
    assert [f for f in findings if f.severity is Severity.ERROR] == []
    assert set(flows) == {"login"}


def test_nothing_is_unreachable_behind_the_last_alternative() -> None:
    _, findings, _ = compiled(flow("login", alternative(PASSWORD), alternative(USERNAME)))
    assert told(findings, "F-UNREACHABLE") == []


def test_an_alternative_beside_required_steps_is_told_once_and_not_as_out_of_order_too() -> None:
    _, findings, _ = compiled(flow("login", PASSWORD, alternative(OTP)))
    assert [finding.rule for finding in findings] == ["F-MIXED-LEVEL"]


def test_a_session_that_answers_brings_the_user_and_the_proof() -> None:
    forms = flow("forms", PASSWORD, OTP)
    flows, findings, _ = compiled(
        flow("login", sub("in"), ENROL), flow("in", COOKIE, sub("forms", "ALTERNATIVE")), forms
    )
    assert [f for f in findings if f.severity is Severity.ERROR] == []
    assert set(flows) == {"login"}


def test_the_problem_of_a_mixed_level_names_the_executions() -> None:
    _, findings, _ = compiled(flow("login", PASSWORD, alternative(OTP)))
    problem = told(findings, "F-MIXED-LEVEL")[0].problem
    assert "auth-username-password-form REQUIRED" in problem
    assert "auth-otp-form ALTERNATIVE" in problem


def test_a_message_to_whoever_somebody_names_is_reported_and_one_behind_a_proof_is_not() -> None:
    _, findings, found = compiled(flow("login", USERNAME, SMS))
    (finding,) = told(findings, "F-MESSAGE-BEFORE-PROOF")
    assert finding.severity is Severity.WARNING
    assert at(found, finding.pointer)["authenticator"] == "sms-otp"
    _, findings, _ = compiled(flow("login", PASSWORD, SMS))
    assert told(findings, "F-MESSAGE-BEFORE-PROOF") == []
