"""What a grant is given and gives back, and how long a refresh family may live."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from idp.model.oauth import BEARER, Authorization, Confirmation
from idp.model.policies.credentials import Lifespans
from idp.model.session import UserSession
from idp.model.struct import Frozen
from idp.model.user import User


class TokenRequest(Frozen, frozen=True, kw_only=True):
    """What a client sent to the token endpoint, and what the request itself proved.

    `form` holds what may stand there once; `resources` (RFC 8707 §2) and `audiences` (RFC 8693 §2.1) may be repeated.
    `confirmation` is the key that the request was sent with: the tokens are bound to it.
    """

    form: Mapping[str, str]
    resources: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    confirmation: Confirmation = BEARER
    address: str | None = None


class Granted(Frozen, frozen=True, kw_only=True):
    """An authorization and the user it is about, as the gate has just seen it."""

    authorization: Authorization
    user: User
    members: Mapping[str, str] = MappingProxyType({})
    """What the answer says beside the tokens."""
    keep: Callable[[], Awaitable[None]] | None = None
    """Keeps what the tokens stand on; None: it is kept already. Nothing is answered before it is done."""


def online_expiry(session: UserSession, lifespans: Lifespans, *, now: int) -> int:
    """Return when an online family ends: idle from now, and never after its session's end."""
    return min(now + lifespans.sso_idle, session.started_at + lifespans.sso_max)


def offline_expiry(created_at: int, lifespans: Lifespans, *, now: int) -> int:
    """Return when an offline family ends (Keycloak's offline idle, and max where the realm has one)."""
    idle = now + lifespans.offline_idle
    return idle if lifespans.offline_max is None else min(idle, created_at + lifespans.offline_max)
