"""What the bank's session holds: one login per application, and when its owner was last here.

In one browser, one segment of the bank belongs to one customer: a login as somebody else ends the other
application's login, so that nobody sees the cards of one customer beside the accounts of another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from relying_party import Login, Registration

if TYPE_CHECKING:
    from sessions import Session

_LOGINS = "logins"
_SEEN = "seen"


def of(session: Session, registration: Registration) -> Login | None:
    """The login of this application, if there is one."""
    return _all(session).get(registration.name)


def keep(session: Session, registration: Registration, login: Login, *, now: float) -> None:
    """Remember a login, new or refreshed."""
    others = {
        name: other
        for name, other in _all(session).items()
        if _realm(name) != registration.realm or other.subject == login.subject
    }
    _write(session, others | {registration.name: login})
    session[_SEEN] = now


def forget(session: Session, realm: str) -> None:
    """End every login of this realm in this browser."""
    _write(session, {name: login for name, login in _all(session).items() if _realm(name) != realm})


def forget_the_idle(session: Session, *, now: float, idle_seconds: float) -> None:
    """End all logins after too long a time without activity; else note that the customer is here."""
    if _LOGINS not in session:
        return
    seen = session.get(_SEEN)
    if isinstance(seen, int | float) and now - seen <= idle_seconds:
        session[_SEEN] = now
        return
    _write(session, {})


def _all(session: Session) -> dict[str, Login]:
    return msgspec.convert(session.get(_LOGINS, {}), dict[str, Login])


def _write(session: Session, logins: dict[str, Login]) -> None:
    if logins:
        session[_LOGINS] = msgspec.to_builtins(logins)
        return
    session.pop(_LOGINS, None)
    session.pop(_SEEN, None)


def _realm(name: str) -> str:
    return name.partition(".")[0]
