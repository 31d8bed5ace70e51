"""The two ceremonies of WebAuthn Level 3: §7.1 (a new key) and §7.2 (a key proves itself), under one policy of a realm.

Nothing of a ceremony is stored: its challenge is derived from the login, the step and the number of answers taken so
far. `Tabs` takes each answer once, so a challenge is judged once, for the tab and the step that it was made for.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

import msgspec

from idp.crypto.base64url import base64url
from idp.flows.step import Form, Login, StepServices
from idp.model.credentials.webauthn import WebAuthnCredential, WebAuthnPolicy
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User

SYNCED_REFUSED = "synced keys are refused"
_COSE = {
    "ES256": -7,
    "EdDSA": -8,
    "ES512": -36,
    "PS256": -37,
    "PS384": -38,
    "PS512": -39,
    "RS256": -257,
    "RS384": -258,
    "RS512": -259,
}
_VOUCHED_FOR = frozenset({"android-key", "apple"})  # formats whose makers' roots the library brings along
_MOST_TRANSPORTS = 8
_LONGEST_LABEL = 64


class Refused(Frozen, frozen=True, kw_only=True):
    """Why an answer of an authenticator is not accepted; for the log only."""

    reason: str


class Asserted(Frozen, frozen=True, kw_only=True):
    """A key has proven itself: the record as it is from now on, and whether its owner had to unlock it."""

    key: WebAuthnCredential
    unlocked: bool


class KeyCeremony:
    """Makes and judges the ceremonies of one policy: that of second factors, or that of passkeys."""

    def __init__(self, *, realm: Realm, services: StepServices, passwordless: bool) -> None:
        self.policy: WebAuthnPolicy = realm.webauthn_passwordless if passwordless else realm.webauthn
        self._passwordless = passwordless
        self._realm = realm
        self._services = services

    def request(self, login: Login, keys: Sequence[WebAuthnCredential] = ()) -> str:
        """Return what `navigator.credentials.get` is given, as JSON; without `keys` the authenticator finds its own."""
        options: dict[str, Any] = {
            "challenge": base64url(self._challenge(login, "get", login.answers)),
            "rpId": self._rp_id,
            "allowCredentials": [_named(key) for key in keys],
            "userVerification": self.policy.user_verification or "preferred",
        }
        return self._json(options)

    def creation(self, login: Login) -> str:
        """Return what `navigator.credentials.create` is given, as JSON."""
        user = login.known_user
        # A passkey is asked for before anybody is known: whoever lists keys tells who has an account (§14.6.2).
        resident = "required" if self._passwordless else self.policy.resident_key
        selection = {
            "authenticatorAttachment": self.policy.attachment,
            "residentKey": resident,
            "requireResidentKey": resident == "required",
            "userVerification": self.policy.user_verification or "preferred",
        }
        options: dict[str, Any] = {
            "challenge": base64url(self._challenge(login, "create", login.answers)),
            "rp": {"id": self._rp_id, "name": self.policy.rp_name},
            # The handle is the user's id, as Keycloak has it, so that its keys work here: random, and nobody's name.
            "user": {"id": base64url(user.id.encode()), "name": user.username, "displayName": user.full_name},
            "pubKeyCredParams": [{"type": "public-key", "alg": _COSE[name]} for name in self.policy.algorithms],
            "authenticatorSelection": {name: value for name, value in selection.items() if value is not None},
            "attestation": self.policy.attestation or "none",
            "excludeCredentials": [_named(key) for key in self.keys_of(user)] if self._excludes else [],
        }
        return self._json(options)

    def keys_of(self, user: User) -> tuple[WebAuthnCredential, ...]:
        """Return the user's keys of this kind."""
        return user.passkeys if self._passwordless else user.security_keys

    def enrolled(self, login: Login, answer: Form) -> WebAuthnCredential | Refused:
        """Judge a new key (§7.1)."""
        from webauthn import verify_registration_response  # noqa: PLC0415 - 110 ms at the first key, not at each start
        from webauthn.helpers.cose import COSEAlgorithmIdentifier  # noqa: PLC0415 - as above
        from webauthn.helpers.structs import AttestationFormat  # noqa: PLC0415 - as above

        wanted = self.policy.attachment
        if wanted is not None and answer.get("authenticatorAttachment", wanted) != wanted:
            return Refused(reason="an authenticator of another attachment")
        try:
            verified = verify_registration_response(
                credential=_created(answer),
                expected_challenge=self._challenge(login, "create", login.answers - 1),
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                require_user_verification=self.policy.user_verification == "required",
                supported_pub_key_algs=[COSEAlgorithmIdentifier(_COSE[name]) for name in self.policy.algorithms],
            )
        except Exception as error:  # noqa: BLE001 - the library has no closed set of errors for what strangers send
            return Refused(reason=_reason(error))
        synced = verified.credential_device_type == "multi_device"
        fmt = AttestationFormat(verified.fmt).value
        refused = self._of_another_model(verified.aaguid, fmt, synced=synced)
        if refused is not None:
            return refused
        return WebAuthnCredential(
            id=self._services.random(16).hex(),
            key_id=verified.credential_id,
            public_key=verified.credential_public_key,
            counter=verified.sign_count,
            created_at=login.now,
            passwordless=self._passwordless,
            label=answer.get("authenticatorLabel", "").strip()[:_LONGEST_LABEL],
            aaguid=verified.aaguid,
            transports=_transports(answer.get("transports", "")),
            attestation_format=fmt,
            attested=fmt in _VOUCHED_FOR,
            backup_eligible=synced,
            backed_up=verified.credential_backed_up,
        )

    def asserted(self, login: Login, answer: Form, user: User) -> Asserted | Refused:
        """Judge the signature of one of the user's keys (§7.2). The signature counter is judged where it is kept."""
        from webauthn import verify_authentication_response  # noqa: PLC0415 - as in `enrolled`
        from webauthn.helpers import base64url_to_bytes, parse_client_data_json  # noqa: PLC0415 - as above

        named = answer.get("credentialId", "")
        key = next((one for one in self.keys_of(user) if base64url(one.key_id) == named), None)
        if key is None:
            return Refused(reason="credential_not_found")
        if answer.get("userHandle", "") not in {"", base64url(user.id.encode())}:
            return Refused(reason="the key is another user's")
        try:
            verified = verify_authentication_response(
                credential=_signed(answer),
                expected_challenge=self._challenge(login, "get", login.answers - 1),
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                credential_public_key=key.public_key,
                credential_current_sign_count=0,
                require_user_verification=self.policy.user_verification == "required",
            )
        except Exception as error:  # noqa: BLE001 - as in `enrolled`
            return Refused(reason=_reason(error))
        if parse_client_data_json(base64url_to_bytes(answer["clientDataJSON"])).cross_origin:
            return Refused(reason="the page stood in another site's frame")  # §13.4.2: a click may have been stolen
        synced = verified.credential_device_type == "multi_device"
        if key.backup_eligible not in {None, synced}:
            return Refused(reason="the key changed whether it may be copied")  # §7.2: it is decided when it is made
        if synced and self.policy.synced == "refused":
            return Refused(reason=SYNCED_REFUSED)
        present = msgspec.structs.replace(
            key,
            counter=verified.new_sign_count,
            backup_eligible=synced,
            backed_up=verified.credential_backed_up,
        )
        return Asserted(key=present, unlocked=verified.user_verified)

    def _of_another_model(self, aaguid: str, fmt: str, *, synced: bool) -> Refused | None:
        if synced and self.policy.synced == "refused":
            return Refused(reason=SYNCED_REFUSED)
        if self.policy.attestation in {"direct", "enterprise"} and fmt == "none":
            return Refused(reason="the authenticator does not attest its model")
        if self.policy.acceptable_aaguids and aaguid not in self.policy.acceptable_aaguids:
            return Refused(reason="the model of the authenticator is not acceptable")
        return None

    @property
    def _rp_id(self) -> str:
        return self.policy.rp_id or self._services.site

    @property
    def _origins(self) -> list[str]:
        return [self._services.origin, *self.policy.extra_origins]

    @property
    def _excludes(self) -> bool:
        return self.policy.avoid_same_authenticator

    def _challenge(self, login: Login, kind: str, answers: int) -> bytes:
        user = login.user.id if login.user is not None else ""
        parts = ("webauthn", kind, self._realm.name, login.ceremony, login.execution, user, str(answers))
        return hmac.digest(self._services.code_key, "|".join(parts).encode(), "sha256")

    def _json(self, options: dict[str, Any]) -> str:
        if self.policy.timeout:
            options["timeout"] = self.policy.timeout * 1000
        return msgspec.json.encode(options).decode()


def _named(key: WebAuthnCredential) -> dict[str, Any]:
    return {"type": "public-key", "id": base64url(key.key_id), "transports": list(key.transports)}


def _created(answer: Form) -> dict[str, Any]:
    key_id = answer.get("publicKeyCredentialId", "")
    names = ("clientDataJSON", "attestationObject")
    response = {name: answer.get(name, "") for name in names}
    return {"id": key_id, "rawId": key_id, "type": "public-key", "response": response}


def _signed(answer: Form) -> dict[str, Any]:
    key_id = answer.get("credentialId", "")
    names = ("clientDataJSON", "authenticatorData", "signature")
    response = {name: answer.get(name, "") for name in names}
    return {"id": key_id, "rawId": key_id, "type": "public-key", "response": response}


def _transports(text: str) -> tuple[str, ...]:
    known = {"usb", "nfc", "ble", "smart-card", "hybrid", "internal"}
    return tuple(name for name in text.split(",")[:_MOST_TRANSPORTS] if name in known)


def _reason(error: Exception) -> str:
    """Name the kind of mistake alone: the library's words may quote what was sent."""
    return f"not verified ({type(error).__name__})"
