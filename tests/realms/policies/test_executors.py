"""What each executor of a profile makes of a client, refuses, and demands."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from idp.model.clients.policy import ClientPolicy, PolicyPart
from idp.model.clients.rules import NO_RULES, ClientRules
from idp.realms.policies.conditions import Subject
from idp.realms.policies.configuration import Configuration
from idp.realms.policies.executors import EXECUTORS
from idp.realms.policies.governing import governed
from idp.realms.representation import realm as file
from tests.realms.policies.clients import ANY, banking, judged, places

PKCE = "pkce.code.challenge.method"
CASES: list[tuple[str, dict[str, Any], file.Client, file.Client, str]] = [
    ("confidential-client", {}, banking(), banking(public_client=True), "/publicClient"),
    ("confidential-client", {}, banking(), banking(bearer_only=True), "/bearerOnly"),
    (
        "secure-client-authenticator",
        {"allowed_client_authenticators": ["client-jwt"]},
        banking(),
        banking(client_authenticator_type="client-secret"),
        "/clientAuthenticatorType",
    ),
    ("pkce-enforcer", {}, banking({PKCE: "S256"}), banking({PKCE: "plain"}), f"/attributes/{PKCE}"),
    (
        "secure-request-object",
        {},
        banking(),
        banking({"request.object.signature.alg": "none"}),
        "/attributes/request.object.signature.alg",
    ),
    (
        "secure-response-type",
        {},
        banking({"id.token.as.detached.signature": "true"}),
        banking(),
        "/attributes/id.token.as.detached.signature",
    ),
    *[
        ("secure-signature-algorithm", {}, banking({name: right}), banking({name: wrong}), f"/attributes/{name}")
        for name in (
            "id.token.signed.response.alg",
            "access.token.signed.response.alg",
            "authorization.signed.response.alg",
            "user.info.response.signature.alg",
            "introspection.signed.response.alg",
            "request.object.signature.alg",
            "token.endpoint.auth.signing.alg",
        )
        for right, wrong in (("PS256", "RS256"), ("ES256", "none"), ("EdDSA", "HS256"), ("any", "ES384"))
    ],
    (
        "secure-signature-algorithm-signed-jwt",
        {},
        banking(),
        banking({"token.endpoint.auth.signing.alg": "RS256"}),
        "/attributes/token.endpoint.auth.signing.alg",
    ),
    (
        "secure-signature-algorithm-signed-jwt",
        {"require_client_assertion": True},
        banking(),
        banking(client_authenticator_type="client-x509"),
        "/clientAuthenticatorType",
    ),
    (
        "secure-ciba-req-sig-algorithm",
        {},
        banking({"ciba.backchannel.auth.request.signing.alg": "ES256"}),
        banking({"ciba.backchannel.auth.request.signing.alg": "RS256"}),
        "/attributes/ciba.backchannel.auth.request.signing.alg",
    ),
    (
        "holder-of-key-enforcer",
        {},
        banking({"tls.client.certificate.bound.access.tokens": "true"}),
        banking(),
        "/attributes/tls.client.certificate.bound.access.tokens",
    ),
    (
        "dpop-bind-enforcer",
        {},
        banking({"dpop.bound.access.tokens": "true"}),
        banking(),
        "/attributes/dpop.bound.access.tokens",
    ),
    (
        "use-lightweight-access-token",
        {},
        banking({"client.use.lightweight.access.token.enabled": "true"}),
        banking(),
        "/attributes/client.use.lightweight.access.token.enabled",
    ),
    ("consent-required", {}, banking(), banking(consent_required=False), "/consentRequired"),
    ("full-scope-disabled", {}, banking(), banking(full_scope_allowed=True), "/fullScopeAllowed"),
    ("reject-ropc-grant", {}, banking(), banking(direct_access_grants_enabled=True), "/directAccessGrantsEnabled"),
    ("reject-implicit-grant", {}, banking(), banking(implicit_flow_enabled=True), "/implicitFlowEnabled"),
    (
        "secure-logout",
        {},
        banking(),
        banking({"frontchannel.logout.url": "https://app.bank.al/bye"}),
        "/attributes/frontchannel.logout.url",
    ),
]


@pytest.mark.parametrize(
    ("executor", "configuration", "good", "bad", "place"), CASES, ids=[f"{n} {c[0]}" for n, c in enumerate(CASES)]
)
def test_an_executor_refuses_its_defect_and_lets_the_good_twin_pass(
    executor: str, configuration: dict[str, Any], good: file.Client, bad: file.Client, place: str
) -> None:
    assert judged(good, executor, **configuration) == []
    assert places(judged(bad, executor, **configuration)) == [place]


def test_a_front_channel_logout_may_be_allowed() -> None:
    client = banking({"frontchannel.logout.url": "https://app.bank.al/bye"})
    assert judged(client, "secure-logout", allow_front_channel_logout=True) == []


def test_a_public_client_has_no_way_to_authenticate_that_could_be_wrong() -> None:
    client = banking(public_client=True, client_authenticator_type="client-secret")
    assert judged(client, "secure-client-authenticator", allowed_client_authenticators=["client-jwt"]) == []


CONFIGURED: list[tuple[str, file.Client, file.Client]] = [
    ("pkce-enforcer", banking(), banking({PKCE: "S256"})),
    ("dpop-bind-enforcer", banking(), banking({"dpop.bound.access.tokens": "true"})),
    ("holder-of-key-enforcer", banking(), banking({"tls.client.certificate.bound.access.tokens": "true"})),
    ("secure-response-type", banking(), banking({"id.token.as.detached.signature": "true"})),
    ("consent-required", banking(consent_required=False), banking()),
    ("full-scope-disabled", banking(full_scope_allowed=True), banking()),
    ("reject-ropc-grant", banking(direct_access_grants_enabled=True), banking()),
    ("reject-implicit-grant", banking(implicit_flow_enabled=True), banking()),
]


@pytest.mark.parametrize(("executor", "given", "wanted"), CONFIGURED, ids=[case[0] for case in CONFIGURED])
def test_auto_configure_mends_the_client_and_without_it_nothing_is_touched(
    executor: str, given: file.Client, wanted: file.Client
) -> None:
    configured = EXECUTORS[executor].configured
    assert configured(given, Configuration({"auto-configure": "true"})) == wanted
    assert configured(given, Configuration({"auto-configure": False})) == given
    assert places(judged(wanted, executor)) == []


ALWAYS: list[tuple[str, file.Client, dict[str, str]]] = [
    ("secure-client-authentication-assertion", banking(), {"hyrja.assertion.audience": "issuer"}),
    ("secure-par-content", banking(), {"require.pushed.authorization.requests": "true"}),
    ("secure-request-object", banking(), {"request.object.required": "request or request_uri"}),
    ("secure-request-object", banking({"request.object.required": "request only"}), {}),
    (
        "secure-signature-algorithm",
        banking(),
        {"access.token.signed.response.alg": "PS256", "authorization.signed.response.alg": "PS256"},
    ),
    ("secure-ciba-req-sig-algorithm", banking(), {"ciba.backchannel.auth.request.signing.alg": "PS256"}),
    ("secure-ciba-req-sig-algorithm", banking({"ciba.backchannel.auth.request.signing.alg": "ES256"}), {}),
]


@pytest.mark.parametrize(("executor", "given", "added"), ALWAYS, ids=[f"{n} {c[0]}" for n, c in enumerate(ALWAYS)])
def test_some_executors_always_say_their_part(executor: str, given: file.Client, added: dict[str, str]) -> None:
    made = EXECUTORS[executor].configured(given, Configuration({}))
    assert made == replace(given, attributes={**given.attributes, **added})


def test_a_default_algorithm_that_the_profile_forbids_is_not_taken() -> None:
    made = EXECUTORS["secure-signature-algorithm"].configured(banking(), Configuration({"default-algorithm": "RS256"}))
    assert made.attributes["access.token.signed.response.alg"] == "PS256"
    made = EXECUTORS["secure-signature-algorithm"].configured(banking(), Configuration({"default-algorithm": "ES256"}))
    assert made.attributes["access.token.signed.response.alg"] == "ES256"


def test_a_rejected_client_is_switched_off() -> None:
    assert EXECUTORS["reject-request"].configured(banking(), Configuration({})).enabled is False


SECURE = ("PS256", "ES256", "EdDSA")
DEMANDS: list[tuple[str, dict[str, Any], ClientRules]] = [
    ("secure-session", {}, ClientRules(session_bound=True)),
    ("secure-signature-algorithm", {}, ClientRules(algorithms=SECURE)),
    ("secure-signature-algorithm-signed-jwt", {}, ClientRules(algorithms=SECURE)),
    ("secure-ciba-req-sig-algorithm", {}, ClientRules(algorithms=SECURE)),
    ("secure-response-type", {}, ClientRules(protected_answers=True, token_answers=False, pushed_pkce=True)),
    (
        "secure-response-type",
        {"allow-token-response-type": True},
        ClientRules(protected_answers=True, pushed_pkce=True),
    ),
    ("secure-request-object", {}, ClientRules(longest_request=3600)),
    ("secure-request-object", {"available-period": "600"}, ClientRules(longest_request=600)),
    ("secure-request-object", {"available-period": 7200}, ClientRules(longest_request=3600)),
    ("secure-request-object", {"available-period": "an hour"}, ClientRules(longest_request=3600)),
    (
        "secure-request-object",
        {"encryption-required": True},
        ClientRules(longest_request=3600, encrypted_requests=True),
    ),
    ("secure-par-content", {}, ClientRules(longest_code=60, longest_pushed=599)),
    ("dpop-bind-enforcer", {}, NO_RULES),
    ("dpop-bind-enforcer", {"enforce-authorization-code-binding-to-dpop": "true"}, ClientRules(code_bound=True)),
    ("suppress-refresh-token-rotation", {}, ClientRules(keeps_refresh_token=True)),
    ("secure-ciba-session", {}, ClientRules(binding_message=True)),
    ("secure-ciba-signed-authn-req", {"available-period": "600"}, ClientRules(backchannel_request=600)),
    ("pkce-enforcer", {}, NO_RULES),
]


@pytest.mark.parametrize(
    ("executor", "configuration", "rules"), DEMANDS, ids=[f"{n} {c[0]}" for n, c in enumerate(DEMANDS)]
)
def test_what_no_setting_can_say_is_a_demand(executor: str, configuration: dict[str, Any], rules: ClientRules) -> None:
    assert EXECUTORS[executor].demanded(NO_RULES, Configuration(configuration)) == rules


@pytest.mark.parametrize(
    ("executor", "strict", "loose"),
    [
        ("secure-request-object", {"available-period": 60, "encryption-required": True}, {"available-period": 3600}),
        ("secure-response-type", {}, {"allow-token-response-type": True}),
        ("dpop-bind-enforcer", {"enforce-authorization-code-binding-to-dpop": True}, {}),
        ("secure-ciba-signed-authn-req", {"available-period": 60}, {"available-period": 3600}),
    ],
)
def test_of_two_policies_the_stricter_counts(executor: str, strict: dict[str, Any], loose: dict[str, Any]) -> None:
    def policy(name: str, configuration: dict[str, Any]) -> ClientPolicy:
        part = PolicyPart(name=executor, configuration=configuration)
        return ClientPolicy(name=name, conditions=(ANY,), executors=(part,))

    both = [policy("strict", strict), policy("loose", loose)]
    alone = governed(both[:1], Subject(client=banking())).rules
    for policies in (both, both[::-1]):
        rules = governed(policies, Subject(client=banking())).rules
        assert replace(rules, policies=()) == replace(alone, policies=())


def test_an_algorithm_is_permitted_where_nothing_is_demanded_of_it() -> None:
    assert NO_RULES.permits("RS256")
    assert ClientRules(algorithms=SECURE).permits("EdDSA")
    assert not ClientRules(algorithms=SECURE).permits("RS256")
