"""Keycloak's two WebAuthn policies as they are read: each key has its meaning, and what is not kept is told."""

from __future__ import annotations

from typing import Any

import pytest

from idp.model.credentials.webauthn import WebAuthnPolicy
from idp.model.finding import Severity
from tests.realms.documents import findings, loaded

AAGUID = "2fc0579f-8113-47ea-b116-bb5a8db9202a"
KEYS: dict[str, Any] = {
    "RpEntityName": "Banka",
    "RpId": "Bank.al",
    "SignatureAlgorithms": ["ES256", "Ed25519", "RS512"],
    "AttestationConveyancePreference": "direct",
    "AuthenticatorAttachment": "cross-platform",
    "RequireResidentKey": "Yes",
    "UserVerificationRequirement": "preferred",
    "CreateTimeout": 90,
    "AvoidSameAuthenticatorRegister": True,
    "AcceptableAaguids": [AAGUID.upper()],
    "ExtraOrigins": ["https://app.bank.al", "android:apk-key-hash:abc", "http://localhost:3000"],
}
READ = WebAuthnPolicy(
    rp_name="Banka",
    rp_id="bank.al",
    extra_origins=("https://app.bank.al", "android:apk-key-hash:abc", "http://localhost:3000"),
    algorithms=("ES256", "EdDSA", "RS512"),
    attestation="direct",
    attachment="cross-platform",
    resident_key="required",
    user_verification="preferred",
    timeout=90,
    avoid_same_authenticator=True,
    acceptable_aaguids=(AAGUID,),
)


def policy(prefix: str = "webAuthnPolicy", **keys: Any) -> WebAuthnPolicy:
    written = {f"{prefix}{key}": value for key, value in keys.items()}
    realm = loaded(_with(written)).realm
    return realm.webauthn if prefix == "webAuthnPolicy" else realm.webauthn_passwordless


def _with(written: dict[str, Any]) -> dict[str, Any]:
    return {"realm": "bank", "enabled": True, "displayName": "Banka", **written}


def told(**keys: Any) -> list[tuple[str, Severity]]:
    written = {f"webAuthnPolicy{key}": value for key, value in keys.items()}
    found = findings(lambda document: document.update(written))
    return [(finding.pointer, finding.severity) for finding in found if finding.rule == "R-WEBAUTHN"]


@pytest.mark.parametrize("prefix", ["webAuthnPolicy", "webAuthnPolicyPasswordless"])
def test_every_key_of_a_policy_is_read(prefix: str) -> None:
    assert policy(prefix, **KEYS) == READ


def test_an_absent_policy_is_keycloaks() -> None:
    assert policy() == WebAuthnPolicy(rp_name="Banka")
    passwordless = policy("webAuthnPolicyPasswordless")
    assert passwordless == WebAuthnPolicy(rp_name="Banka", resident_key="required", user_verification="required")


def test_what_is_not_specified_is_left_to_the_browser() -> None:
    names = ("AttestationConveyancePreference", "AuthenticatorAttachment", "UserVerificationRequirement")
    found = policy(
        "webAuthnPolicyPasswordless", RequireResidentKey="not specified", **dict.fromkeys(names, "not specified")
    )
    assert (found.attestation, found.attachment, found.user_verification, found.resident_key) == (None,) * 4


@pytest.mark.parametrize(
    ("keys", "resident"),
    [
        ({"RequireResidentKey": "No"}, "discouraged"),
        ({"ResidentKey": "preferred"}, "preferred"),
        ({"RequireResidentKey": "Yes", "ResidentKey": "preferred"}, "preferred"),
    ],
)
def test_the_newer_word_for_resident_keys_comes_first(keys: dict[str, str], resident: str) -> None:
    assert policy(**keys).resident_key == resident


def test_passkeys_are_a_matter_of_the_passwordless_policy() -> None:
    found = policy("webAuthnPolicyPasswordless", PasskeysEnabled=True, Mediation="optional")
    assert (found.passkeys, found.mediation) == (True, "optional")
    assert not policy().passkeys


@pytest.mark.parametrize("worth", ["one-factor", "two-factors", "refused"])
def test_what_a_synced_passkey_is_worth_stands_in_an_attribute(worth: str) -> None:
    realm = loaded(_with({"attributes": {"hyrja.webauthn.syncedPasskeys": worth}})).realm
    assert realm.webauthn_passwordless.synced == worth


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SignatureAlgorithms", ["ES384"]),
        ("RpId", "https://bank.al"),
        ("RpId", "bank.al:8443"),
        ("ExtraOrigins", ["https://app.bank.al/"]),
        ("ExtraOrigins", ["http://app.bank.al"]),
        ("ExtraOrigins", ["app.bank.al"]),
        ("AcceptableAaguids", ["YubiKey"]),
        ("AttestationConveyancePreference", "always"),
        ("AuthenticatorAttachment", "usb"),
        ("UserVerificationRequirement", "yes"),
        ("ResidentKey", "maybe"),
    ],
)
def test_what_is_not_kept_is_told_at_its_place_and_hinders_nobody(key: str, value: Any) -> None:
    assert told(**{key: value}) == [(f"/webAuthnPolicy{key}", Severity.WARNING)]


def test_an_origin_that_is_none_opens_nothing_and_a_model_that_is_none_fits_no_key() -> None:
    assert policy(ExtraOrigins=["https://app.bank.al/", "https://ok.al"]).extra_origins == ("https://ok.al",)
    assert policy(AcceptableAaguids=["YubiKey"]).acceptable_aaguids == ("yubikey",)
