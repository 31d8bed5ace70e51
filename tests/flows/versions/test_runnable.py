"""What of an imported realm runs here: its login or nothing; other flows and single clients are left out."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from idp.flows.compiler import compile_realm
from idp.flows.tree import leaves
from idp.flows.versions.runnable import runnable
from idp.model.finding import Severity
from idp.model.flow import Requirement
from idp.model.flow_kind import FlowKind
from idp.realms.loading import LoadedRealm, RealmUnreadableError, errors, load
from tests.flows.bench import SURROUNDINGS, flow, loaded, step, with_flows
from tests.realms import keycloak_shapes

BROKEN = flow("broken", step("auth-username-password-form"), step("face-at-the-counter"), id="broken-id")


def errors_of(found: LoadedRealm) -> tuple[Any, ...]:
    return (*errors(found.findings), *errors(tuple(compile_realm(found.realm)[1])))


def test_a_flow_that_is_no_login_and_cannot_run_is_not_bound() -> None:
    def edit(found: dict[str, Any]) -> None:
        found["authenticationFlows"].append(BROKEN)
        found |= {"registrationAllowed": True, "registrationFlow": "broken"}

    strict = loaded(edit)
    assert errors_of(strict)
    mild = runnable(strict)
    assert errors_of(mild) == ()
    assert FlowKind.REGISTRATION.value not in mild.realm.bindings
    said = [finding for finding in mild.findings if "not run" in finding.problem]
    assert [(finding.rule, finding.severity) for finding in said] == [("F-UNKNOWN-STEP", Severity.WARNING)]


def test_a_client_whose_own_flow_cannot_run_is_not_served_and_the_others_are() -> None:
    def edit(found: dict[str, Any]) -> None:
        found["authenticationFlows"].append(BROKEN)
        found["clients"][0]["authenticationFlowBindingOverrides"] = {"browser": "broken-id"}

    strict = loaded(edit)
    mild = runnable(strict)
    first, *others = strict.realm.clients
    assert errors_of(mild) == ()
    assert mild.realm.client(first) is None
    assert all(mild.realm.client(name) == strict.realm.client(name) for name in others)


def test_a_login_that_cannot_run_stays_an_error() -> None:
    def edit(found: dict[str, Any]) -> None:
        found["authenticationFlows"].append(BROKEN)
        found["browserFlow"] = "broken"

    assert errors_of(runnable(loaded(edit)))


def test_a_conditional_step_runs_as_required_as_in_keycloak_and_is_told() -> None:
    odd = flow("odd", step("auth-username-password-form"), step("auth-otp-form", "CONDITIONAL"))
    strict = loaded(with_flows(odd))
    assert errors_of(strict)
    mild = runnable(strict)
    assert errors_of(mild) == ()
    flows, _ = compile_realm(mild.realm)
    assert [leaf.requirement for leaf in leaves(flows["odd"].root)] == [Requirement.REQUIRED] * 2
    assert "F-CONDITIONAL-STEP" in {finding.rule for finding in mild.findings}


def test_a_realm_that_runs_is_as_it_was() -> None:
    strict = loaded()
    assert runnable(strict) is strict


MUTANTS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=4)
    | st.builds(list)
    | st.builds(dict)
    | st.builds(lambda: [7])
)


def places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found.append((value, key))
        found.extend(places(inner))
    return found


@settings(max_examples=60, deadline=None)
@given(draw=st.data(), version=st.sampled_from(sorted(keycloak_shapes.DOCUMENTS)))
def test_whatever_a_foreign_file_says_it_runs_or_is_refused_in_words(draw: st.DataObject, version: str) -> None:
    document = copy.deepcopy(keycloak_shapes.DOCUMENTS[version])
    for _ in range(draw.draw(st.integers(1, 4))):
        holder, key = draw.draw(st.sampled_from(places(document)))
        holder[key] = draw.draw(MUTANTS)
    try:
        mild = runnable(load(json.dumps(document), surroundings=SURROUNDINGS))
    except RealmUnreadableError:
        return
    runnable_again = runnable(mild)
    assert errors_of(runnable_again) == errors_of(mild)
    if not errors_of(mild):
        assert "browser" in mild.realm.bindings
