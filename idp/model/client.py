"""A client: an application of the bank that asks for tokens."""

from __future__ import annotations

from typing import Literal

from idp.model.claims.mapper import Mapper, RoleName
from idp.model.clients.assertion import AssertionRules, ClientAuthenticator, KeySource, SecretMethod
from idp.model.clients.display import NOTHING_TO_SHOW, ClientDisplay
from idp.model.clients.logout import LogoutChannels
from idp.model.clients.pairwise import Pairwise
from idp.model.clients.protection import PLAIN, Protection
from idp.model.clients.request_object import RequestObjectRules
from idp.model.clients.rules import NO_RULES, ClientRules
from idp.model.clients.sender import CertificateRules, SenderRules
from idp.model.pending import BackchannelRules, DeviceRules
from idp.model.secret import Secret
from idp.model.struct import Frozen

SigningAlgorithm = Literal["ES256", "RS256", "PS256", "ES384", "EdDSA"]


class Client(Frozen, frozen=True, kw_only=True):
    """One client of a realm, with the meaning of Keycloak's client representation."""

    client_id: str
    name: str = ""
    display: ClientDisplay = NOTHING_TO_SHOW
    enabled: bool = True
    rules: ClientRules = NO_RULES
    """The demands of client policies that no other field can say."""

    # How it proves itself, and what its tokens are bound to.
    public: bool = False
    secret: Secret | None = None
    secret_method: SecretMethod | None = None
    authentication: ClientAuthenticator = "client-secret"
    assertion: AssertionRules = AssertionRules()
    keys: KeySource = KeySource()
    certificate: CertificateRules = CertificateRules()
    sender: SenderRules = SenderRules()

    # Which grants it may use.
    standard_flow: bool = True
    """It may ask for a code."""
    implicit_flow: bool = False
    """It may ask for tokens in the answer itself; with `standard_flow`, for both at once."""
    response_types: frozenset[tuple[str, ...]] | None = None
    """Narrows the two switches to what the client registered for, the words of each in order."""
    use_refresh_tokens: bool = True
    service_account: bool = False
    device: DeviceRules = DeviceRules()
    backchannel: BackchannelRules = BackchannelRules()
    token_exchange: bool = False
    password_grant: bool = False
    assertion_issuers: tuple[str, ...] = ()
    """The aliases of those whose assertions it may bring (RFC 7523 §2.1)."""

    # Where it is. `base_url` is where a page leads back to.
    redirect_uris: tuple[str, ...] = ()
    """Compared exactly; one that ends in `*` (Keycloak's only wildcard) matches by prefix and is a finding."""
    post_logout_redirect_uris: tuple[str, ...] = ()
    web_origins: tuple[str, ...] = ()
    base_url: str = ""
    logout: LogoutChannels = LogoutChannels()

    # What its authorization requests must be like, and the login that they lead to.
    pkce_required: bool = True
    pushed_requests_required: bool = False
    request_objects: RequestObjectRules = RequestObjectRules()
    authorization_details_types: tuple[str, ...] = ()
    consent_required: bool = False
    default_max_age: int | None = None
    """Seconds; stands in for a `max_age` that a request leaves out."""
    default_acr_values: tuple[str, ...] = ()
    acr_levels: dict[str, int] = {}
    """Its own names of levels; empty: the realm's."""
    minimum_acr: str = ""
    """A login that is weaker is refused."""
    flow_bindings: dict[str, str] = {}
    """Maps `browser` to the alias of a flow of the client's own."""

    # What it is told, and how that is protected.
    default_scopes: tuple[str, ...] = ()
    optional_scopes: tuple[str, ...] = ()
    mappers: tuple[Mapper, ...] = ()
    full_scope_allowed: bool = True
    """Otherwise its tokens carry only roles of its own, of `scope_roles` and of its scopes."""
    scope_roles: tuple[RoleName, ...] = ()
    pairwise: Pairwise | None = None
    id_token: Protection = PLAIN
    userinfo: Protection = PLAIN
    introspection: Protection = PLAIN
    authorization_response: Protection = PLAIN
    detached_signature: bool = False
    """The ID token of an answer signs it and says nothing of the user (FAPI 1.0 Part 2 §5.1.1)."""
    access_token_algorithm: SigningAlgorithm | None = None
    access_token_lifespan: int | None = None
    """Seconds; None: the realm's."""
    lightweight_access_token: bool = False
    resources: tuple[str, ...] = ()
    """The names it has as a resource server, beside its own (RFC 8707)."""

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
