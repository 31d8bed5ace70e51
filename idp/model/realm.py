"""A realm: one bank brand with its clients, users, keys, policies and flows; nothing crosses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import msgspec

from idp.model.claims.built_in_scopes import built_in_scopes
from idp.model.claims.mapper import ClientScope, Group, RoleName
from idp.model.client import Client, SigningAlgorithm
from idp.model.clients.assertion import AUTHENTICATORS, ClientAuthenticator
from idp.model.clients.policy import ClientPolicy
from idp.model.clients.registration import RegistrationRules
from idp.model.credentials.webauthn import WebAuthnPolicy
from idp.model.flow import Flow, RequiredActionSetting
from idp.model.messages.mail import SmtpServer
from idp.model.pending import PendingPolicy
from idp.model.policies.credentials import BruteForcePolicy, Lifespans, OtpPolicy, PasswordRule
from idp.model.policies.profile import ProfilePolicy
from idp.model.policies.sms import SmsPolicy
from idp.model.struct import Frozen
from idp.model.trusted.assertion_issuer import AssertionIssuer
from idp.model.trusted.upstream import UpstreamProvider


class Realm(Frozen, frozen=True, kw_only=True):
    """One immutable version of a realm's configuration (its users live in the store).

    `version` is the digest of the file it was read from. `bindings` maps a flow kind (`browser`,
    `soft-token-registration`) to a flow alias. `texts` holds the realm's own words, by locale and key. `roles` maps
    a role to those it is composed of; `groups` are found by path. New users get `default_role` and `default_groups`.
    `registered` are the clients that registered themselves (RFC 7591): one live table for every version of the realm,
    since a client that comes or goes makes no new version. `authorization_details_types` are JSON Schemas by type.
    """

    name: str
    version: str
    display_name: str = ""
    enabled: bool = True
    default_locale: str = "sq"
    locales: tuple[str, ...] = ("sq", "en", "it")
    texts: dict[str, dict[str, str]] = {}
    login_with_email: bool = False
    duplicate_emails: bool = False
    email_as_username: bool = False
    """Whoever makes an account is named by their address."""
    verify_email: bool = False
    default_signature_algorithm: SigningAlgorithm = "RS256"
    rotate_refresh_tokens: bool = False
    refresh_token_max_reuse: int = 0
    lifespans: Lifespans = Lifespans()
    pending: PendingPolicy = PendingPolicy()
    profile: ProfilePolicy | None = None
    password_policy: tuple[PasswordRule, ...] = ()
    otp_policy: OtpPolicy = OtpPolicy()
    webauthn: WebAuthnPolicy = WebAuthnPolicy()
    webauthn_passwordless: WebAuthnPolicy = WebAuthnPolicy()
    brute_force: BruteForcePolicy = BruteForcePolicy()
    sms: SmsPolicy = SmsPolicy()
    acr_levels: dict[str, int] = {}
    bindings: dict[str, str] = {}
    flows: dict[str, Flow] = {}
    authenticator_config: dict[str, dict[str, str]] = {}
    required_actions: tuple[RequiredActionSetting, ...] = ()
    clients: dict[str, Client] = {}
    client_authenticators: tuple[ClientAuthenticator, ...] = AUTHENTICATORS
    """The methods by which clients may prove themselves at all, whatever a client is registered with."""
    client_policies: tuple[ClientPolicy, ...] = ()
    registered: Mapping[str, Client] = {}
    registration: RegistrationRules = RegistrationRules()
    assertion_issuers: dict[str, AssertionIssuer] = {}
    upstreams: dict[str, UpstreamProvider] = {}
    """Other providers that people may log in at, by alias."""
    attributes: dict[str, str] = {}
    authorization_details_types: dict[str, dict[str, Any]] = {}
    client_scopes: dict[str, ClientScope] = msgspec.field(default_factory=built_in_scopes)
    roles: dict[RoleName, tuple[RoleName, ...]] = {}
    default_role: RoleName | None = None
    groups: dict[str, Group] = {}
    mail_server: SmtpServer | None = None
    default_groups: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What a person is shown."""
        return self.display_name or self.name

    @property
    def every_client(self) -> Iterator[Client]:
        """The clients of the file and those that registered themselves, enabled or not."""
        return chain(self.clients.values(), self.registered.values())

    def accepts(self, client: Client) -> bool:
        """Tell whether the realm accepts the method by which a client proves itself.

        As in Keycloak, a public client comes in by the step that would ask for a secret.
        """
        method: ClientAuthenticator = "client-secret" if client.public else client.authentication
        return method in self.client_authenticators

    def client(self, client_id: str) -> Client | None:
        """Return the enabled client of that id."""
        client = self.clients.get(client_id) or self.registered.get(client_id)
        return client if client is not None and client.enabled else None
