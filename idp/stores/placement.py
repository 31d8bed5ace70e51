"""Which kinds of records live minutes, and may be gone after a restart of Redis without anybody getting in by it.

Everything that is not named here is durable: who adds a kind and forgets this file is slow, not wrong. What must not be
forgotten although it expires is durable, too: tokens that were revoked, devices that are trusted, attempts, budgets of
a day.
"""

from __future__ import annotations

_KINDS = frozenset(
    {
        "authentication-session",
        "authorization-code",
        "pushed-request",
        "pending-authorization",
        "pending-ticket",
        "message-delivery",
        # What a proof of a few minutes was used for. Emptied, it could be used again: so a Redis that lost them
        # is not believed until they would have expired (`idp.stores.redis`).
        "first-use/client-assertion",
        "first-use/dpop-proof",
        "first-use/backchannel-request",
        "first-use/jwt-bearer-assertion",
    }
)
_TOGETHER = {"pending-ticket": "pending-authorization"}


def is_brief(kind: str) -> bool:
    """Tell whether a kind lives minutes."""
    if kind.startswith("throttle/"):
        return not kind.endswith("-day")
    return kind in _KINDS or kind.startswith(("latest/sms|", "latest/email|"))


def family(kind: str) -> str | None:
    """Return the family of a kind whose records change together with those of another one, or None."""
    return _TOGETHER.get(kind, kind) if kind in {*_TOGETHER, *_TOGETHER.values()} else None
