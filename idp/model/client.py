"""A client: an application of the bank that asks for tokens."""

from __future__ import annotations

from typing import Literal

from idp.model.client_assertion import AssertionRules, ClientAuthenticator, KeySource, SecretMethod
from idp.model.client_display import NOTHING_TO_SHOW, ClientDisplay
from idp.model.client_rules import NO_RULES, ClientRules
from idp.model.logout import LogoutChannels
from idp.model.mapper import Mapper, RoleName
from idp.model.pairwise import Pairwise
from idp.model.pending import BackchannelRules, DeviceRules
from idp.model.protection import PLAIN, Protection
from idp.model.request_object import RequestObjectRules
from idp.model.secret import Secret
from idp.model.sender import CertificateRules, SenderRules
from idp.model.struct import Frozen

SigningAlgorithm = Literal["ES256", "RS256", "PS256", "ES384", "EdDSA"]


class Client(Frozen, frozen=True, kw_only=True):
    """One client of a realm, with the meaning of Keycloak's client representation.

    `standard_flow` lets it ask for a code, `implicit_flow` for tokens in the answer itself; both for both at once. With
    `detached_signature` the ID token of such an answer signs it and says nothing of the user (FAPI 1.0 Part 2 §5.1.1).
    `default_max_age` (seconds) stands in for a `max_age` that a request leaves out. `redirect_uris` are compared
    exactly; an entry that ends in `*` (Keycloak's only wildcard) matches by prefix and is reported as a finding.
    `flow_bindings` maps `browser` to the alias of a flow of the client's own. Without `full_scope_allowed`, its tokens
    carry only roles of its own, of `scope_roles` and of its scopes.
    As a resource server it is named by its `resources` (RFC 8707). A login for it weaker than `minimum_acr` is refused.
    `response_types` narrows the two switches to what a client registered for, the words of each in order.
    `rules` are the demands of client policies that no other field can say.
    """

    client_id: str
    name: str = ""
    display: ClientDisplay = NOTHING_TO_SHOW
    enabled: bool = True
    public: bool = False
    secret: Secret | None = None
    secret_method: SecretMethod | None = None
    authentication: ClientAuthenticator = "client-secret"
    assertion: AssertionRules = AssertionRules()
    keys: KeySource = KeySource()
    certificate: CertificateRules = CertificateRules()
    sender: SenderRules = SenderRules()
    service_account: bool = False
    token_exchange: bool = False
    password_grant: bool = False
    assertion_issuers: tuple[str, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    web_origins: tuple[str, ...] = ()
    base_url: str = ""
    standard_flow: bool = True
    implicit_flow: bool = False
    response_types: frozenset[tuple[str, ...]] | None = None
    detached_signature: bool = False
    default_max_age: int | None = None
    consent_required: bool = False
    pkce_required: bool = True
    pushed_requests_required: bool = False
    request_objects: RequestObjectRules = RequestObjectRules()
    resources: tuple[str, ...] = ()
    authorization_details_types: tuple[str, ...] = ()
    minimum_acr: str = ""
    use_refresh_tokens: bool = True
    default_scopes: tuple[str, ...] = ()
    optional_scopes: tuple[str, ...] = ()
    pairwise: Pairwise | None = None
    id_token: Protection = PLAIN
    userinfo: Protection = PLAIN
    introspection: Protection = PLAIN
    authorization_response: Protection = PLAIN
    access_token_algorithm: SigningAlgorithm | None = None
    access_token_lifespan: int | None = None
    default_acr_values: tuple[str, ...] = ()
    flow_bindings: dict[str, str] = {}
    mappers: tuple[Mapper, ...] = ()
    full_scope_allowed: bool = True
    scope_roles: tuple[RoleName, ...] = ()
    lightweight_access_token: bool = False
    rules: ClientRules = NO_RULES
    device: DeviceRules = DeviceRules()
    backchannel: BackchannelRules = BackchannelRules()
    logout: LogoutChannels = LogoutChannels()

    @property
    def id_token_algorithm(self) -> SigningAlgorithm | None:
        """What ID tokens and logout tokens are signed with; None for the realm's own (and where there is no choice)."""
        return None if self.id_token.signed == "none" else self.id_token.signed

    @property
    def title(self) -> str:
        """What a person is shown."""
        return self.name or self.client_id

    def called(self, locale: str) -> str:
        """Return what a person is shown, in a language that the client has registered a name in."""
        return self.display.said("client_name", locale) or self.title

    @property
    def scopes(self) -> frozenset[str]:
        """Every scope the client may ask for; `openid` needs no registration."""
        return frozenset(("openid", *self.default_scopes, *self.optional_scopes))
