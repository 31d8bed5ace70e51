"""The observer that counts: what it hears becomes numbers, and nothing that it hears becomes a label unchecked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from idp.model.event import Event
from idp.telemetry import families
from idp.telemetry.tallies import OTHER, Family, Tally

_STATUS = ("", "1xx", "2xx", "3xx", "4xx", "5xx")
_ERROR = "_ERROR"
_DONE = "ok"
GRANTS: Mapping[str, str] = {
    "CODE_TO_TOKEN": "authorization_code",
    "REFRESH_TOKEN": "refresh_token",
    "CLIENT_LOGIN": "client_credentials",
    "PASSWORD_TO_TOKEN": "password",
    "TOKEN_EXCHANGE": "token-exchange",
    "JWT_BEARER_TO_TOKEN": "jwt-bearer",
    "OAUTH2_DEVICE_CODE_TO_TOKEN": "device_code",
    "AUTHREQID_TO_TOKEN": "ciba",
}
"""The events of the token endpoint, and the grant that each is of."""
_LOCKS = {"USER_DISABLED_BY_TEMPORARY_LOCKOUT": "temporary", "USER_DISABLED_BY_PERMANENT_LOCKOUT": "permanent"}
_RECEIPTS = {"SMS_DELIVERED": "delivered", "SMS_UNDELIVERED": "undelivered"}


class Metrics:
    """Implements `idp.ports.Observer`. For one thread: the event loop's."""

    def __init__(self) -> None:
        self._tallies = {family.name: Tally(family) for family in families.FAMILIES}
        self._requests = self._tallies[families.REQUESTS.name]
        self._round_trips = self._tallies[families.ROUND_TRIPS.name]
        self._events = self._tallies[families.EVENTS.name]

    @property
    def tallies(self) -> Sequence[Tally]:
        """Everything that was counted."""
        return tuple(self._tallies.values())

    def of(self, family: Family) -> Tally:
        """Return the tally of one family."""
        return self._tallies[family.name]

    def request(self, realm: str, endpoint: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.observe((realm, endpoint, _STATUS[status // 100]), seconds)

    def round_trip(self, part: str, verb: str, seconds: float, *, failed: bool) -> None:
        """Count a call to the store."""
        self._round_trips.observe((part, verb, "failed" if failed else _DONE), seconds)

    def outbound(self, kind: str, seconds: float, *, failed: bool) -> None:
        """Count a call to somebody else."""
        self.of(families.OUTBOUND).observe((kind, "failed" if failed else _DONE), seconds)

    def message(self, realm: str, *, failed: bool, gateway: str, price: float, seconds: float) -> None:
        """Count a text message and what it cost; one that no gateway took costs nothing."""
        self.of(families.MESSAGES).observe((realm, gateway, "failed" if failed else "sent"), seconds)
        if price and not failed:
            self.of(families.SPEND).add((realm,), price)

    def hashed(self, waited: float, took: float) -> None:
        """Count a hash."""
        self.of(families.HASHING_WAITS).observe((), waited)
        self.of(families.HASHING).observe((), took)

    def event(self, event: Event) -> None:
        """Count an event, and what it says of a login, a grant, a lock, a message."""
        kind, realm, error = event.type, event.realm, code_of(event.error)
        self._events.add((realm, kind, error))
        success = kind.removesuffix(_ERROR)
        if success in GRANTS:
            self.of(families.GRANTS).add((realm, GRANTS[success], (error or "refused") if kind != success else _DONE))
        elif kind == "LOGIN":
            self._logged_in(event)
        elif kind == "LOGIN_ERROR":
            self._not_logged_in(event, error)
        elif kind in _LOCKS:
            self.of(families.LOCKS).add((realm, _LOCKS[kind]))
        elif kind in _RECEIPTS:
            self.of(families.RECEIPTS).add((realm, _RECEIPTS[kind]))

    def _logged_in(self, event: Event) -> None:
        silent = event.detail.get("sso") == "true"
        self.of(families.LOGINS).add((event.realm, "single_sign_on" if silent else "logged_in", ""))
        if silent:
            return
        self.of(families.SESSIONS).add((event.realm,))
        for step in event.detail.get("path", "").split():
            name, _, status = step.partition(":")
            self.of(families.STEPS).add((event.realm, name, status or "passed"))

    def _not_logged_in(self, event: Event, error: str) -> None:
        """A wrong answer is an event of its step; what ended a login says its reason, a *no* too."""
        if "reason" in event.detail:
            self.of(families.LOGINS).add((event.realm, error, event.detail.get("at", "")))
        else:
            self.of(families.STEPS).add((event.realm, event.detail.get("factor", ""), error))


@lru_cache(maxsize=256)
def code_of(error: str | None) -> str:
    """Return an error as a label: codes are ours, a sentence may have been made with somebody else's words."""
    if not error:
        return ""
    return error if _IS_CODE(error) else OTHER


_IS_CODE = re.compile(r"[a-z][a-z0-9_]{0,47}").fullmatch
