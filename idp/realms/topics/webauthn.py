"""Keycloak's WebAuthn policies as this provider keeps them.

What cannot be kept is reported and replaced by what is no weaker; a real export starts with it.
"""

from __future__ import annotations

import re
from typing import TypeVar, get_args
from urllib.parse import urlsplit

from idp.model.credentials.webauthn import (
    Attachment,
    Attestation,
    Mediation,
    Preference,
    SyncedKeys,
    WebAuthnAlgorithm,
    WebAuthnPolicy,
)
from idp.model.finding import Finding
from idp.realms.representation import realm as file
from idp.realms.values import warning

SYNCED_ATTRIBUTE = "hyrja.webauthn.syncedPasskeys"
"""What a key is worth that is copied between devices: `one-factor` (default), `two-factors`, `refused`."""

_SECOND_FACTOR, _PASSWORDLESS = "web_authn_policy_", "web_authn_policy_passwordless_"
_UNSPECIFIED = frozenset({"", "not specified"})
_RESIDENT: dict[str, Preference] = {"Yes": "required", "No": "discouraged"}
_ALGORITHMS: dict[str, WebAuthnAlgorithm] = {
    **{str(name): name for name in get_args(WebAuthnAlgorithm)},
    "Ed25519": "EdDSA",
}
_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*")
_AAGUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
T = TypeVar("T", bound=str)


def webauthn_policy(found: file.Realm, findings: list[Finding], *, passwordless: bool = False) -> WebAuthnPolicy:
    """Read one of the two policies."""
    policy = _Written(found, _PASSWORDLESS if passwordless else _SECOND_FACTOR, findings)
    # Keycloak's defaults of the passwordless policy: whoever is asked for nothing else must unlock the key.
    default: Preference | None = "required" if passwordless else None
    return WebAuthnPolicy(
        rp_name=policy.text("rp_entity_name") or found.display_name or found.realm,
        rp_id=policy.domain("rp_id"),
        extra_origins=policy.origins("extra_origins"),
        algorithms=policy.algorithms("signature_algorithms"),
        attestation=policy.choice("attestation_conveyance_preference", get_args(Attestation)),
        attachment=policy.choice("authenticator_attachment", get_args(Attachment)),
        resident_key=policy.resident_key(default),
        user_verification=policy.choice("user_verification_requirement", get_args(Preference), default),
        timeout=max(0, policy.number("create_timeout")),
        avoid_same_authenticator=policy.switch("avoid_same_authenticator_register"),
        acceptable_aaguids=policy.aaguids("acceptable_aaguids"),
        passkeys=passwordless and policy.switch("passkeys_enabled"),
        mediation=(policy.choice("mediation", get_args(Mediation)) if passwordless else None) or "conditional",
        synced=policy.synced(),
    )


class _Written:
    """One policy as the file writes it."""

    def __init__(self, found: file.Realm, prefix: str, findings: list[Finding]) -> None:
        self._found = found
        self._prefix = prefix
        self._findings = findings

    def text(self, key: str) -> str:
        """Return a text."""
        return str(getattr(self._found, self._prefix + key)).strip()

    def number(self, key: str) -> int:
        """Return a number."""
        return int(getattr(self._found, self._prefix + key))

    def switch(self, key: str) -> bool:
        """Return a switch."""
        return bool(getattr(self._found, self._prefix + key))

    def choice(self, key: str, choices: tuple[T, ...], default: T | None = None) -> T | None:
        """Return one of the choices; `not specified` is none of them, an absent key the default."""
        written = self.text(key)
        chosen = next((choice for choice in choices if choice == written), None)
        if chosen is None and written not in _UNSPECIFIED:
            self._tell(key, f"“{written}” is not supported here.", f"Use one of: {', '.join(choices)}.")
            return default
        return chosen if written else default

    def resident_key(self, default: Preference | None) -> Preference | None:
        """Return whether the key must be found without a list; `requireResidentKey` is Keycloak's older word for it."""
        older = self.text("require_resident_key")
        if self.text("resident_key") or older in _UNSPECIFIED:
            return self.choice("resident_key", get_args(Preference), None if older else default)
        return _RESIDENT.get(older, default)

    def algorithms(self, key: str) -> tuple[WebAuthnAlgorithm, ...]:
        """Return the algorithms that can be verified; RS1 (SHA-1) and what nobody knows are left out."""
        written: tuple[str, ...] = getattr(self._found, self._prefix + key)
        for name in written:
            if name not in _ALGORITHMS:
                self._tell(key, f"Keys of the algorithm “{name}” are not taken here.", "Use ES256, EdDSA and RS256.")
        return tuple(_ALGORITHMS[name] for name in written if name in _ALGORITHMS) or WebAuthnPolicy().algorithms

    def domain(self, key: str) -> str:
        """Return the relying party's id: a domain, never an address (WebAuthn §4 "RP ID")."""
        written = self.text(key).lower()
        if written and not _DOMAIN.fullmatch(written):
            self._tell(key, f"“{written}” is not a domain.", "Write the host alone, for instance login.bank.al.")
            return ""
        return written

    def origins(self, key: str) -> tuple[str, ...]:
        """Return further origins whose pages or applications may use the keys; plain http is for the own machine."""
        written: tuple[str, ...] = getattr(self._found, self._prefix + key)
        for origin in written:
            if not _is_origin(origin):
                self._tell(key, f"“{origin}” is not an origin.", "Write https and the host, without a path.")
        return tuple(origin for origin in written if _is_origin(origin))

    def aaguids(self, key: str) -> tuple[str, ...]:
        """Return the models that may be enrolled; a model that cannot be read stays, and fits no key."""
        written = tuple(one.lower() for one in getattr(self._found, self._prefix + key) if one)
        for one in written:
            if not _AAGUID.fullmatch(one):
                self._tell(key, f"“{one}” is not an AAGUID.", "Write it as 2fc0579f-8113-47ea-b116-bb5a8db9202a.")
        return written

    def synced(self) -> SyncedKeys:
        """Return what a synced key is worth."""
        written = self._found.attributes.get(SYNCED_ATTRIBUTE, "")
        choices: tuple[SyncedKeys, ...] = get_args(SyncedKeys)
        if written and written not in choices and self._prefix == _PASSWORDLESS:
            place, repair = f"/attributes/{SYNCED_ATTRIBUTE}", f"Use one of: {', '.join(choices)}."
            self._findings.append(warning("R-WEBAUTHN", place, f"“{written}” is not supported here.", repair))
        return next((choice for choice in choices if choice == written), "one-factor")

    def _tell(self, key: str, problem: str, repair: str) -> None:
        words = (self._prefix + key).split("_")
        pointer = "/" + words[0] + "".join(word.capitalize() for word in words[1:])
        self._findings.append(warning("R-WEBAUTHN", pointer, problem, repair))


def _is_origin(text: str) -> bool:
    if text.startswith("android:apk-key-hash:"):  # how Android names an application's signature
        return True
    parts = urlsplit(text)
    plain = parts.scheme == "http" and parts.hostname == "localhost"
    return (parts.scheme == "https" or plain) and bool(parts.hostname) and text == f"{parts.scheme}://{parts.netloc}"
