"""How clients authenticate, in realm files: Keycloak's attributes, and each way to get them wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from idp.model.clients.assertion import AssertionRules, KeySource
from idp.model.finding import Severity
from idp.realms.clients.keys import AUDIENCE
from tests.realms.documents import Change, brief, demo, findings, loaded

ERROR, WARNING = Severity.ERROR, Severity.WARNING
AT = "/clients/0/attributes"
JWKS = json.dumps({"keys": [ECKey.generate_key("P-256", {"kid": "a"}).as_dict(private=False)]})
PRIVATE = json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=True)]})
BOTH = json.dumps(
    {"keys": [RSAKey.generate_key(2048).as_dict(private=False), OctKey.generate_key(256).as_dict(private=True)]}
)
PKCE = {"pkce.code.challenge.method": "S256"}
BY_VALUE = {"use.jwks.string": "true", "jwks.string": JWKS}
BY_ADDRESS = {"use.jwks.url": "true", "jwks.url": "https://app.bank.example/jwks"}


def client(kind: str, attributes: dict[str, Any] | None = None, **changed: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        found = document["clients"][0]
        found["clientAuthenticatorType"] = kind
        found["attributes"] = PKCE | (attributes or {})
        found.update(changed)

    return change


def by_key(**attributes: str) -> Change:
    return client("client-jwt", BY_VALUE | {name.replace("_", "."): value for name, value in attributes.items()})


ALG, LIFE = "token.endpoint.auth.signing.alg", "token.endpoint.auth.signing.max.exp"
CASES = [
    ("C-AUTHENTICATOR", ERROR, "/clients/0/clientAuthenticatorType", client("federated-jwt"), client("client-secret")),
    ("C-JWT-KEYS", ERROR, AT, client("client-jwt"), client("client-jwt", BY_VALUE)),
    (
        "C-JWT-KEYS",
        ERROR,
        AT,
        client("client-jwt", {"jwks.url": "https://a.example/"}),
        client("client-jwt", BY_ADDRESS),
    ),
    ("C-JWT-KEYS", ERROR, f"{AT}/use.jwks.string", client("client-jwt", BY_VALUE | BY_ADDRESS), by_key()),
    ("C-JWT-KEYS", ERROR, f"{AT}/jwks.string", by_key(jwks_string="{"), by_key()),
    ("C-JWT-KEYS", ERROR, f"{AT}/jwks.string", by_key(jwks_string=PRIVATE), by_key()),
    ("C-JWT-KEYS", WARNING, f"{AT}/jwks.string", by_key(jwks_string=BOTH), by_key()),
    ("C-JWT-KEYS", ERROR, f"{AT}/jwks.string", client("client-jwt", {**BY_VALUE, ALG: "PS256"}), by_key()),
    (
        "C-JWT-KEYS",
        ERROR,
        f"{AT}/jwt.credential.certificate",
        client("client-jwt", {"jwt.credential.certificate": "MIIx"}),
        by_key(),
    ),
    (
        "C-JWT-ADDRESS",
        ERROR,
        f"{AT}/jwks.url",
        client("client-jwt", {**BY_ADDRESS, "jwks.url": "http://app.bank.example/jwks"}),
        client("client-jwt", BY_ADDRESS),
    ),
    (
        "C-JWT-ADDRESS",
        ERROR,
        f"{AT}/jwks.url",
        client("client-jwt", {**BY_ADDRESS, "jwks.url": "https://u:p@app.bank.example/"}),
        client("client-jwt", BY_ADDRESS),
    ),
    (
        "C-JWT-ADDRESS",
        WARNING,
        f"{AT}/jwks.url",
        client("client-jwt", {**BY_ADDRESS, "jwks.url": "http://localhost:9/jwks"}),
        client("client-jwt", BY_ADDRESS),
    ),
    (
        "C-JWT-AUDIENCE",
        WARNING,
        f"{AT}/hyrja.assertion.audience",
        client("client-jwt", {**BY_VALUE, "hyrja.assertion.audience": "endpoint"}),
        client("client-jwt", {**BY_VALUE, "hyrja.assertion.audience": "issuer"}),
    ),
    (
        "C-JWT-ALG",
        ERROR,
        f"{AT}/{ALG}",
        client("client-jwt", {**BY_VALUE, ALG: "HS256"}),
        client("client-jwt", {**BY_VALUE, ALG: "ES256"}),
    ),
    (
        "C-JWT-ALG",
        ERROR,
        f"{AT}/{ALG}",
        client("client-secret-jwt", {ALG: "ES256"}),
        client("client-secret-jwt", {ALG: "HS256"}),
    ),
    ("C-JWT-ALG", ERROR, f"{AT}/{ALG}", client("client-jwt", {**BY_VALUE, ALG: "none"}), by_key()),
    (
        "C-JWT-LIFE",
        ERROR,
        f"{AT}/{LIFE}",
        client("client-jwt", {**BY_VALUE, LIFE: "0"}),
        client("client-jwt", {**BY_VALUE, LIFE: "300"}),
    ),
    ("C-JWT-LIFE", ERROR, f"{AT}/{LIFE}", client("client-jwt", {**BY_VALUE, LIFE: "3601"}), by_key()),
    ("C-JWT-LIFE", ERROR, f"{AT}/{LIFE}", client("client-jwt", {**BY_VALUE, LIFE: "a minute"}), by_key()),
    ("C-JWT-LIFE", WARNING, f"{AT}/{LIFE}", client("client-jwt", {**BY_VALUE, LIFE: "301"}), by_key()),
    (
        "C-JWT-AUDIENCE",
        WARNING,
        f"{AT}/{AUDIENCE}",
        client("client-jwt", {**BY_VALUE, AUDIENCE: "endpoint"}),
        by_key(),
    ),
    ("R-VALUE", ERROR, f"{AT}/{AUDIENCE}", client("client-jwt", {**BY_VALUE, AUDIENCE: "anybody"}), by_key()),
    (
        "C-SECRET-SHORT",
        ERROR,
        "/clients/0/secret",
        client("client-secret-jwt", secret="s" * 31),
        client("client-secret-jwt", secret="s" * 32),
    ),
    (
        "C-SECRET-SHORT",
        ERROR,
        "/clients/0/secret",
        client("client-secret-jwt", {ALG: "HS512"}, secret="s" * 63),
        client("client-secret-jwt", {ALG: "HS512"}, secret="s" * 64),
    ),
    (
        "C-SERVICE-ACCOUNT",
        ERROR,
        "/clients/0/serviceAccountsEnabled",
        client("client-secret", serviceAccountsEnabled=True, publicClient=True),
        client("client-secret", serviceAccountsEnabled=True),
    ),
    (
        "C-SERVICE-REFRESH",
        WARNING,
        f"{AT}/client_credentials.use_refresh_token",
        client("client-secret", {"client_credentials.use_refresh_token": "true"}, serviceAccountsEnabled=True),
        client("client-secret", {"client_credentials.use_refresh_token": "false"}, serviceAccountsEnabled=True),
    ),
]


@pytest.mark.parametrize(
    ("rule", "severity", "pointer", "defective", "good"), CASES, ids=[f"{n} {case[0]}" for n, case in enumerate(CASES)]
)
def test_a_rule_finds_its_defect_and_nothing_in_the_good_twin(
    rule: str, severity: Severity, pointer: str, defective: Change, good: Change
) -> None:
    assert (rule, severity, pointer) in brief(findings(defective))
    assert findings(good) == []


def rules(change: Change) -> AssertionRules:
    return loaded(demo(change)).realm.clients["internet-banking"].assertion


def test_a_realm_says_for_all_clients_whom_assertions_name_and_a_client_for_itself() -> None:
    def endpoints(change: Change) -> Change:
        def also(document: dict[str, Any]) -> None:
            change(document)
            document["attributes"][AUDIENCE] = "endpoint"

        return also

    assert not rules(by_key()).endpoint_audience
    assert rules(endpoints(by_key())).endpoint_audience
    own = client("client-jwt", {**BY_VALUE, AUDIENCE: "issuer"})
    assert not rules(endpoints(own)).endpoint_audience


def source(change: Change) -> KeySource:
    return loaded(demo(change)).realm.clients["internet-banking"].keys


def test_keys_have_one_source() -> None:
    assert source(client("client-jwt", BY_VALUE)) == KeySource(jwks=JWKS)
    assert source(client("client-jwt", BY_ADDRESS)) == KeySource(jwks_url=BY_ADDRESS["jwks.url"])
    off = {**BY_ADDRESS, "use.jwks.url": "false", "jwt.credential.certificate": "MIIx"}
    assert source(client("client-jwt", off)) == KeySource(certificate="MIIx")


def test_attributes_of_another_method_have_no_effect() -> None:
    attributes = {**BY_VALUE, ALG: "HS512", LIFE: "120"}
    assert rules(client("client-secret", attributes)) == AssertionRules()
    assert rules(client("client-secret-jwt", attributes, secret="s" * 64)) == AssertionRules(
        algorithm="HS512", longest_life=120
    )


@pytest.mark.parametrize("secret", ["**********", "anything", None])
def test_a_client_with_a_key_needs_no_secret_and_has_none(secret: str | None) -> None:
    change = client("client-jwt", BY_VALUE, secret=secret)
    assert loaded(demo(change)).realm.clients["internet-banking"].secret is None
    assert findings(change) == []


def test_a_service_account_is_off_unless_the_file_says_so() -> None:
    assert loaded(demo()).realm.clients["internet-banking"].service_account is False
    on = client("client-secret", serviceAccountsEnabled=True)
    assert loaded(demo(on)).realm.clients["internet-banking"].service_account is True


def test_a_client_that_never_redirects_needs_neither_address_nor_pkce() -> None:
    change = client("client-jwt", BY_VALUE, standardFlowEnabled=False, serviceAccountsEnabled=True, redirectUris=[])

    def without_pkce(document: dict[str, Any]) -> None:
        change(document)
        del document["clients"][0]["attributes"]["pkce.code.challenge.method"]

    assert findings(without_pkce) == []
