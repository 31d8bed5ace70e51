"""How answers are signed and encrypted, in realm files: Keycloak's attributes, and each way to get them wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc.jwk import ECKey

from idp.model.clients.protection import Protection
from idp.model.finding import Severity
from idp.model.policies.keys import key_policy
from tests.realms.documents import Change, brief, demo, findings, loaded

ERROR, WARNING = Severity.ERROR, Severity.WARNING
AT = "/clients/0/attributes"
ENC = json.dumps({"keys": [ECKey.generate_key("P-256", {"use": "enc"}).as_dict(private=False)]})
SIG = json.dumps({"keys": [ECKey.generate_key("P-256", {"use": "sig"}).as_dict(private=False)]})
KEYS = {"use.jwks.string": "true", "jwks.string": ENC}
KINDS = ["id.token", "user.info", "authorization", "introspection"]
SIGNED = {
    "id.token": "id.token.signed.response.alg",
    "user.info": "user.info.response.signature.alg",
    "authorization": "authorization.signed.response.alg",
    "introspection": "introspection.signed.response.alg",
}


def attributes(changed: dict[str, str], **client: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        document["clients"][0].update(client)
        document["clients"][0]["attributes"] |= changed

    return change


CASES: list[tuple[str, Severity, str, Change, Change]] = [
    (
        "C-UNSIGNED",
        WARNING,
        f"{AT}/{SIGNED['id.token']}",
        attributes({SIGNED["id.token"]: "none"}),
        attributes({SIGNED["id.token"]: "ES256"}),
    ),
    (
        "C-UNSIGNED",
        ERROR,
        f"{AT}/{SIGNED['id.token']}",
        attributes({SIGNED["id.token"]: "none"}, implicitFlowEnabled=True),
        attributes({SIGNED["id.token"]: "PS256"}, implicitFlowEnabled=True),
    ),
]
for kind in KINDS:
    alg, enc = f"{kind}.encrypted.response.alg", f"{kind}.encrypted.response.enc"
    good = attributes(KEYS | {alg: "ECDH-ES", enc: "A256GCM"})
    CASES += [
        ("R-VALUE", ERROR, f"{AT}/{SIGNED[kind]}", attributes({SIGNED[kind]: "HS256"}), attributes({})),
        ("R-VALUE", ERROR, f"{AT}/{alg}", attributes(KEYS | {alg: "RSA1_5"}), good),
        ("R-VALUE", ERROR, f"{AT}/{enc}", attributes(KEYS | {alg: "ECDH-ES", enc: "A192GCM"}), good),
        ("C-ENCRYPTION", ERROR, f"{AT}/{alg}", attributes({alg: "ECDH-ES"}), good),
        ("C-ENCRYPTION", ERROR, f"{AT}/{alg}", attributes(KEYS | {alg: "RSA-OAEP"}), good),
        ("C-ENCRYPTION", ERROR, f"{AT}/{alg}", attributes(KEYS | {"jwks.string": SIG, alg: "ECDH-ES"}), good),
        ("C-ENCRYPTION", ERROR, f"{AT}/{alg}", attributes(KEYS | {"jwks.string": "{", alg: "ECDH-ES"}), good),
    ]


@pytest.mark.parametrize(("rule", "severity", "pointer", "wrong", "right"), CASES)
def test_what_is_wrong_is_found_and_what_is_right_is_not(
    rule: str, severity: Severity, pointer: str, wrong: Change, right: Change
) -> None:
    assert (rule, severity, pointer) in brief(findings(wrong))
    assert (rule, severity, pointer) not in brief(findings(right))


def test_an_address_may_have_the_key() -> None:
    by_address = {"use.jwks.url": "true", "jwks.url": "https://app.bank.example/jwks"}
    found = brief(findings(attributes(by_address | {"id.token.encrypted.response.alg": "RSA-OAEP"})))
    assert not [rule for rule, _, _ in found if rule == "C-ENCRYPTION"]


def test_keycloaks_attributes_have_one_meaning_each() -> None:
    written = {
        "id.token.signed.response.alg": "none",
        "id.token.encrypted.response.alg": "ECDH-ES",
        "id.token.encrypted.response.enc": "A256GCM",
        "user.info.response.signature.alg": "PS256",
        "user.info.encrypted.response.alg": "",
        "authorization.signed.response.alg": "ES384",
        "introspection.signed.response.alg": "EdDSA",
    }
    realm = loaded(demo(attributes(KEYS | written))).realm
    client = next(iter(realm.clients.values()))
    assert client.id_token == Protection(signed="none", encrypted="ECDH-ES", encoding="A256GCM")
    assert client.id_token_algorithm is None
    assert client.userinfo == Protection(signed="PS256")
    assert client.authorization_response == Protection(signed="ES384")
    assert client.introspection == Protection(signed="EdDSA")
    assert {"PS256", "ES384", "EdDSA"} <= set(key_policy(realm).algorithms), "the realm gets a key for each"


def test_keycloaks_word_for_a_plain_userinfo_is_known() -> None:
    realm = loaded(demo(attributes({"user.info.response.signature.alg": "unsigned"}))).realm
    assert next(iter(realm.clients.values())).userinfo == Protection()
