"""Ways to log in that do not exist here: passed by where Keycloak passes them by, refused where they are demanded."""

from __future__ import annotations

from idp.flows.tree import Execution, leaves
from idp.model.finding import Severity
from tests.flows.bench import compiled, flow, step, sub, told

COOKIE = step("auth-cookie", "ALTERNATIVE")
PASSWORD = step("auth-username-password-form")
CONFIGURED = step("conditional-user-configured")
FOREIGN = step("face-at-the-counter", "ALTERNATIVE")
FORMS = flow("forms", PASSWORD)


def test_an_alternative_that_does_not_exist_is_never_offered_and_said_so() -> None:
    flows, findings, _ = compiled(flow("login", COOKIE, FOREIGN, sub("forms", "ALTERNATIVE")), FORMS)
    names = [leaf.authenticator for leaf in leaves(flows["login"].root)]
    assert names == ["auth-cookie", "auth-username-password-form"]
    (finding,) = told(findings, "F-UNKNOWN-STEP")
    assert finding.severity is Severity.WARNING
    assert finding.pointer == "/authenticationFlows/0/authenticationExecutions/1"


def test_a_step_that_is_demanded_is_never_left_out() -> None:
    second = flow("second", CONFIGURED, step("face-at-the-counter"))
    flows, findings, _ = compiled(flow("login", PASSWORD, sub("second", "CONDITIONAL")), second)
    assert "login" not in flows
    (finding,) = told(findings, "F-UNKNOWN-STEP")
    assert finding.severity is Severity.ERROR


def test_a_flow_that_only_a_session_could_pass_is_refused() -> None:
    flows, findings, _ = compiled(flow("login", COOKIE, FOREIGN))
    assert "login" not in flows
    assert [finding.severity for finding in told(findings, "F-UNKNOWN-STEP")] == [Severity.ERROR]


def test_a_sub_flow_that_nobody_can_be_configured_for_is_passed_by() -> None:
    second = flow("second", CONFIGURED, FOREIGN)
    flows, findings, _ = compiled(flow("login", PASSWORD, sub("second", "CONDITIONAL")), second)
    assert [child.authenticator for child in leaves(flows["login"].root)] == ["auth-username-password-form"]
    assert [finding.severity for finding in told(findings, "F-UNKNOWN-STEP")] == [Severity.WARNING]


def test_the_organizations_of_a_stock_realm_are_passed_by_also_below_a_required_step() -> None:
    inner = flow("members", CONFIGURED, step("idp-add-organization-member"))
    flows, _, _ = compiled(flow("login", PASSWORD, sub("members", "CONDITIONAL")), inner)
    assert [child for child in flows["login"].root.children if not isinstance(child, Execution)] == []


def test_a_required_sub_flow_without_a_way_is_refused() -> None:
    flows, findings, _ = compiled(flow("login", PASSWORD, sub("second")), flow("second", FOREIGN))
    assert "login" not in flows
    assert [finding.severity for finding in told(findings, "F-UNKNOWN-STEP")] == [Severity.ERROR]


def test_a_flow_that_is_not_bound_hinders_nothing() -> None:
    flows, findings, _ = compiled(flow("login", PASSWORD), flow("other", step("face-at-the-counter")))
    assert set(flows) == {"login"}
    assert told(findings, "F-UNKNOWN-STEP") == []
