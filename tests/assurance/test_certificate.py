"""A certificate is checked by a program that shares nothing with the prover; if anything is changed, it is refused."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.assurance.certificate import checker
from idp.assurance.certificate.certificate import certificate
from idp.assurance.certificate.vocabulary import vocabulary
from idp.assurance.prover import explore
from idp.flows.assembly import UnusableRealmError
from tests.assurance.corpus import CORPUS, first_password_in_the_branch, no_acknowledgement
from tests.flows.bench import ROOT, Edit, document, flow, loaded, step, sub, with_flows

LEAVES = st.sampled_from(
    [
        "auth-otp-form",
        "sms-otp",
        "auth-password-form",
        "soft-token-gate",
        "soft-token-enrolment",
        "webauthn-authenticator",
        "deny-access-authenticator",
        "allow-access-authenticator",
    ]
)
GUARDS: dict[str, dict[str, str]] = {
    "conditional-user-configured": {},
    "conditional-user-role": {"condUserRole": "clerk"},
    "conditional-user-attribute": {"attribute_name": "branch", "attribute_expected_value": "Vlora", "not": "true"},
    "conditional-client-scope": {"client_scope": "email"},
    "conditional-credential": {"credentials": "otp##sms-otp", "included": "true"},
    "conditional-sub-flow-executed": {"flow_to_check": "inner 1", "check_result": "not-executed"},
    "conditional-level-of-authentication": {"loa-condition-level": "2", "loa-max-age": "60"},
    "conditional-client-ip-address": {"ip-ranges": "192.0.2.0/24", "exclude": "true"},
}
SHAPES = st.recursive(
    LEAVES,
    lambda inner: st.tuples(
        st.sampled_from(sorted(GUARDS)),
        st.sampled_from(["REQUIRED", "ALTERNATIVE"]),
        st.lists(st.one_of(inner, inner.map(lambda one: ("DISABLED", one))), min_size=1, max_size=3).map(tuple),
    ),
    max_leaves=7,
)


def certified(edit: Edit | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The certificate of an edited demo, as its reader has it, and the file."""
    file = document(edit)
    return json.loads(json.dumps(certificate(explore(loaded(edit)), file))), file


def signed_anew(changed: dict[str, Any]) -> dict[str, Any]:
    """A forger gives a changed certificate the digest that belongs to it."""
    content = {key: value for key, value in changed.items() if key != "id"}
    return {"id": checker.digest(content), **content}


def test_the_checker_knows_the_contracts_that_the_steps_have() -> None:
    """Otherwise: `python scripts/contracts.py`."""
    assert json.loads((ROOT / "docs" / "step-contracts.json").read_text(encoding="utf-8")) == vocabulary()
    assert checker.digest(vocabulary()) == checker.PUBLISHED


