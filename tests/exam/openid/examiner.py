"""What every module of the suite begins with: the provider's metadata and keys, and a way to ask it."""

from __future__ import annotations

from typing import Any

import httpx

from tests.exam.openid.person import Person
from tests.exam.openid.suite import Suite
from tests.peers.provider import Examined


class Examiner:
    """The provider from outside: nothing is known of it but its discovery address."""

    def __init__(self, provider: Examined, suite: Suite) -> None:
        self.provider, self.suite = provider, suite
        self.issuer = provider.issuer
        self._connections = httpx.HTTPTransport(verify=provider.trust())
        self.http = httpx.Client(transport=self._connections, follow_redirects=False)
        self.discovered = self.http.get(f"{self.issuer}/.well-known/openid-configuration")
        self.metadata: dict[str, Any] = self.discovered.json()

    def person(self) -> Person:
        """A browser in which nobody is logged in."""
        return Person(self.provider.url, self._connections)

    def jwks(self) -> Any:
        """The provider's keys as they are now."""
        return self.http.get(self.metadata["jwks_uri"]).json()

    def register(self, **members: Any) -> httpx.Response:
        """Ask for a registration, whatever comes of it."""
        return self.http.post(self.metadata["registration_endpoint"], json=members)

    def close(self) -> None:
        """Close every connection, those of the browsers too."""
        self.http.close()
