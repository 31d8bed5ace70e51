"""A realm file's flows become trees, or findings that name the line at fault."""

from __future__ import annotations

from typing import Any

import pytest

from idp.flows.compiler import bound_aliases, compile_realm
from idp.flows.registry import ACTIONS, CONDITIONS, STEPS
from idp.flows.tree import Execution, Node, Subflow, leaves
from idp.model.finding import Finding, Severity
from idp.model.flow import Requirement
from tests.flows.bench import at, compiled, demo_realm, flow, step, sub, told

PASSWORD = step("auth-username-password-form")
OTP = step("auth-otp-form")
GOOD = flow("login", PASSWORD, OTP)
CLIENT = {"clientId": "bank", "redirectUris": ["https://bank.example/cb"], "secret": "a" * 32}


def errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def the(findings: list[Finding], rule: str) -> Finding:
    (finding,) = told(findings, rule)
    assert finding.problem
    assert finding.repair
    return finding


def every(node: Node) -> list[Node]:
    inner = [n for child in node.children for n in every(child)] if isinstance(node, Subflow) else []
    conditions = list(node.conditions) if isinstance(node, Subflow) else []
    return [node, *conditions, *inner]


# --- the tree


def test_the_demo_compiles_without_a_finding() -> None:
    flows, findings = compile_realm(demo_realm())
    assert findings == []
    assert set(flows) == {"bank login", "soft token registration"}
    names = [step.authenticator for step in leaves(flows["bank login"].root)]
    assert names == ["auth-cookie", "auth-username-password-form", "soft-token-gate", "auth-otp-form"]


def test_lines_run_by_priority_whatever_their_order_in_the_file() -> None:
    flows, _, _ = compiled(flow("login", {**OTP, "priority": 99}, {**PASSWORD, "priority": 3}))
    names = [child.authenticator for child in flows["login"].root.children if isinstance(child, Execution)]
    assert names == ["auth-username-password-form", "auth-otp-form"]


def test_conditions_stand_beside_the_members_and_not_among_them() -> None:
    second = flow("second", step("conditional-user-configured"), OTP)
    flows, findings, _ = compiled(flow("login", PASSWORD, sub("second", "CONDITIONAL")), second)
    assert errors(findings) == []
    inner = flows["login"].root.children[1]
    assert isinstance(inner, Subflow)
    assert [condition.authenticator for condition in inner.conditions] == ["conditional-user-configured"]
    assert [step.authenticator for step in leaves(inner)] == ["auth-otp-form"]


def test_a_step_gets_its_configuration_without_what_keycloak_writes_into_every_one() -> None:
    configs = [{"alias": "c", "config": {"digits": "8", "default.reference.value": "sms"}}]
    flows, findings, _ = compiled(flow("login", PASSWORD, step("sms-otp", config="c")), authenticatorConfig=configs)
    assert errors(findings) == []
    assert [step.config for step in leaves(flows["login"].root)] == [{}, {"digits": "8"}]


def test_every_node_points_at_its_line_or_flow_of_the_file() -> None:
    second = flow("second", step("conditional-user-configured"), OTP)
    flows, _, found = compiled(flow("login", PASSWORD, sub("second", "CONDITIONAL")), second)
    for node in every(flows["login"].root):
        named = at(found, node.pointer)
        if isinstance(node, Execution):
            assert named["authenticator"] == node.authenticator
        else:
            assert named["alias"] == node.alias


def test_only_flows_that_somebody_runs_are_compiled() -> None:
    broken = flow("spare", step("no-such-step"))
    flows, findings, _ = compiled(GOOD, broken)
    assert set(flows) == {"login"}
    assert errors(findings) == []


def test_a_flow_with_errors_is_not_returned_and_the_others_are() -> None:
    bad = flow("bad", step("no-such-step"), id="bad-id")
    client = {**CLIENT, "authenticationFlowBindingOverrides": {"browser": "bad-id"}}
    flows, findings, _ = compiled(GOOD, bad, clients=[client])
    assert set(flows) == {"login"}
    assert [finding.rule for finding in errors(findings)] == ["F-UNKNOWN-STEP"]


