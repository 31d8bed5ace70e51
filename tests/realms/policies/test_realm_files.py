"""Client policies of realm files: what they make of the file's clients, and each way to write them wrongly."""

from __future__ import annotations

from typing import Any

import pytest

from idp.model.finding import Severity
from idp.model.policies.keys import key_policy
from tests.realms.documents import Change, Document, brief, demo, findings, loaded

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
BANKING = {"condition": "clients", "configuration": {"clients": ["internet-banking"]}}
POLICY, PROFILE = "/clientPolicies/policies/0", "/clientProfiles/profiles/0"
OWN = {"name": "own", "executors": [{"executor": "consent-required", "configuration": {"auto-configure": True}}]}


def policy(
    *profiles: str, conditions: Any = (BANKING,), own: Any = OWN, client: dict[str, Any] | None = None, **changed: Any
) -> Change:
    def change(document: Document) -> None:
        one = {"name": "p", "enabled": True, "conditions": list(conditions), "profiles": list(profiles), **changed}
        document["clientPolicies"] = {"policies": [one]}
        document["clientProfiles"] = {"profiles": [own]}
        document["clients"][0].update(client or {})

    return change


def executor(name: str, **configuration: Any) -> Document:
    return {"name": "own", "executors": [{"executor": name, "configuration": configuration}]}


def condition(name: str, **configuration: Any) -> list[Document]:
    return [BANKING, {"condition": name, "configuration": configuration}]


GOOD = policy("own")
DEFECTS: list[tuple[str, Severity, str, Change]] = [
    ("C-POLICY-PROFILE", ERROR, f"{POLICY}/profiles/0", policy("fapi-3")),
    ("C-POLICY-CONDITION", ERROR, f"{POLICY}/conditions/1/condition", policy("own", conditions=condition("moon"))),
    ("C-POLICY-CONDITION", WARNING, f"{POLICY}/conditions", policy("own", conditions=[])),
    (
        "C-POLICY-CONDITION",
        ERROR,
        f"{POLICY}/conditions/1/configuration/attributes",
        policy("own", conditions=condition("client-attributes", attributes="fapi=2")),
    ),
    (
        "C-POLICY-STRICT",
        NOTE,
        f"{POLICY}/conditions/1",
        policy("own", conditions=condition("client-scopes", type="Any", scopes=["profile"])),
    ),
    ("C-POLICY-IDLE", WARNING, POLICY, policy("own", conditions=[{"condition": "clients"}])),
    ("C-POLICY-EXECUTOR", ERROR, f"{PROFILE}/executors/0/executor", policy("own", own=executor("fly"))),
    (
        "C-POLICY-NO-EFFECT",
        WARNING,
        f"{PROFILE}/executors/0/executor",
        policy("own", own=executor("secret-rotation")),
    ),
    (
        "C-POLICY-NO-EFFECT",
        WARNING,
        f"{PROFILE}/executors/0/executor",
        policy("own", own=executor("use-lightweight-access-token", **{"allow-only-refresh-token-binding": True})),
    ),
    ("C-POLICY-BUILT-IN", WARNING, f"{PROFILE}/name", policy("own", own={"name": "fapi-1-baseline"})),
    (
        "C-POLICY-VIOLATED",
        ERROR,
        "/clients/0/clientAuthenticatorType",
        policy("own", own=executor("secure-client-authenticator", **{"allowed-client-authenticators": ["client-jwt"]})),
    ),
    ("R-VALUE", ERROR, f"{POLICY}/mode", policy("own", mode="LOOSE")),
    ("R-UNKNOWN-KEY", WARNING, f"{POLICY}/colour", policy("own", colour="red")),
]


@pytest.mark.parametrize(
    ("rule", "severity", "pointer", "defective"), DEFECTS, ids=[f"{n} {case[0]}" for n, case in enumerate(DEFECTS)]
)
def test_a_rule_finds_its_defect_and_nothing_in_the_good_twin(
    rule: str, severity: Severity, pointer: str, defective: Change
) -> None:
    assert (rule, severity, pointer) in brief(findings(defective))
    assert findings(GOOD) == []


def test_the_same_name_twice_is_an_error() -> None:
    def twice(document: Document) -> None:
        GOOD(document)
        document["clientPolicies"]["policies"] *= 2
        document["clientProfiles"]["profiles"] *= 2

    found = [one for one in brief(findings(twice)) if one[0] == "R-DUPLICATE"]
    assert {pointer for _rule, _severity, pointer in found} == {"/clientPolicies/policies", "/clientProfiles/profiles"}