def test_the_checker_is_one_file_that_needs_nothing(tmp_path: Path) -> None:
    copied = tmp_path / "checker.py"
    copied.write_text(Path(checker.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    made, file = certified(first_password_in_the_branch)
    (tmp_path / "certificate.json").write_text(json.dumps(made), encoding="utf-8")
    (tmp_path / "realm.json").write_text(json.dumps(file), encoding="utf-8")
    command = [sys.executable, "-I", "-S", str(copied), "certificate.json", "realm.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603 - our own file
    assert (done.returncode, done.stdout) == (0, "The certificate is right.\n")


def test_the_checker_finds_the_weak_set_of_the_guide_taken_literally() -> None:
    (weak,) = checker.check(*certified(no_acknowledgement))
    assert (weak["level"], weak["holding"]) == (2, ["sms-otp"])


@pytest.mark.parametrize("name", CORPUS)
def test_the_checker_agrees_about_each_defect_and_its_twin(name: str) -> None:
    defect, suffices, twin = CORPUS[name]
    assert suffices in [set(one["holding"]) for one in checker.check(*certified(defect)) if one["level"] == 2]
    assert checker.check(*certified(twin)) == []


def test_the_checker_follows_a_registration_by_a_page_and_finds_no_way_in_by_it() -> None:
    def open_to_all(realm: dict[str, Any]) -> None:
        first_password_in_the_branch(realm)
        realm["registrationAllowed"] = True

    made, file = certified(open_to_all)
    assert checker.check(made, file) == []


def guarded(shape: Any) -> Edit:
    """Write a shape as flows whose sub-flows are guarded by all kinds of conditions."""
    numbers, made = count(), []

    def write(node: Any, *, conditional: bool) -> str:
        guard, requirement, children = node
        alias, lines = f"inner {next(numbers)}", [step(guard, config=guard)] if conditional else []
        for child in children:
            off = isinstance(child, tuple) and child[0] == "DISABLED"
            inner, needed = (child[1], "DISABLED") if off else (child, requirement)
            if isinstance(inner, str):
                lines.append(step(inner, needed))
            else:
                needed = "CONDITIONAL" if needed == "REQUIRED" else needed
                lines.append(sub(write(inner, conditional=needed == "CONDITIONAL"), needed))
        made.append(flow(alias, *lines, topLevel=False))
        return alias

    whole = ("conditional-user-configured", "REQUIRED", (shape,)) if isinstance(shape, str) else shape
    inner = write(whole, conditional=True)
    top = flow("login", step("auth-username-password-form"), sub(inner, "CONDITIONAL"), topLevel=True)

    def edit(found: dict[str, Any]) -> None:
        with_flows(top, *made)(found)
        found["roles"] = {"realm": [{"name": "clerk"}]}
        found["authenticatorConfig"] += [{"alias": alias, "config": config} for alias, config in GUARDS.items()]

    return edit


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(shape=SHAPES)
def test_prover_and_checker_agree_about_random_flows(shape: Any) -> None:
    edit = guarded(shape)
    try:
        made, file = certified(edit)
    except UnusableRealmError:
        return  # the compiler refuses the shape, so nothing would run
    assert made["file"] == checker.digest(file)  # the checker has agreed, or there would be none


def without_a_state(made: dict[str, Any]) -> None:
    longest = max(made["ceremonies"], key=lambda one: len(one["states"]))
    longest["states"].pop()
    longest["next"].pop()


def test_a_flow_for_applications_counts_where_a_client_may_use_it() -> None:
    def named(found: dict[str, Any]) -> None:
        found["directGrantFlow"] = "direct grant"

    def used(found: dict[str, Any]) -> None:
        named(found)
        found["clients"][0]["directAccessGrantsEnabled"] = True

    def kinds(edit: Edit) -> set[str]:
        return {one["kind"] for one in certified(edit)[0]["ceremonies"]}

    assert "direct-grant" not in kinds(named)
    assert "direct-grant" in kinds(used)


TAMPERINGS: dict[str, Any] = {
    "another digest": lambda made: made.update(id="0" * 64),
    "a state is left out": without_a_state,
    "what follows a state is left out": lambda made: made["ceremonies"][0]["next"].__setitem__(0, []),
    "another state follows": lambda made: made["ceremonies"][0]["next"].__setitem__(0, [0]),
    "a state that cannot be reached": lambda made: (
        made["ceremonies"][0]["states"].append(made["ceremonies"][1]["states"][0]),
        made["ceremonies"][0]["next"].append([]),
    ),
    "evidence out of nothing": lambda made: made["ceremonies"][0]["states"][1][4].append(["there", "otp"]),
    "a set needs more than it does": lambda made: made["sets"][0]["holding"].append("sms-otp"),
    "a set is left out": lambda made: made["sets"].pop(),
    "a set that nobody needs": lambda made: made["sets"].append({**made["sets"][0], "level": 3}),
    "a weak set is called good": lambda made: [one.update(weak=False) for one in made["sets"]],
    "a set suffices against fewer": lambda made: made["sets"][0]["against"].pop(),
    "a kind of customer is left out": lambda made: made["customers"].pop(),
    "a customer has less": lambda made: made["customers"][0][0][1].pop(),
    "a ceremony is left out": lambda made: made["ceremonies"].pop(),
    "a ceremony is there twice": lambda made: made["ceremonies"].append(made["ceremonies"][0]),
    "a step proves another factor": lambda made: made["vocabulary"]["steps"]["sms-otp"].update(proves=[[]]),
    "an assumption is left out": lambda made: made["vocabulary"]["assumptions"].pop(),
    "another version": lambda made: made.update(version="0" * 64),
    "another file": lambda made: made.update(file="0" * 64),
    "another realm": lambda made: made.update(realm="another"),
    "unsound, they say": lambda made: made.update(sound=False),
    "another format": lambda made: made.update(format="hyrja-certificate-0"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_certificate_that_was_tampered_with_is_refused(name: str) -> None:
    made, file = certified(no_acknowledgement)
    TAMPERINGS[name](made)
    forged = made if name == "another digest" else signed_anew(made)
    with pytest.raises((checker.WrongError, LookupError, ValueError)):
        checker.check(forged, file)


def places(found: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a document that holds a value and not a container."""
    if isinstance(found, dict):
        return [place for key, value in found.items() for place in places(value, (*path, key))]
    if isinstance(found, list):
        return [place for key, value in enumerate(found) for place in places(value, (*path, key))]
    return [path]


CERTIFIED, REALM = certified(first_password_in_the_branch)
PLACES, PLACES_OF_REALM = places(CERTIFIED), places(REALM)


def changed_at(found: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(found)
    inner: Any = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


@settings(deadline=None, max_examples=80)
@given(path=st.sampled_from(PLACES), value=st.one_of(st.none(), st.integers(0, 9), st.text(max_size=4)))
def test_whatever_value_of_a_certificate_is_changed_it_is_refused(path: tuple[Any, ...], value: Any) -> None:
    forged = signed_anew(changed_at(CERTIFIED, path, value))
    if {**forged, "id": ""} == {**CERTIFIED, "id": ""}:
        return
    with pytest.raises(Exception) as refused:  # noqa: PT011 - malformed input may fail anywhere
        checker.check(forged, REALM)
    assert not isinstance(refused.value, AssertionError)


@settings(deadline=None, max_examples=40)
@given(path=st.sampled_from(PLACES_OF_REALM), value=st.one_of(st.none(), st.integers(), st.text(max_size=4)))
def test_whatever_value_of_the_realm_is_changed_its_certificate_is_refused(path: tuple[Any, ...], value: Any) -> None:
    changed = changed_at(REALM, path, value)
    if changed == REALM:
        return
    with pytest.raises(checker.WrongError):
        checker.check(CERTIFIED, changed)