def test_a_flow_allows_single_sign_on_only_by_an_enabled_cookie_step_at_its_top() -> None:
    forms = flow("forms", PASSWORD)
    for requirement, allowed in (("ALTERNATIVE", True), ("DISABLED", False)):
        top = flow("login", step("auth-cookie", requirement), sub("forms", "ALTERNATIVE"))
        flows, _, _ = compiled(top, forms)
        assert flows["login"].allows_sso() is allowed


def test_the_flow_that_a_client_brings_by_its_id_is_bound() -> None:
    own = flow("own", PASSWORD, id="5d1f")
    client = {**CLIENT, "authenticationFlowBindingOverrides": {"browser": "5d1f"}}
    flows, findings, _ = compiled(GOOD, own, clients=[client])
    assert errors(findings) == []
    assert set(flows) == {"login", "own"}
    assert bound_aliases(demo_realm()) == {"bank login", "soft token registration"}


# --- the ids of places


def test_two_executions_of_one_authenticator_stay_two() -> None:
    lines = [{**step("sms-otp", "ALTERNATIVE"), "priority": 10} for _ in range(3)]
    flows, _, _ = compiled(flow("login", PASSWORD, sub("second")), flow("second", *lines))
    ids = [node.id for node in every(flows["login"].root)]
    assert len(set(ids)) == len(ids)


def test_a_subflow_used_twice_is_two_places() -> None:
    flows, _, _ = compiled(flow("login", PASSWORD, sub("second"), sub("second")), flow("second", OTP))
    ids = [node.id for node in every(flows["login"].root)]
    assert len(ids) == 6
    assert len(set(ids)) == 6


def test_ids_are_the_same_in_every_process_and_do_not_depend_on_what_stands_elsewhere() -> None:
    once, _, _ = compiled(flow("login", PASSWORD, sub("second")), flow("second", OTP))
    again, _, _ = compiled(
        flow("login", PASSWORD, sub("second"), step("sms-otp")), flow("second", OTP, step("soft-token-enrolment"))
    )
    before = {node.id for node in every(once["login"].root)}
    after = {node.id for node in every(again["login"].root)}
    assert before < after
    # Written down, so that a change of the scheme (which ends every login in progress) is seen.
    assert once["login"].root.id == "QoghNQ6WkUkfYWt1"


def test_ids_of_one_alias_in_two_flows_differ() -> None:
    own = flow("own", PASSWORD, sub("second"), id="own-id")
    client = {**CLIENT, "authenticationFlowBindingOverrides": {"browser": "own-id"}}
    flows, _, _ = compiled(flow("login", PASSWORD, sub("second")), flow("second", OTP), own, clients=[client])
    mine = {node.id for node in every(flows["login"].root)}
    theirs = {node.id for node in every(flows["own"].root)}
    assert not mine & theirs


# --- findings: each with the line at fault, and the good twin without it

DEFECTS = [
    pytest.param(
        flow("login", PASSWORD, step("no-such-step")),
        step("auth-otp-form"),
        "F-UNKNOWN-STEP",
        id="an authenticator that nobody knows",
    ),
    pytest.param(flow("login", PASSWORD, sub("nowhere")), OTP, "F-UNKNOWN-FLOW", id="a sub-flow that is not there"),
    pytest.param(flow("login", PASSWORD, sub("login")), OTP, "F-CYCLE", id="a flow inside itself"),
    pytest.param(
        flow("login", PASSWORD, step("sms-otp", config="nowhere")),
        step("sms-otp", config="good"),
        "F-UNKNOWN-CONFIG",
        id="a configuration that is not there",
    ),
    pytest.param(
        flow("login", PASSWORD, step("sms-otp", config="bad")),
        step("sms-otp", config="good"),
        "F-STEP-CONFIG",
        id="a configuration beyond its limits",
    ),
    pytest.param(
        flow("login", PASSWORD, step("sms-otp", config="misspelt")),
        step("sms-otp", config="good"),
        "F-STEP-CONFIG",
        id="a configuration with an unknown key",
    ),
]
CONFIGS = [
    {"alias": "good", "config": {"lifetimeSeconds": "120"}},
    {"alias": "bad", "config": {"lifetimeSeconds": "86400"}},
    {"alias": "misspelt", "config": {"lifetime": "120"}},
]