def test_a_client_of_the_file_is_as_its_policies_want_it() -> None:
    realm = loaded(demo(policy("own", "oauth-2-1-for-public-client", client={"consentRequired": False}))).realm
    client = realm.clients["internet-banking"]
    assert client.consent_required
    assert client.rules.policies == ("p",)
    assert [one.name for one in realm.client_policies] == ["p"]


@pytest.mark.parametrize("changed", [{"enabled": False}, {"enabled": None}, {"conditions": []}])
def test_a_policy_that_is_off_or_about_nobody_changes_nothing(changed: dict[str, Any]) -> None:
    client = loaded(demo(policy("own", **changed))).realm.clients["internet-banking"]
    assert not client.consent_required
    assert client.rules.policies == ()


def test_a_policy_finds_clients_by_an_attribute_a_role_and_a_scope() -> None:
    rows = '[{"key": "fapi.profile", "value": "2"}]'
    by_attribute = policy("own", conditions=[{"condition": "client-attributes", "configuration": {"attributes": rows}}])
    by_role = policy("own", conditions=[{"condition": "client-roles", "configuration": {"roles": ["fapi"]}}])
    scope = {"type": "Default", "scopes": ["basic"]}
    unnamed = {"defaultClientScopes": None, "optionalClientScopes": None}
    by_scope = policy("own", conditions=[{"condition": "client-scopes", "configuration": scope}], client=unnamed)

    def marked(change: Change) -> Change:
        def also(document: Document) -> None:
            change(document)
            document["clients"][0]["attributes"]["fapi.profile"] = "2"
            document.setdefault("roles", {}).setdefault("client", {})["internet-banking"] = [{"name": "fapi"}]

        return also

    def rules(change: Change) -> tuple[str, ...]:
        return loaded(demo(change)).realm.clients["internet-banking"].rules.policies

    assert (rules(by_attribute), rules(marked(by_attribute))) == ((), ("p",))
    assert (rules(by_role), rules(marked(by_role))) == ((), ("p",))
    assert rules(by_scope) == ("p",)


@pytest.mark.parametrize(("chosen", "algorithm"), [("ES384", "PS256"), ("EdDSA", "EdDSA")])
def test_the_realm_has_keys_for_the_signatures_that_a_policy_chooses(chosen: str, algorithm: str) -> None:
    own = executor("secure-signature-algorithm", **{"default-algorithm": chosen})
    realm = loaded(demo(policy("own", own=own, conditions=[{"condition": "clients"}]))).realm
    assert set(key_policy(realm).algorithms) - set(key_policy(loaded(demo()).realm).algorithms) == {algorithm}


def test_a_profile_of_the_file_does_not_replace_a_built_in_one() -> None:
    own = {"name": "fapi-2-security-profile", "executors": []}
    pointers = {pointer for rule, _s, pointer in brief(findings(policy("fapi-2-security-profile", own=own)))}
    assert "/clients/0/clientAuthenticatorType" in pointers, "the built-in one judges"


def test_open_registration_without_any_policy_is_told() -> None:
    def strangers(document: Document) -> None:
        document["attributes"]["hyrja.openClientRegistration"] = "true"

    def both(document: Document) -> None:
        strangers(document)
        GOOD(document)

    rule = ("R-REGISTRATION-POLICY", WARNING, "/clientPolicies")
    assert rule in brief(findings(strangers))
    assert rule not in brief(findings(both))
    assert rule not in brief(findings(lambda _document: None))


def test_a_client_that_is_switched_off_violates_nothing() -> None:
    own = executor("confidential-client")
    for enabled, expected in ((True, ["C-POLICY-VIOLATED"]), (False, [])):
        change = policy("own", own=own, client={"publicClient": True, "secret": None, "enabled": enabled})
        assert [rule for rule, _s, _p in brief(findings(change)) if rule == "C-POLICY-VIOLATED"] == expected


def test_the_request_objects_of_a_fapi_client_are_dated_and_signed_by_a_permitted_algorithm() -> None:
    own = {
        "name": "own",
        "executors": [
            {"executor": "secure-request-object", "configuration": {"encryption-required": True}},
            {"executor": "secure-signature-algorithm"},
        ],
    }
    rules = loaded(demo(policy("own", own=own))).realm.clients["internet-banking"].request_objects
    assert rules.dated
    assert rules.encrypted
    assert set(rules.algorithms) == {"PS256", "ES256", "EdDSA"}
