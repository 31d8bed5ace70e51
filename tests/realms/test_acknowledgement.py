"""The demo's realms have one finding that two people have decided to live with; without them they do not start."""

from __future__ import annotations

import json
from typing import Any

import pytest

from idp.flows.compiler import compile_realm
from idp.model.finding import Severity
from idp.realms.acknowledgement import ATTRIBUTE
from idp.realms.files.placeholders import Surroundings
from idp.realms.loading import load_file
from tests.realms.documents import ACKNOWLEDGED, ROOT, SECRET, brief, demo, every_finding, loaded

Document = dict[str, Any]
GIVEN = {"rule": ACKNOWLEDGED, "reason": "a demonstration", "approvedBy": ["Elira", "Gent"], "date": "2026-11-22"}
OPEN = (ACKNOWLEDGED, Severity.ERROR, "/authenticationFlows/2")
DECIDED = (ACKNOWLEDGED, Severity.ACKNOWLEDGED, "/authenticationFlows/2")


def judged(*given: object) -> list[tuple[str, Severity, str]]:
    def change(document: Document) -> None:
        document["attributes"][ATTRIBUTE] = json.dumps(given)

    return brief(every_finding(change))


@pytest.mark.parametrize("name", ["small-business", "sme-corporate"])
def test_a_realm_of_the_demo_has_one_acknowledged_finding_and_no_other(name: str) -> None:
    surroundings = Surroundings(vault=lambda _realm, _key: SECRET)
    found = load_file(ROOT / "realms" / f"{name}.json", surroundings=surroundings)
    assert brief([*found.findings, *compile_realm(found.realm)[1]]) == [DECIDED]


def test_without_its_acknowledgement_the_finding_is_an_error() -> None:
    assert brief(every_finding(lambda d: d["attributes"].pop(ATTRIBUTE))) == [OPEN]


def test_two_people_decide() -> None:
    assert judged(GIVEN) == [DECIDED]


@pytest.mark.parametrize(
    "approved_by",
    [
        pytest.param([], id="nobody"),
        pytest.param(["Elira"], id="one"),
        pytest.param(["Elira", "Elira"], id="one twice"),
        pytest.param(["Elira", " elira "], id="one in two spellings"),
        pytest.param(["Elira Kola", "Elira  Kola"], id="one with two spaces"),
        pytest.param(["Elira", ""], id="one and nobody"),
    ],
)
def test_one_person_does_not_decide(approved_by: list[str]) -> None:
    assert judged({**GIVEN, "approvedBy": approved_by}) == [
        OPEN,
        ("R-ACKNOWLEDGEMENT", Severity.ERROR, f"/attributes/{ATTRIBUTE}"),
    ]


def test_a_decision_has_a_reason() -> None:
    assert OPEN in judged({**GIVEN, "reason": " "})


@pytest.mark.parametrize("rule", ["R-OTP-REUSE", "C-REDIRECT-HTTP", "F-PROVES-NOTHING", "no such rule"])
def test_only_what_a_bank_may_decide_about_can_be_acknowledged(rule: str) -> None:
    def change(document: Document) -> None:
        document["otpPolicyCodeReusable"] = True
        document["attributes"][ATTRIBUTE] = json.dumps([GIVEN, {**GIVEN, "rule": rule}])

    found = every_finding(change)
    assert ("R-OTP-REUSE", Severity.ERROR, "/otpPolicyCodeReusable") in brief(found)
    assert [f.rule for f in found if f.severity is Severity.ERROR] == ["R-OTP-REUSE", "R-ACKNOWLEDGEMENT"]


@pytest.mark.parametrize(
    "text", ["", "{", "{}", "[{}]", '[{"rule": 5}]', json.dumps([{**GIVEN, "approved": True}]), "null", "5"]
)
def test_an_acknowledgement_that_cannot_be_read_acknowledges_nothing(text: str) -> None:
    found = brief(every_finding(lambda d: d["attributes"].update({ATTRIBUTE: text})))
    assert OPEN in found
    assert ("R-ACKNOWLEDGEMENT", Severity.ERROR, f"/attributes/{ATTRIBUTE}") in found


@pytest.mark.parametrize(
    "otherwise",
    [
        pytest.param(lambda d: d["users"].clear(), id="no first password by SMS"),
        pytest.param(
            lambda d: d["authenticationFlows"][2]["authenticationExecutions"][2].update(requirement="DISABLED"),
            id="no activation code by SMS",
        ),
        pytest.param(
            lambda d: d["authenticationFlows"][2]["authenticationExecutions"].pop(), id="no enrolment in the flow"
        ),
    ],
)
def test_two_channels_leave_nothing_to_decide(otherwise: Any) -> None:
    def change(document: Document) -> None:
        document["attributes"].pop(ATTRIBUTE)
        otherwise(document)

    assert ACKNOWLEDGED not in {finding.rule for finding in loaded(demo(change)).findings}


def test_the_two_messages_are_found_in_a_sub_flow_too() -> None:
    def change(document: Document) -> None:
        document["attributes"].pop(ATTRIBUTE)
        inner = document["authenticationFlows"][2]["authenticationExecutions"].pop(2)
        document["authenticationFlows"][3]["authenticationExecutions"].append(inner)

    assert ACKNOWLEDGED in {finding.rule for finding in loaded(demo(change)).findings}