@pytest.mark.parametrize(("bad", "repaired", "rule"), DEFECTS)
def test_a_defective_line_is_named_and_its_good_twin_is_not(
    bad: dict[str, Any], repaired: dict[str, Any], rule: str
) -> None:
    flows, findings, found = compiled(bad, authenticatorConfig=CONFIGS)
    finding = the(findings, rule)
    assert finding.severity is Severity.ERROR
    assert at(found, finding.pointer) == bad["authenticationExecutions"][1]
    assert flows == {}
    twin = flow("login", PASSWORD, repaired)
    flows, findings, _ = compiled(twin, authenticatorConfig=CONFIGS)
    assert errors(findings) == []
    assert set(flows) == {"login"}


@pytest.mark.parametrize(("bad", "repaired", "rule"), DEFECTS)
def test_a_disabled_line_asks_for_nothing_whatever_it_names(
    bad: dict[str, Any], repaired: dict[str, Any], rule: str
) -> None:
    del repaired, rule
    line = {**bad["authenticationExecutions"][1], "requirement": "DISABLED"}
    flows, findings, _ = compiled(flow("login", PASSWORD, line), authenticatorConfig=CONFIGS)
    assert errors(findings) == []
    assert [step.authenticator for step in leaves(flows["login"].root)] == ["auth-username-password-form"]


def test_what_stands_in_a_disabled_subflow_is_nobodys_problem() -> None:
    organisation = flow("Organization", step("organization"), sub("nowhere"))
    flows, findings, _ = compiled(flow("login", PASSWORD, sub("Organization", "DISABLED")), organisation)
    assert errors(findings) == []
    assert set(flows) == {"login"}


def test_a_cycle_through_two_flows_is_found() -> None:
    _, findings, found = compiled(flow("login", PASSWORD, sub("a")), flow("a", sub("b")), flow("b", sub("a")))
    assert at(found, the(findings, "F-CYCLE").pointer)["flowAlias"] == "a"


def test_all_problems_of_a_flow_come_back_together() -> None:
    _, findings, _ = compiled(flow("login", step("one"), sub("two"), step("sms-otp", config="three")))
    assert {f.rule for f in errors(findings)} == {"F-UNKNOWN-STEP", "F-UNKNOWN-FLOW", "F-UNKNOWN-CONFIG"}


def test_the_repair_of_an_unknown_step_names_every_step_there_is() -> None:
    _, findings, _ = compiled(flow("login", PASSWORD, step("no-such-step")))
    repair = the(findings, "F-UNKNOWN-STEP").repair
    assert all(name in repair for name in (*STEPS, *CONDITIONS))


# --- findings about bindings


def test_a_binding_to_a_flow_that_is_not_there_points_at_the_binding() -> None:
    _, findings, found = compiled(GOOD, browserFlow="nowhere")
    finding = the(findings, "F-UNKNOWN-FLOW")
    assert finding.pointer == "/browserFlow"
    assert at(found, finding.pointer) == "nowhere"


def test_a_registration_flow_that_is_not_there_points_at_the_attribute() -> None:
    _, findings, found = compiled(GOOD, attributes={"hyrja.softTokenRegistrationFlow": "nowhere"})
    assert at(found, the(findings, "F-UNKNOWN-FLOW").pointer) == "nowhere"


def test_a_clients_override_with_a_flow_that_is_not_there_points_at_the_override() -> None:
    bad = {**CLIENT, "clientId": "other", "authenticationFlowBindingOverrides": {"browser": "nowhere"}}
    _, findings, found = compiled(GOOD, clients=[CLIENT, bad])
    finding = the(findings, "F-UNKNOWN-FLOW")
    assert "other" in finding.problem
    assert at(found, finding.pointer) == "nowhere"


# --- findings about required actions


def action(alias: str, **more: Any) -> dict[str, Any]:
    return {"alias": alias, "enabled": True, **more}


