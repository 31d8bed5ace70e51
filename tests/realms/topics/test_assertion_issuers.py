"""Whose assertions a realm trusts: Keycloak's identity providers of the kind `jwt-authorization-grant`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc.jwk import ECKey

from idp.model.clients.assertion import KeySource
from idp.model.finding import Severity
from idp.model.trusted.assertion_issuer import AssertionIssuer
from tests.realms.documents import Change, brief, demo, findings, loaded

AT = "/identityProviders/0"
JWKS = json.dumps({"keys": [ECKey.generate_key("P-256", {"kid": "a"}).as_dict(private=False)]})
GOOD = {"issuer": "https://branch.example", "jwksUrl": "https://branch.example/jwks", "hyrja.subject": "username"}
LIFE = "jwtAuthorizationGrantMaxAllowedAssertionExpiration"


def trusting(config: dict[str, str], **changed: Any) -> Change:
    provider = {"alias": "branch", "providerId": "jwt-authorization-grant", "enabled": True, "config": config}

    def change(document: dict[str, Any]) -> None:
        document["identityProviders"] = [{**provider, **changed}]

    return change


def test_a_trusted_issuer_is_read_with_its_keys_its_rule_and_its_bounds() -> None:
    more = {LIFE: "120", "jwtAuthorizationGrantAssertionSignatureAlg": "ES256"}
    assert findings(trusting({**GOOD, **more})) == []
    found = loaded(demo(trusting({**GOOD, **more}))).realm.assertion_issuers
    assert found == {
        "https://branch.example": AssertionIssuer(
            alias="branch",
            issuer="https://branch.example",
            keys=KeySource(jwks_url="https://branch.example/jwks"),
            subject="username",
            algorithm="ES256",
            longest_life=120,
        )
    }
    by_value = {**GOOD, "useJwksUrl": "false", "publicKeySignatureVerifier": JWKS, LIFE: "99999"}
    issuer = loaded(demo(trusting(by_value))).realm.assertion_issuers["https://branch.example"]
    assert (issuer.keys, issuer.longest_life) == (KeySource(jwks=JWKS), 3600)


def test_an_issuer_that_is_switched_off_is_not_trusted() -> None:
    assert loaded(demo(trusting(GOOD, enabled=False))).realm.assertion_issuers == {}


@pytest.mark.parametrize(
    ("config", "rule", "place"),
    [
        ({**GOOD, "issuer": ""}, "R-ASSERTION-ISSUER", "issuer"),
        ({**GOOD, "jwksUrl": "http://branch.example/jwks"}, "R-ASSERTION-ISSUER", "jwksUrl"),
        ({**GOOD, "useJwksUrl": "false"}, "R-ASSERTION-ISSUER", "publicKeySignatureVerifier"),
        (
            {**GOOD, "jwtAuthorizationGrantAssertionReuseAllowed": "true"},
            "R-ASSERTION-ISSUER",
            "jwtAuthorizationGrantAssertionReuseAllowed",
        ),
        ({**GOOD, "hyrja.subject": ""}, "R-VALUE", "hyrja.subject"),
        (
            {**GOOD, "jwtAuthorizationGrantAssertionSignatureAlg": "none"},
            "R-VALUE",
            "jwtAuthorizationGrantAssertionSignatureAlg",
        ),
    ],
)
def test_what_is_missing_or_dangerous_is_an_error(config: dict[str, str], rule: str, place: str) -> None:
    assert brief(findings(trusting(config))) == [(rule, Severity.ERROR, f"{AT}/config/{place}")]


def test_one_issuer_twice_is_an_error() -> None:
    def twice(document: dict[str, Any]) -> None:
        trusting(GOOD)(document)
        document["identityProviders"] *= 2

    assert [finding.rule for finding in findings(twice)] == ["R-ASSERTION-ISSUER"]


def test_an_identity_provider_of_another_kind_has_no_effect_and_is_told() -> None:
    assert brief(findings(trusting({}, providerId="saml"))) == [("R-IDENTITY-PROVIDER", Severity.WARNING, AT)]


def test_a_client_brings_the_assertions_of_the_issuers_it_is_allowed_to() -> None:
    switched = {"oauth2.jwt.authorization.grant.enabled": "true", "oauth2.jwt.authorization.grant.idp": "branch##post"}

    def change(document: dict[str, Any]) -> None:
        document["clients"][0]["attributes"].update(switched)

    assert loaded(demo(change)).realm.clients["internet-banking"].assertion_issuers == ("branch", "post")
    assert loaded(demo()).realm.clients["internet-banking"].assertion_issuers == ()
