"""Keycloak's two WebAuthn policies in a realm file: flat keys, once for second factors and once for passkeys."""

from __future__ import annotations

import msgspec


class WebAuthnPolicies(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The keys `webAuthnPolicy…` and `webAuthnPolicyPasswordless…`; an absent one means Keycloak's default.

    The name apart: where none is written, it is the realm's own.
    """

    web_authn_policy_rp_entity_name: str = ""
    web_authn_policy_rp_id: str = ""
    web_authn_policy_signature_algorithms: tuple[str, ...] = ()
    web_authn_policy_attestation_conveyance_preference: str = ""
    web_authn_policy_authenticator_attachment: str = ""
    web_authn_policy_require_resident_key: str = ""
    web_authn_policy_resident_key: str = ""
    web_authn_policy_user_verification_requirement: str = ""
    web_authn_policy_create_timeout: int = 0
    web_authn_policy_avoid_same_authenticator_register: bool = False
    web_authn_policy_acceptable_aaguids: tuple[str, ...] = ()
    web_authn_policy_extra_origins: tuple[str, ...] = ()

    web_authn_policy_passwordless_rp_entity_name: str = ""
    web_authn_policy_passwordless_rp_id: str = ""
    web_authn_policy_passwordless_signature_algorithms: tuple[str, ...] = ()
    web_authn_policy_passwordless_attestation_conveyance_preference: str = ""
    web_authn_policy_passwordless_authenticator_attachment: str = ""
    web_authn_policy_passwordless_require_resident_key: str = ""
    web_authn_policy_passwordless_resident_key: str = ""
    web_authn_policy_passwordless_user_verification_requirement: str = ""
    web_authn_policy_passwordless_create_timeout: int = 0
    web_authn_policy_passwordless_avoid_same_authenticator_register: bool = False
    web_authn_policy_passwordless_acceptable_aaguids: tuple[str, ...] = ()
    web_authn_policy_passwordless_extra_origins: tuple[str, ...] = ()
    web_authn_policy_passwordless_passkeys_enabled: bool = False
    web_authn_policy_passwordless_mediation: str = ""
