"""What travels between a client and the provider: requests, codes, refresh families, authorizations."""

from __future__ import annotations

from typing import Literal

from idp.model.struct import Frozen

ResponseMode = Literal["query", "fragment"]


class AuthorizationRequest(Frozen, frozen=True, kw_only=True):
    """A checked authorization request (OpenID Connect Core §3.1.2.1); immutable, so it survives every restart."""

    client_id: str
    redirect_uri: str
    response_mode: ResponseMode
    scope: tuple[str, ...]
    state: str | None = None
    nonce: str | None = None
    code_challenge: str | None = None
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    hinted_user_id: str | None = None
    login_hint: str = ""
    ui_locales: tuple[str, ...] = ()
    acr_values: tuple[str, ...] = ()


class AuthorizationCode(Frozen, frozen=True, kw_only=True):
    """What a code stands for; stored under the code's digest, bound to its client session."""

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
