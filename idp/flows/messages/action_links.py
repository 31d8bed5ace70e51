"""Links in letters: what one may do is sealed into it, and it does that once.

A link is bound to its realm, its user, its purpose, the login that asked for it, and to the user's password and
address as they were: it dies when either changes. Only the latest of a purpose counts (CVE-2026-37982: a link that is
used twice, or by somebody for something else). Following one is a press of a button; the address alone does nothing,
since mail scanners open every address they read.
"""

from __future__ import annotations

import base64
import binascii
from typing import Literal

import msgspec

from idp.crypto.digest import digest, same
from idp.flows.step import StepServices
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User
from idp.ports import LatestValues, Sealer

Purpose = Literal["reset-credentials", "verify-email", "update-email"]
PARAMETER = "key"
"""The parameter of the address, and of the form that follows it; Keycloak's."""
_LONGEST = 4096  # characters


class ActionLink(Frozen, frozen=True, kw_only=True):
    """What a link may do. `tab` and `execution` are the login that waits for it; empty where none does.

    `email` is the address it was sent to, `locale` the language of its letter.
    """

    purpose: Purpose
    user_id: str
    nonce: str
    state: str
    email: str
    expires_at: int
    tab: str = ""
    execution: str = ""
    locale: str = ""


def state_of(user: User) -> str:
    """Return a digest of what a link rests on: the user's password and address."""
    password = user.password
    parts = (user.id, user.email.casefold(), password.id if password is not None else "", str(user.not_before))
    return digest("|".join(parts))


def written(sealer: Sealer, realm: str, link: ActionLink) -> str:
    """Return the text that stands in the address; nobody reads out of it whom it is for."""
    sealed = sealer.seal(msgspec.msgpack.encode(link), purpose=_purpose(realm))
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read(sealer: Sealer, realm: str, text: str) -> ActionLink | None:
    """Return what a text may do; None if we never wrote it for this realm."""
    if not text or len(text) > _LONGEST or not text.isascii():
        return None
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.msgpack.decode(sealer.unseal(sealed, purpose=_purpose(realm)), type=ActionLink)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        return None


def stands(link: ActionLink, user: User | None, *, now: int) -> bool:
    """Tell whether a link could still be followed; whether it was, only taking it tells."""
    return user is not None and user.enabled and now < link.expires_at and same(link.state, state_of(user))


async def issued(
    services: StepServices,
    realm: Realm,
    user: User,
    purpose: Purpose,
    *,
    now: int,
    locale: str,
    email: str = "",
    tab: str = "",
    execution: str = "",
) -> ActionLink:
    """Make a link, the latest of its purpose; those before it are dead."""
    lifespan = realm.lifespans.action_link(purpose)
    link = ActionLink(
        purpose=purpose,
        user_id=user.id,
        nonce=services.random(16).hex(),
        state=state_of(user),
        email=email or user.email,
        expires_at=now + lifespan,
        tab=tab,
        execution=execution,
        locale=locale,
    )
    await services.latest.set(_latest(purpose), user.id, link.nonce, ttl=lifespan)
    return link


async def taken(latest: LatestValues, link: ActionLink) -> bool:
    """Take a link: true for exactly one caller, and only for the latest of its purpose."""
    return await latest.take(_latest(link.purpose), link.user_id, link.nonce)


def fields(services: StepServices, realm: Realm, link: ActionLink, *, now: int) -> dict[str, str | int]:
    """Return what its letter says: the address, and for how long it works."""
    address = f"{services.action_links}?{PARAMETER}={written(services.sealer, realm.name, link)}"
    return {"link": address, "minutes": max(1, (link.expires_at - now) // 60)}


def _purpose(realm: str) -> str:
    return f"action-link|{realm}"


def _latest(purpose: str) -> str:
    return f"action-link|{purpose}"
