"""What travels between a client and the provider: requests, codes, refresh families, authorizations."""

from __future__ import annotations

from typing import Any, Literal

from idp.model.struct import Frozen

ResponseWord = Literal["code", "id_token", "none", "token"]
"""What an authorization request may ask to be answered with (OAuth 2.0 Multiple Response Types)."""
ResponseMode = Literal["query", "fragment", "form_post", "query.jwt", "fragment.jwt", "form_post.jwt"]
"""How the answer travels; `.jwt` is JARM's signed answer."""
CODE_ALONE: tuple[ResponseWord, ...] = ("code",)


class ClaimRequest(Frozen, frozen=True, kw_only=True):
    """What a client says about one claim it asks for (OpenID Connect Core §5.5.1)."""

    essential: bool = False
    values: tuple[Any, ...] = ()


class ClaimsRequest(Frozen, frozen=True, kw_only=True):
    """The `claims` parameter (OpenID Connect Core §5.5): claims by name, for each place they are to stand in."""

    id_token: dict[str, ClaimRequest] = {}
    userinfo: dict[str, ClaimRequest] = {}


class GrantTerms(Frozen, frozen=True, kw_only=True):
    """What is granted beside the scope; it travels with the grant, from the request into every token.

    `resources` are the resource servers that were named (RFC 8707), `authorization_details` what may be done there
    (RFC 9396).
    """

    claims: ClaimsRequest | None = None
    resources: tuple[str, ...] = ()
    authorization_details: tuple[dict[str, Any], ...] = ()


NO_TERMS = GrantTerms()


class Confirmation(Frozen, frozen=True, kw_only=True):
    """The key that the holder of a token must prove to have (`cnf`, RFC 7800 §3); neither for a bearer token."""

    jkt: str = ""
    """RFC 7638 thumbprint of a DPoP key (RFC 9449 §6.1)."""
    x5t_s256: str = ""
    """SHA-256 thumbprint of a client certificate (RFC 8705 §3.1)."""

    def __bool__(self) -> bool:
        """Tell whether there is a key to prove."""
        return bool(self.jkt or self.x5t_s256)


BEARER = Confirmation()


class Approval(Frozen, frozen=True, kw_only=True):
    """A login that decides a waiting request (`idp.model.pending`) instead of answering a redirect.

    `key` names the request, `transaction_id` what its events are found by. `compare` is what the person sees on both
    devices: the user code, or the client's binding message.
    """

    key: str
    kind: Literal["device", "backchannel"]
    transaction_id: str
    compare: str = ""


class AskedAction(Frozen, frozen=True, kw_only=True):
    """An action that an application asks for (Keycloak's `kc_action`): the alias, and what it names with it."""

    alias: str
    parameter: str = ""


class AuthorizationRequest(Frozen, frozen=True, kw_only=True):
    """A checked authorization request (OpenID Connect Core §3.1.2.1); immutable, so it survives every restart.

    `response_type` holds its words in alphabetical order. `dpop_jkt` is the key that the code is bound to (RFC 9449
    §10). `pushed` is the digest of the reference by which the request was made, if it was pushed: answering the request
    takes it (RFC 9126 §4). With `approves`, the `redirect_uri` is a page of our own, and what the login is worth goes
    to who waits for it.
    """

    client_id: str
    redirect_uri: str
    response_mode: ResponseMode
    scope: tuple[str, ...]
    response_type: tuple[ResponseWord, ...] = CODE_ALONE
    state: str | None = None
    nonce: str | None = None
    code_challenge: str | None = None
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    hinted_user_id: str | None = None
    hinted_subject: str | None = None
    """Instead of the id: what a client with pairwise subjects calls the user whom it means (Core §8)."""
    login_hint: str = ""
    idp_hint: str = ""
    """The alias of an upstream provider to log in at (Keycloak's `kc_idp_hint`)."""
    ui_locales: tuple[str, ...] = ()
    acr_values: tuple[str, ...] = ()
    terms: GrantTerms = NO_TERMS
    dpop_jkt: str = ""
    pushed: str = ""
    approves: Approval | None = None
    action: AskedAction | None = None


class AuthorizationCode(Frozen, frozen=True, kw_only=True):
    """What a code stands for; stored under the code's digest, bound to its client session.

    `issued_at` is when it was given out, in seconds: one that does not say it is from before everything.
    """

    client_id: str
    redirect_uri: str
    user_id: str
    sid: str
    transaction_id: str
    scope: tuple[str, ...]
    nonce: str | None
    code_challenge: str | None
    auth_time: int
    acr: str
    amr: tuple[str, ...]
    expires_at: int
    family_id: str
    issued_at: int = 0
    terms: GrantTerms = NO_TERMS
    dpop_jkt: str = ""


class RefreshFamily(Frozen, frozen=True, kw_only=True):
    """All refresh tokens that descend from one code; only `current` (a digest of a `jti`) is alive.

    An `offline` family outlives the user session (OpenID Connect Core §11).
    """

    id: str
    client_id: str
    user_id: str
    sid: str
    transaction_id: str
    scope: tuple[str, ...]
    current: str
    auth_time: int
    acr: str
    amr: tuple[str, ...]
    nonce: str | None
    created_at: int
    last_used_at: int
    expires_at: int
    offline: bool = False
    terms: GrantTerms = NO_TERMS
    confirmation: Confirmation = BEARER


class Authorization(Frozen, frozen=True, kw_only=True):
    """What a grant has proven and the issuer turns into tokens.

    Without a person's login (client credentials) there is no session: `sid`, `auth_time` and `acr` are None.
    """

    client_id: str
    user_id: str
    sid: str | None
    transaction_id: str
    scope: tuple[str, ...]
    auth_time: int | None
    acr: str | None
    amr: tuple[str, ...]
    nonce: str | None = None
    refresh_token_id: str | None = None  # the `jti` of the refresh token to hand out
    family: RefreshFamily | None = None
    terms: GrantTerms = NO_TERMS
    confirmation: Confirmation = BEARER
    id_token: bool = True  # whether one goes with the access token, where the scope is OpenID's
    ends_at: int | None = None  # the latest end of the access token, where it stands on another one's
    actor: dict[str, Any] | None = None  # who acts for the user (`act`, RFC 8693 §4.1)