@pytest.mark.parametrize(
    ("default", "severity"), [(True, Severity.ERROR), (False, Severity.WARNING)], ids=["everybody's", "on request"]
)
def test_a_required_action_that_nobody_knows_is_named(
    *,
    default: bool,
    severity: Severity,
) -> None:
    bad = action("VERIFY_FINGERPRINT", defaultAction=default)
    _, findings, found = compiled(GOOD, requiredActions=[action("UPDATE_PASSWORD"), bad])
    finding = the(findings, "A-UNKNOWN-ACTION")
    assert finding.severity is severity
    assert at(found, finding.pointer) == bad
    assert all(name in finding.repair for name in ACTIONS)
    _, findings, _ = compiled(GOOD, requiredActions=[{**bad, "enabled": False}])
    assert told(findings, "A-UNKNOWN-ACTION") == []


def test_a_required_action_with_an_unknown_setting_is_named() -> None:
    bad = action("TERMS_AND_CONDITIONS", config={"versoin": "2"})
    _, findings, found = compiled(GOOD, requiredActions=[bad])
    finding = the(findings, "A-ACTION-CONFIG")
    assert finding.severity is Severity.ERROR
    assert at(found, finding.pointer) == {"versoin": "2"}
    for good in (action("TERMS_AND_CONDITIONS", config={"version": "2"}), {**bad, "enabled": False}):
        _, findings, _ = compiled(GOOD, requiredActions=[good])
        assert told(findings, "A-ACTION-CONFIG") == []


def test_a_disabled_execution_keeps_its_place_in_the_tree() -> None:
    flows, _, _ = compiled(flow("login", PASSWORD, {**OTP, "requirement": "DISABLED"}))
    assert [child.requirement for child in flows["login"].root.children] == [
        Requirement.REQUIRED,
        Requirement.DISABLED,
    ]


# --- forms

PAGE = {**sub("the page"), "authenticator": "registration-page-form"}


def page(*parts: dict[str, Any]) -> dict[str, Any]:
    return flow("the page", *parts, providerId="form-flow")


def test_a_form_is_one_step_with_its_parts() -> None:
    parts = (step("registration-user-creation"), step("registration-recaptcha-action", "DISABLED"))
    flows, findings, _ = compiled(
        GOOD, flow("new", PAGE), page(*parts), registrationAllowed=True, registrationFlow="new"
    )
    assert errors(findings) == []
    (leaf,) = leaves(flows["new"].root)
    assert leaf.authenticator == "registration-page-form"
    assert [part.authenticator for part in leaf.form] == ["registration-user-creation"]


@pytest.mark.parametrize(
    ("part", "severity"), [("registration-recaptcha-action", Severity.WARNING), ("made-up", Severity.ERROR)]
)
def test_a_part_that_does_not_exist_is_told_and_a_captcha_hinders_nobody(part: str, severity: Severity) -> None:
    parts = page(step("registration-user-creation"), step(part))
    _, findings, found = compiled(GOOD, flow("new", PAGE), parts, registrationAllowed=True, registrationFlow="new")
    finding = the(findings, "F-FORM-PART")
    assert finding.severity is severity
    assert at(found, finding.pointer)["authenticator"] == part


def test_a_form_that_does_not_exist_is_told() -> None:
    parts = page(step("registration-user-creation"))
    _, findings, _ = compiled(
        GOOD,
        flow("new", {**PAGE, "authenticator": "made-up"}),
        parts,
        registrationAllowed=True,
        registrationFlow="new",
    )
    assert "made-up" in the(findings, "F-UNKNOWN-STEP").problem


def test_an_account_is_not_made_in_a_flow_that_logs_in() -> None:
    _, findings, found = compiled(flow("login", PASSWORD, PAGE), page(step("registration-user-creation")))
    assert (
        at(found, the(findings, "F-ACCOUNT-IN-LOGIN").pointer)
        == found["authenticationFlows"][0]["authenticationExecutions"][1]
    )


def test_a_flow_of_registration_is_compiled_only_where_people_may_register() -> None:
    parts = page(step("made-up"))
    flows, findings, _ = compiled(GOOD, flow("new", PAGE), parts, registrationFlow="new")
    assert errors(findings) == []
    assert set(flows) == {"login"}
