"""Keycloak's built-in profiles: what each makes of a client that keeps it, and what each refuses at a registration."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from idp.model.clients.rules import SECURE_ALGORITHMS, ClientRules
from idp.realms.policies.built_in import BUILT_IN_PROFILES
from idp.realms.policies.executors import EXECUTORS
from idp.realms.representation import realm as file
from tests.realms.policies.clients import banking, places, under

PUBLIC = banking(public_client=True, redirect_uris=("http://127.0.0.1/callback", "al.bank.app:/callback"))
FAPI_2 = ["fapi-2-security-profile", "fapi-2-message-signing", "fapi-2-dpop-security-profile"]
FAPI_2.append("fapi-2-dpop-message-signing")
SIGNED = ["fapi-1-advanced", "fapi-2-message-signing", "fapi-2-dpop-message-signing"]
CONFIDENTIAL = ["fapi-1-advanced", "oauth-2-1-for-confidential-client", *FAPI_2]
SECURE = ["fapi-1-advanced", *FAPI_2]
FAPI = ["fapi-1-baseline", *SECURE]
OAUTH_2_1 = ["oauth-2-1-for-confidential-client", "oauth-2-1-for-public-client"]


def test_every_built_in_profile_of_keycloak_is_there() -> None:
    assert set(BUILT_IN_PROFILES) == {
        "fapi-1-baseline",
        "fapi-1-advanced",
        "fapi-ciba",
        "fapi-2-security-profile",
        "fapi-2-message-signing",
        "fapi-2-dpop-security-profile",
        "fapi-2-dpop-message-signing",
        "oauth-2-1-for-confidential-client",
        "oauth-2-1-for-public-client",
        "saml-security-profile",
    }


@pytest.mark.parametrize("profile", BUILT_IN_PROFILES)
def test_every_executor_of_a_built_in_profile_has_an_effect(profile: str) -> None:
    assert [part.name for part in BUILT_IN_PROFILES[profile] if not EXECUTORS[part.name].effect] == []


@pytest.mark.parametrize("profile", BUILT_IN_PROFILES)
def test_a_client_that_keeps_a_profile_is_refused_nothing(profile: str) -> None:
    assert under(PUBLIC if "public" in profile else banking(), profile).violations == ()


FORBIDDEN: list[tuple[list[str], file.Client, str]] = [
    (CONFIDENTIAL, banking(public_client=True), "/publicClient"),
    ([*FAPI, *OAUTH_2_1[:1]], banking(client_authenticator_type="client-secret"), "/clientAuthenticatorType"),
    (SECURE, banking(client_authenticator_type="client-secret-jwt"), "/clientAuthenticatorType"),
    ([*FAPI, *OAUTH_2_1], banking(redirect_uris=("http://app.bank.al/callback",)), "/redirectUris/0"),
    ([*FAPI, *OAUTH_2_1], banking(redirect_uris=("https://app.bank.al/*",)), "/redirectUris/0"),
    (FAPI, banking({"jwks.url": "http://app.bank.al/jwks"}), "/attributes/jwks.url"),
    (SECURE, banking({"id.token.signed.response.alg": "RS256"}), "/attributes/id.token.signed.response.alg"),
    (SECURE, banking({"request.object.signature.alg": "RS256"}), "/attributes/request.object.signature.alg"),
    (SECURE, banking({"token.endpoint.auth.signing.alg": "RS256"}), "/attributes/token.endpoint.auth.signing.alg"),
    (SIGNED, banking({"request.object.signature.alg": "none"}), "/attributes/request.object.signature.alg"),
    (
        ["fapi-ciba"],
        banking({"ciba.backchannel.auth.request.signing.alg": "RS256"}),
        "/attributes/ciba.backchannel.auth.request.signing.alg",
    ),
]


@pytest.mark.parametrize(
    ("profile", "client", "place"),
    [
        pytest.param(profile, client, place, id=f"{profile} {place}")
        for profiles, client, place in FORBIDDEN
        for profile in profiles
    ],
)
def test_a_profile_refuses_what_it_forbids(profile: str, client: file.Client, place: str) -> None:
    assert place in places(under(client, profile).violations)


LOOSE = banking(
    consent_required=False,
    full_scope_allowed=True,
    direct_access_grants_enabled=True,
    implicit_flow_enabled=True,
)


@pytest.mark.parametrize(
    ("profiles", "wanted"),
    [
        (FAPI, {"consent_required": True, "full_scope_allowed": False}),
        ([*FAPI_2, *OAUTH_2_1], {"direct_access_grants_enabled": False, "implicit_flow_enabled": False}),
    ],
)
def test_a_profile_turns_what_can_be_turned(profiles: list[str], wanted: dict[str, Any]) -> None:
    for profile in profiles:
        made = under(LOOSE, profile).client
        assert {name: getattr(made, name) for name in wanted} == wanted


PKCE, PAR = "pkce.code.challenge.method", "require.pushed.authorization.requests"
DPOP, MTLS = "dpop.bound.access.tokens", "tls.client.certificate.bound.access.tokens"
REQUEST, DETACHED = "request.object.required", "id.token.as.detached.signature"
SET: list[tuple[str, dict[str, str]]] = [
    ("fapi-1-baseline", {PKCE: "S256"}),
    ("fapi-1-advanced", {REQUEST: "request or request_uri", DETACHED: "true", MTLS: "true"}),
    ("fapi-ciba", {"ciba.backchannel.auth.request.signing.alg": "PS256"}),
    ("fapi-2-security-profile", {PKCE: "S256", PAR: "true", MTLS: "true"}),
    ("fapi-2-message-signing", {PKCE: "S256", PAR: "true", MTLS: "true", REQUEST: "request or request_uri"}),
    ("fapi-2-dpop-security-profile", {PKCE: "S256", PAR: "true", DPOP: "true"}),
    ("fapi-2-dpop-message-signing", {PKCE: "S256", PAR: "true", DPOP: "true", REQUEST: "request or request_uri"}),
    ("oauth-2-1-for-confidential-client", {PKCE: "S256"}),
    ("oauth-2-1-for-public-client", {PKCE: "S256", DPOP: "true"}),
]
SIGNATURES = {"access.token.signed.response.alg": "PS256", "authorization.signed.response.alg": "PS256"}


@pytest.mark.parametrize(("profile", "attributes"), SET, ids=[case[0] for case in SET])
def test_a_profile_sets_exactly_these_attributes(profile: str, attributes: dict[str, str]) -> None:
    client = banking()
    issuer = {"hyrja.assertion.audience": "issuer"} if profile in FAPI_2 else {}
    expected = {**client.attributes, **attributes, **issuer, **(SIGNATURES if profile in SECURE else {})}
    assert under(client, profile).client.attributes == expected


DEMANDED: list[tuple[str, ClientRules]] = [
    ("fapi-1-baseline", ClientRules(session_bound=True)),
    (
        "fapi-1-advanced",
        ClientRules(
            session_bound=True,
            protected_answers=True,
            token_answers=False,
            pushed_pkce=True,
            longest_request=3600,
            algorithms=SECURE_ALGORITHMS,
        ),
    ),
    ("fapi-ciba", ClientRules(binding_message=True, backchannel_request=3600, algorithms=SECURE_ALGORITHMS)),
    *[
        (
            profile,
            ClientRules(
                algorithms=SECURE_ALGORITHMS,
                longest_code=60,
                longest_pushed=599,
                keeps_refresh_token=True,
                longest_request=3600 if "signing" in profile else None,
            ),
        )
        for profile in FAPI_2
    ],
    *[(profile, ClientRules()) for profile in OAUTH_2_1],
]


@pytest.mark.parametrize(("profile", "rules"), DEMANDED, ids=[case[0] for case in DEMANDED])
def test_a_profile_demands_exactly_this(profile: str, rules: ClientRules) -> None:
    assert replace(under(banking(), profile).rules, policies=()) == rules
