"""What leaves the process waits until the store has on its disk what it stands on.

A request's writes share one wait for the disk, at its end (`ports.RealmStores.together`). Whatever is sent or judged
outside before that end waits here: a message that was not counted, or a password that was tried and not counted, would
be free after a power cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from idp.model.messages.message import Carried
from idp.model.realm import Realm
from idp.model.trusted.upstream import UpstreamProvider
from idp.ports import Mail, Outbound, Passwords, Settled, SmsSender, Upstreams


class SettledSms:
    """Implements `ports.SmsSender`."""

    def __init__(self, sender: SmsSender, settled: Settled) -> None:
        self._sender = sender
        self._settled = settled

    async def send(self, *, to: str, text: str) -> Carried:
        """Hand the message over."""
        await self._settled()
        return await self._sender.send(to=to, text=text)


class SettledMail:
    """Implements `ports.Mail`."""

    def __init__(self, mail: Mail, settled: Settled) -> None:
        self._mail = mail
        self._settled = settled

    async def send(self, realm: Realm, *, to: str, letter: str, locale: str, fields: Mapping[str, str | int]) -> None:
        """Hand the letter over."""
        await self._settled()
        await self._mail.send(realm, to=to, letter=letter, locale=locale, fields=fields)


class SettledUpstreams:
    """Implements `ports.Upstreams`."""

    def __init__(self, upstreams: Upstreams, settled: Settled) -> None:
        self._upstreams = upstreams
        self._settled = settled

    def request(
        self, upstream: UpstreamProvider, *, redirect_uri: str, nonce: str, verifier: str, login_hint: str, locale: str
    ) -> str:
        """Return the address to send a browser to."""
        return self._upstreams.request(
            upstream, redirect_uri=redirect_uri, nonce=nonce, verifier=verifier, login_hint=login_hint, locale=locale
        )

    async def redeemed(
        self, upstream: UpstreamProvider, *, code: str, redirect_uri: str, nonce: str, verifier: str
    ) -> Mapping[str, Any]:
        """Redeem a code."""
        await self._settled()
        return await self._upstreams.redeemed(
            upstream, code=code, redirect_uri=redirect_uri, nonce=nonce, verifier=verifier
        )


class SettledOutbound:
    """Implements `ports.Outbound`."""

    def __init__(self, outbound: Outbound, settled: Settled) -> None:
        self._outbound = outbound
        self._settled = settled

    async def fetch(self, address: str, *, largest: int) -> bytes:
        """Read a document of somebody else's."""
        await self._settled()
        return await self._outbound.fetch(address, largest=largest)

    async def post(
        self, address: str, *, body: bytes, content_type: str, headers: Mapping[str, str] | None = None
    ) -> int:
        """Send a message to a client."""
        await self._settled()
        return await self._outbound.post(address, body=body, content_type=content_type, headers=headers or {})


class SettledPasswords:
    """Implements `ports.Passwords`."""

    def __init__(self, passwords: Passwords, settled: Settled) -> None:
        self._passwords = passwords
        self._settled = settled

    def share(self, subscriber: str) -> AbstractContextManager[None]:
        """Hold one of the places that one subscriber may have."""
        return self._passwords.share(subscriber)

    def place(self) -> AbstractContextManager[None]:
        """Hold a place. Who will verify with it waits for the disk inside: nothing is left to wait for after it."""
        return self._passwords.place()

    async def hash(self, password: str) -> bytes:
        """Hash a new password."""
        await self._settled()
        return await self._passwords.hash(password)

    async def verify(self, password: str, hashed: bytes | None) -> bool:
        """Verify a password."""
        await self._settled()
        return await self._passwords.verify(password, hashed)

    def outdated(self, hashed: bytes) -> bool:
        """Tell whether a hash was made with other parameters than today's."""
        return self._passwords.outdated(hashed)
