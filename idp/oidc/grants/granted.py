"""What a grant gives back, and how long a refresh family may live."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from idp.model.oauth import Authorization
from idp.model.policy import Lifespans
from idp.model.session import UserSession
from idp.model.struct import Frozen
from idp.model.user import User


async def _nothing() -> None:
    """Everything is kept already."""


class Granted(Frozen, frozen=True, kw_only=True):
    """An authorization and the user it is about, as the gate has just seen it."""

    authorization: Authorization
    user: User
    keep: Callable[[], Awaitable[None]] = _nothing
    """Keeps what the tokens stand on; nothing is answered before it is done.

    Left to the endpoint, which waits for it and for the event together, so that they share one flush of the disk.
    """


def online_expiry(session: UserSession, lifespans: Lifespans, *, now: int) -> int:
    """Return when an online family ends: idle from now, and never after its session's end."""
    return min(now + lifespans.sso_idle, session.started_at + lifespans.sso_max)


def offline_expiry(created_at: int, lifespans: Lifespans, *, now: int) -> int:
    """Return when an offline family ends (Keycloak's offline idle, and max where the realm has one)."""
    idle = now + lifespans.offline_idle
    return idle if lifespans.offline_max is None else min(idle, created_at + lifespans.offline_max)
