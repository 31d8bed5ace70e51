"""WebAuthn: what a realm demands of security keys and passkeys, and one of them as a user's credential."""

from __future__ import annotations

from typing import Literal

from idp.model.struct import Frozen

WebAuthnAlgorithm = Literal["ES256", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"]
Attestation = Literal["none", "indirect", "direct", "enterprise"]
Attachment = Literal["platform", "cross-platform"]
Preference = Literal["required", "preferred", "discouraged"]
Mediation = Literal["none", "silent", "optional", "conditional", "required"]
SyncedKeys = Literal["one-factor", "two-factors", "refused"]


class WebAuthnPolicy(Frozen, frozen=True, kw_only=True):
    """Keycloak's `webAuthnPolicy…` or `webAuthnPolicyPasswordless…`; an absent preference is the browser's default.

    An empty `rp_id` is the provider's own host. `synced` says what a key is worth that its owner's accounts copy to
    other devices (decision 0026). `timeout` in seconds, 0: the browser's own. `passkeys` offers the keys on the pages
    that ask for the user name.
    """

    rp_name: str = ""
    rp_id: str = ""
    extra_origins: tuple[str, ...] = ()
    algorithms: tuple[WebAuthnAlgorithm, ...] = ("ES256", "RS256")
    attestation: Attestation | None = None
    attachment: Attachment | None = None
    resident_key: Preference | None = None
    user_verification: Preference | None = None
    timeout: int = 0
    avoid_same_authenticator: bool = False
    acceptable_aaguids: tuple[str, ...] = ()
    passkeys: bool = False
    mediation: Mediation = "conditional"
    synced: SyncedKeys = "one-factor"


class WebAuthnCredential(Frozen, frozen=True, kw_only=True, tag="webauthn"):
    """A security key or passkey (WebAuthn Level 3 §4 "credential record"); nothing of it is secret.

    `key_id` is the authenticator's own name for the key, `public_key` a COSE key, `counter` the last signature counter.
    `passwordless` tells the two kinds of Keycloak apart: one is a second factor, the other a login of its own.
    `backup_eligible` keys may be copied to other devices (None: not known before the next use); `attested`: its maker's
    certificate vouched for it.
    """

    id: str
    key_id: bytes
    public_key: bytes
    counter: int
    created_at: int
    passwordless: bool
    label: str = ""
    aaguid: str = ""
    transports: tuple[str, ...] = ()
    attestation_format: str = "none"
    attested: bool = False
    backup_eligible: bool | None = None
    backed_up: bool = False
