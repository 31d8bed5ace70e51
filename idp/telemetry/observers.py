"""Several observers as one."""

from __future__ import annotations

from collections.abc import Sequence

from idp.model.event import Event
from idp.ports import Observer


class Observers:
    """Implements `idp.ports.Observer`: each of them hears everything."""

    def __init__(self, each: Sequence[Observer]) -> None:
        self._each = tuple(each)

    def event(self, event: Event) -> None:
        """Tell each."""
        for one in self._each:
            one.event(event)

    def request(self, realm: str, endpoint: str, status: int, seconds: float) -> None:
        """Tell each."""
        for one in self._each:
            one.request(realm, endpoint, status, seconds)

    def round_trip(self, part: str, verb: str, seconds: float, *, failed: bool) -> None:
        """Tell each."""
        for one in self._each:
            one.round_trip(part, verb, seconds, failed=failed)

    def outbound(self, kind: str, seconds: float, *, failed: bool) -> None:
        """Tell each."""
        for one in self._each:
            one.outbound(kind, seconds, failed=failed)

    def message(self, realm: str, *, failed: bool, gateway: str, price: float, seconds: float) -> None:
        """Tell each."""
        for one in self._each:
            one.message(realm, failed=failed, gateway=gateway, price=price, seconds=seconds)

    def hashed(self, waited: float, took: float) -> None:
        """Tell each."""
        for one in self._each:
            one.hashed(waited, took)
