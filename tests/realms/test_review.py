"""The review of realms: every defect of the corpus is found at its place, and its good twin gives no alarm."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.model.finding import Severity
from idp.realms.catalogue import CATALOGUE
from idp.realms.loading import RealmUnreadableError, load
from tests.realms.corpus.pairs import PAIRS, Pair
from tests.realms.documents import SURROUNDINGS, demo, every_finding, loaded

ROOM = Path(__file__).parents[2] / "idp" / "realms" / "review"
RULE = re.compile(r"\"([A-Z]-[A-Z0-9][A-Za-z0-9-]*)\"")
MUTANTS: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4) | st.just([]) | st.just({})
)


def test_every_rule_of_the_review_has_a_pair() -> None:
    rules = {rule for path in ROOM.glob("*.py") for rule in RULE.findall(path.read_text(encoding="utf-8"))}
    assert rules == {pair.rule for pair in PAIRS}


def test_the_realm_that_the_corpus_is_made_from_gives_no_alarm() -> None:
    assert [finding.rule for finding in every_finding(lambda _document: None)] == ["F-25-2-c-i"]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.rule}{pair.pointer}")
def test_a_defect_is_found_once_at_its_place_with_the_severity_of_its_rule(pair: Pair) -> None:
    found = [finding for finding in every_finding(pair.defect) if finding.rule == pair.rule]
    assert [(finding.pointer, finding.severity) for finding in found] == [(pair.pointer, CATALOGUE[pair.rule].severity)]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.rule}{pair.pointer}")
def test_the_good_twin_gives_no_alarm(pair: Pair) -> None:
    assert pair.rule not in {finding.rule for finding in every_finding(pair.twin)}


@pytest.mark.parametrize(
    "pair", [pair for pair in PAIRS if pair.pointer.startswith("/clients/0") and pair.rule != "L-CLIENT-TOKEN"]
)
def test_a_client_that_is_switched_off_is_not_reviewed(pair: Pair) -> None:
    def change(document: dict[str, Any]) -> None:
        pair.defect(document)
        document["clients"][0]["enabled"] = False

    assert pair.rule not in {finding.rule for finding in every_finding(change)}


def test_without_counting_of_failures_nothing_else_is_said_of_locks() -> None:
    def change(document: dict[str, Any]) -> None:
        document.update(bruteForceProtected=False, waitIncrementSeconds=0, maxDeltaTimeSeconds=1)

    assert [finding.rule for finding in loaded(demo(change)).findings if finding.rule.startswith("B-")] == ["B-OFF"]


def test_a_flow_of_a_clients_own_is_reviewed_too() -> None:
    def change(document: dict[str, Any]) -> None:
        line = {"requirement": "REQUIRED", "authenticator": "auth-username-password-form"}
        document["authenticationFlows"].append({"alias": "own", "topLevel": True, "authenticationExecutions": [line]})
        document["clients"][0]["authenticationFlowBindingOverrides"] = {"browser": "own"}

    found = [finding.pointer for finding in every_finding(change) if finding.rule == "F-ONE-FACTOR"]
    assert found == ["/authenticationFlows/4"]


def test_a_login_at_another_provider_is_no_second_factor_beside_a_password() -> None:
    def change(document: dict[str, Any]) -> None:
        steps = ("identity-provider-redirector", "auth-username-password-form")
        lines = [{"requirement": "ALTERNATIVE", "priority": i, "authenticator": name} for i, name in enumerate(steps)]
        document["authenticationFlows"].append({"alias": "own", "topLevel": True, "authenticationExecutions": lines})
        document["clients"][0]["authenticationFlowBindingOverrides"] = {"browser": "own"}

    assert "F-ONE-FACTOR" in {finding.rule for finding in every_finding(change)}


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found.append((value, key))
        found.extend(_places(inner))
    return found


@settings(max_examples=60, deadline=None)
@given(draw=st.data())
def test_whatever_a_file_says_it_is_a_finding_of_a_known_rule_and_never_a_traceback(draw: st.DataObject) -> None:
    document = copy.deepcopy(demo())
    for _ in range(draw.draw(st.integers(1, 4))):
        holder, key = draw.draw(st.sampled_from(_places(document)))
        holder[key] = draw.draw(MUTANTS)
    try:
        findings = load(json.dumps(document), surroundings=SURROUNDINGS).findings
    except RealmUnreadableError as refused:
        findings = refused.findings
        assert any(finding.severity is Severity.ERROR for finding in findings)
    assert all(finding.rule in CATALOGUE for finding in findings)
