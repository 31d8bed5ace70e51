"""Keycloak's realm representation, as far as this provider honours it (keycloak.md part 3).

Names, nesting and defaults are Keycloak's. Keys that are not here are kept in the file and reported as findings.
"""

from __future__ import annotations

from typing import Any

import msgspec

from idp.model.flow import Requirement
from idp.realms.representation.access import (
    ClientScope,
    Group,
    ProtocolMapper,
    Role,
    Roles,
    ScopeMapping,
)
from idp.realms.representation.policies import ClientPolicies, ClientProfiles
from idp.realms.representation.webauthn import WebAuthnPolicies


class Representation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What every part of a realm file is made of: camelCase keys."""


class Execution(Representation, frozen=True, kw_only=True, rename="camel"):
    """A line of `authenticationExecutions`. `autheticatorFlow` (sic) is Keycloak's legacy spelling."""

    requirement: Requirement
    priority: int = 0
    authenticator: str | None = None
    authenticator_config: str | None = None
    authenticator_flow: bool = False
    autheticator_flow: bool = False
    flow_alias: str | None = None
    user_setup_allowed: bool = False


class Flow(Representation, frozen=True, kw_only=True, rename="camel"):
    """An entry of `authenticationFlows`; sub-flows stand beside their parents."""

    alias: str
    id: str | None = None
    description: str = ""
    provider_id: str = "basic-flow"
    top_level: bool = False
    built_in: bool = False
    authentication_executions: tuple[Execution, ...] = ()


class AuthenticatorConfig(Representation, frozen=True, kw_only=True, rename="camel"):
    """An entry of `authenticatorConfig`."""

    alias: str
    id: str | None = None
    config: dict[str, str] = {}


class RequiredAction(Representation, frozen=True, kw_only=True, rename="camel"):
    """An entry of `requiredActions`."""

    alias: str
    name: str = ""
    provider_id: str = ""
    enabled: bool = True
    default_action: bool = False
    priority: int = 0
    config: dict[str, str] = {}


class Client(Representation, frozen=True, kw_only=True, rename="camel"):
    """An entry of `clients`."""

    client_id: str
    id: str | None = None
    name: str = ""
    description: str = ""
    enabled: bool = True
    protocol: str = "openid-connect"
    root_url: str = ""
    base_url: str = ""
    public_client: bool = False
    bearer_only: bool = False
    client_authenticator_type: str = "client-secret"
    secret: str | None = None
    redirect_uris: tuple[str, ...] = ()
    web_origins: tuple[str, ...] = ()
    consent_required: bool = False
    standard_flow_enabled: bool = True
    implicit_flow_enabled: bool = False
    direct_access_grants_enabled: bool = False
    service_accounts_enabled: bool = False
    full_scope_allowed: bool = True
    frontchannel_logout: bool = False
    attributes: dict[str, str] = {}
    authentication_flow_binding_overrides: dict[str, str] = {}
    default_client_scopes: tuple[str, ...] | None = None
    optional_client_scopes: tuple[str, ...] | None = None
    protocol_mappers: tuple[ProtocolMapper, ...] = ()


class Credential(Representation, frozen=True, kw_only=True, rename="camel"):
    """An entry of a user's `credentials`: hashed (two fields of JSON text), to be delivered, or a plain value.

    To be delivered: `type` password, `temporary` true, and `credentialData` the JSON text of an object whose
    `deliver` is `sms`.
    """

    type: str
    id: str | None = None
    user_label: str = ""
    created_date: int | None = None
    priority: int = 0
    secret_data: str | None = None
    credential_data: str | None = None
    value: str | None = None
    temporary: bool = False


class FederatedIdentity(Representation, frozen=True, kw_only=True, rename="camel"):
    """An entry of a user's `federatedIdentities`."""

    identity_provider: str
    user_id: str
    user_name: str = ""


class User(Representation, frozen=True, kw_only=True, rename="camel"):
    """An entry of `users`."""

    username: str
    id: str | None = None
    created_timestamp: int | None = None
    email: str = ""
    email_verified: bool = False
    first_name: str = ""
    last_name: str = ""
    enabled: bool = False
    attributes: dict[str, tuple[str, ...]] = {}
    credentials: tuple[Credential, ...] = ()
    required_actions: tuple[str, ...] = ()
    realm_roles: tuple[str, ...] | None = None
    client_roles: dict[str, tuple[str, ...]] = {}
    groups: tuple[str, ...] | None = None
    service_account_client_id: str = ""
    federated_identities: tuple[FederatedIdentity, ...] = ()


