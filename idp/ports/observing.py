"""Those who watch the provider at work: what they hear of it. Nothing here answers, fails or waits."""

from __future__ import annotations

from typing import Protocol

from idp.model.event import Event


class Observer(Protocol):
    """Hears what the provider does. Called on hot paths: an implementation costs about a microsecond, and never raises.

    No argument holds a secret, a name of a person, or text that a client has chosen, but for the members of an event,
    of which an observer passes on only what comes from a list of ours. Times are in seconds.
    """

    def event(self, event: Event) -> None:
        """Hear of an event as it is recorded."""

    def request(self, realm: str, endpoint: str, status: int, seconds: float) -> None:
        """Hear of an answered request; `endpoint` is an address of a list of ours, never that of the request."""

    def round_trip(self, part: str, verb: str, seconds: float, *, failed: bool) -> None:
        """Hear of a call to a part of the store."""

    def outbound(self, kind: str, seconds: float, *, failed: bool) -> None:
        """Hear of a call to somebody else's server."""

    def message(self, realm: str, *, failed: bool, gateway: str, price: float, seconds: float) -> None:
        """Hear of a text message, and of what it costs in the unit of the realm's prices."""

    def hashed(self, waited: float, took: float) -> None:
        """Hear of a password that was hashed: how long it waited for a worker, and how long that took."""


class Unobserved:
    """An observer for where nobody watches."""

    def event(self, event: Event) -> None:
        """Let it pass."""

    def request(self, realm: str, endpoint: str, status: int, seconds: float) -> None:
        """Let it pass."""

    def round_trip(self, part: str, verb: str, seconds: float, *, failed: bool) -> None:
        """Let it pass."""

    def outbound(self, kind: str, seconds: float, *, failed: bool) -> None:
        """Let it pass."""

    def message(self, realm: str, *, failed: bool, gateway: str, price: float, seconds: float) -> None:
        """Let it pass."""

    def hashed(self, waited: float, took: float) -> None:
        """Let it pass."""
