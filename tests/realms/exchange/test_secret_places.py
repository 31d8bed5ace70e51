"""What is secret in a realm file, masked or made a fingerprint; and what only looks like a secret."""

from __future__ import annotations

from typing import Any

import pytest

from idp.realms.exchange.secret_places import MASK, fingerprints, masked, without_secrets

SECRETS: list[dict[str, Any]] = [
    {"clients": [{"clientId": "a", "secret": "s3"}]},
    {"clients": [{"clientId": "a", "registrationAccessToken": "s3"}]},
    {"clients": [{"clientId": "a", "attributes": {"client.secret.rotated": "s3"}}]},
    {"smtpServer": {"password": "s3"}},
    {"smtpServer": {"authTokenClientSecret": "s3"}},
    {"identityProviders": [{"alias": "i", "config": {"clientSecret": "s3"}}]},
    {"components": {"org.keycloak.keys.KeyProvider": [{"config": {"privateKey": ["s3"]}}]}},
    {"components": {"org.keycloak.keys.KeyProvider": [{"config": {"secret": ["s3"]}}]}},
    {"components": {"org.keycloak.storage.UserStorageProvider": [{"config": {"bindCredential": ["s3"]}}]}},
    {"authenticatorConfig": [{"alias": "captcha", "config": {"secret.key": "k", "secret": "s3"}}]},
    {"users": [{"credentials": [{"type": "password", "secretData": "s3"}]}]},
    {"privateKey": "s3"},
]
NO_SECRETS: list[dict[str, Any]] = [
    {"clients": [{"clientId": "a", "secret": "${vault.bank}", "clientAuthenticatorType": "client-secret"}]},
    {"clients": [{"clientId": "a", "attributes": {"client.secret.creation.time": "1700000000"}}]},
    {"roles": {"client": {"my-secret": [{"name": "r"}]}}},
    {"groups": [{"name": "g", "clientRoles": {"my-secret": ["r"]}}]},
    {"localizationTexts": {"en": {"loginPassword": "Password", "password": "Password"}}},
    {"passwordPolicy": "length(8)", "resetPasswordAllowed": True, "accessTokenLifespan": 300},
    {"requiredCredentials": ["password"]},
    {"authenticatorConfig": [{"alias": "c", "config": {"require.password.update.after.registration": "false"}}]},
    {"smtpServer": {"password": ""}},
]


@pytest.mark.parametrize("document", SECRETS, ids=str)
def test_a_secret_is_masked(document: dict[str, Any]) -> None:
    text = str(without_secrets(document, masked))
    assert "s3" not in text
    assert MASK in text


@pytest.mark.parametrize("document", NO_SECRETS, ids=str)
def test_what_is_no_secret_stays(document: dict[str, Any]) -> None:
    assert without_secrets(document, masked) == document


def test_equal_secrets_have_equal_fingerprints_and_others_have_others() -> None:
    make = fingerprints(bytes(32))
    document = {"clients": [{"secret": "one"}, {"secret": "one"}, {"secret": "two"}]}
    one, same, two = (client["secret"] for client in without_secrets(document, make)["clients"])
    assert one == same != two
    assert one.startswith("fingerprint:")


def test_without_the_key_a_fingerprint_cannot_be_tried() -> None:
    assert fingerprints(bytes(32))("one") != fingerprints(b"\x01" * 32)("one")