class IdentityProvider(Representation, frozen=True, kw_only=True, rename="camel"):
    """An entry of `identityProviders`."""

    alias: str
    provider_id: str
    enabled: bool = True
    display_name: str = ""
    trust_email: bool = False
    store_token: bool = False
    link_only: bool = False
    hide_on_login: bool = False
    first_broker_login_flow_alias: str = ""
    post_broker_login_flow_alias: str = ""
    config: dict[str, str] = {}


class IdentityProviderMapper(Representation, frozen=True, kw_only=True, rename="camel"):
    """An entry of `identityProviderMappers`."""

    name: str
    identity_provider_alias: str
    identity_provider_mapper: str
    id: str | None = None
    config: dict[str, str] = {}


class Realm(WebAuthnPolicies, frozen=True, kw_only=True, rename="camel"):
    """A realm file. Times in seconds; an absent key means Keycloak's default."""

    realm: str
    id: str | None = None
    display_name: str = ""
    enabled: bool = False
    keycloak_version: str = ""
    ssl_required: str = "external"

    default_signature_algorithm: str = "RS256"
    revoke_refresh_token: bool = False
    refresh_token_max_reuse: int = 0
    access_token_lifespan: int = 300
    access_token_lifespan_for_implicit_flow: int = 900
    access_code_lifespan: int = 60
    access_code_lifespan_login: int = 1800
    access_code_lifespan_user_action: int = 300
    sso_session_idle_timeout: int = 1800
    sso_session_max_lifespan: int = 36000
    offline_session_idle_timeout: int = 2592000
    offline_session_max_lifespan_enabled: bool = False
    offline_session_max_lifespan: int = 5184000

    action_token_generated_by_user_lifespan: int | None = None

    login_with_email_allowed: bool = True
    registration_allowed: bool = False
    registration_email_as_username: bool = False
    remember_me: bool = False
    verify_email: bool = False
    reset_password_allowed: bool = False
    duplicate_emails_allowed: bool = False

    brute_force_protected: bool = False
    brute_force_strategy: str = "MULTIPLE"
    permanent_lockout: bool = False
    max_temporary_lockouts: int = 0
    max_failure_wait_seconds: int = 900
    wait_increment_seconds: int = 60
    max_delta_time_seconds: int = 43200
    failure_factor: int = 30
    quick_login_check_milli_seconds: int = 0
    minimum_quick_login_wait_seconds: int = 60
    max_secondary_auth_failures: int = 0

    password_policy: str = ""
    otp_policy_type: str = "totp"
    otp_policy_initial_counter: int = 0
    otp_policy_algorithm: str = "HmacSHA1"
    otp_policy_digits: int = 6
    otp_policy_look_ahead_window: int = 1
    otp_policy_period: int = 30
    otp_policy_code_reusable: bool = False

    oauth2_device_code_lifespan: int | None = None
    oauth2_device_polling_interval: int | None = None

    browser_flow: str = "browser"
    direct_grant_flow: str = ""
    registration_flow: str = ""
    first_broker_login_flow: str = ""
    reset_credentials_flow: str = ""
    client_authentication_flow: str = "clients"

    internationalization_enabled: bool = False
    supported_locales: tuple[str, ...] = ()
    default_locale: str = ""
    localization_texts: dict[str, dict[str, str]] = {}

    smtp_server: dict[str, str] = {}

    authentication_flows: tuple[Flow, ...] = ()
    authenticator_config: tuple[AuthenticatorConfig, ...] = ()
    required_actions: tuple[RequiredAction, ...] | None = None
    clients: tuple[Client, ...] = ()
    users: tuple[User, ...] = ()

    client_scopes: tuple[ClientScope, ...] = ()
    default_default_client_scopes: tuple[str, ...] | None = None
    default_optional_client_scopes: tuple[str, ...] | None = None
    roles: Roles = Roles()
    default_role: Role | None = None
    identity_providers: tuple[IdentityProvider, ...] = ()
    identity_provider_mappers: tuple[IdentityProviderMapper, ...] = ()
    groups: tuple[Group, ...] = ()
    default_groups: tuple[str, ...] = ()
    scope_mappings: tuple[ScopeMapping, ...] = ()
    client_scope_mappings: dict[str, tuple[ScopeMapping, ...]] = {}

    client_profiles: ClientProfiles = ClientProfiles()
    client_policies: ClientPolicies = ClientPolicies()
    components: dict[str, Any] = {}

    attributes: dict[str, str] = {}
