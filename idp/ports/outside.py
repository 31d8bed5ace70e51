"""The world outside beside the stores: clock, randomness, gateways, sealing and hashing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from idp.model.messages.message import Carried
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.trusted.upstream import UpstreamProvider

Clock = Callable[[], float]
"""Epoch seconds. The only real one is made in the composition root."""

Settled = Callable[[], Awaitable[None]]
"""Waits until what was counted and taken for this request is durable (`RealmStores.settled`)."""

RandomBytes = Callable[[int], bytes]
"""That many bytes from a cryptographically secure source."""


class MessageUndeliveredError(Exception):
    """The gateway refused a message or could not be reached. The login shows "try later" and never skips the factor.

    `perhaps_sent`: nobody knows whether the message is on its way, so another gateway may send it a second time.
    `of_message`: the gateway is well, but does not take this message (its number, say).
    """

    def __init__(self, reason: str, *, perhaps_sent: bool = False, of_message: bool = False) -> None:
        super().__init__(reason)
        self.perhaps_sent = perhaps_sent
        self.of_message = of_message


class SmsSender(Protocol):
    """A way to send a text message to a phone."""

    async def send(self, *, to: str, text: str) -> Carried:
        """Hand the message over, or raise `MessageUndeliveredError`. `to` is an E.164 number."""


class MailSender(Protocol):
    """A way to send an e-mail: a mail server, or the outbox of a development."""

    async def send(self, *, to: str, subject: str, text: str, html: str) -> None:
        """Hand one message of two parts over, or raise `MessageUndeliveredError`. `to` is one address."""


class Mail(Protocol):
    """A way to write a letter of the catalogue (`idp.web.letter_words`) and send it by the realm's mail server."""

    async def send(self, realm: Realm, *, to: str, letter: str, locale: str, fields: Mapping[str, str | int]) -> None:
        """Hand the letter over, or raise `MessageUndeliveredError`, which names neither address nor text."""


class Beside(Protocol):
    """What is done beside the request, and waited for by nobody: its time tells nothing of what it was for."""

    def begin(self, errand: Coroutine[None, None, None]) -> object:
        """Run an errand; one that fails is logged."""


class UnfetchableError(Exception):
    """An address of somebody else was not called, or gave no document; the text says why, for the log."""


class Documents(Protocol):
    """A way to read documents at addresses that clients have registered (key sets)."""

    async def fetch(self, address: str, *, largest: int) -> bytes:
        """Return the document at an https address, of at most `largest` bytes; or raise `UnfetchableError`.

        Never follows a redirect, never calls an address inside (private, loopback, link-local), never waits long.
        """


class Answered(Frozen, frozen=True, kw_only=True):
    """What somebody else's server answered."""

    status: int
    body: bytes


class Outbound(Documents, Protocol):
    """A way to call addresses that clients have registered: for documents, and with messages (logouts)."""

    async def post(self, address: str, *, body: bytes, content_type: str, headers: Mapping[str, str] = ...) -> int:
        """Send a body to an https address and return the status of the answer; or raise `UnfetchableError`.

        Under the same rules as `fetch`; a redirect is a status like any other.
        """


class Exchanges(Documents, Protocol):
    """A way to exchange messages with other people's servers, under the rules of `Documents`."""

    async def ask(
        self, address: str, *, body: bytes, content_type: str, headers: Mapping[str, str] = ..., largest: int
    ) -> Answered:
        """Send a body to an https address and return the answer, of at most `largest` bytes.

        A redirect is a status like any other.
        """


class UpstreamRefusedError(Exception):
    """An upstream provider did not say who somebody is, or said it in a way that counts for nothing; see the text."""


class Upstreams(Protocol):
    """A way to let people log in at other OpenID providers (OpenID Connect Core §3.1)."""

    def request(
        self, upstream: UpstreamProvider, *, redirect_uri: str, nonce: str, verifier: str, login_hint: str, locale: str
    ) -> str:
        """Return the address to send a browser to; the caller adds `state`. `verifier` is PKCE's (RFC 7636)."""

    async def redeemed(
        self, upstream: UpstreamProvider, *, code: str, redirect_uri: str, nonce: str, verifier: str
    ) -> Mapping[str, Any]:
        """Redeem a code and return the claims of its ID token, checked; or raise `UpstreamRefusedError`."""


class Sealer(Protocol):
    """Seals what must not be readable in a copy of the store."""

    def seal(self, plaintext: bytes, *, purpose: str) -> bytes:
        """Encrypt; `purpose` is authenticated, so a sealed value opens only where it belongs."""

    def unseal(self, sealed: bytes, *, purpose: str) -> bytes:
        """Decrypt; raises `ValueError` if the value was altered, moved, or sealed with an unknown key."""


class Passwords(Protocol):
    """Hashes and verifies passwords, off the event loop, behind a limiter of its own."""

    def share(self, subscriber: str) -> AbstractContextManager[None]:
        """Hold one of the places that one subscriber may have, or raise `OverloadedError`.

        All of them would be the end of everybody else's logins: whoever tries passwords by the hundred waits alone.
        """

    def place(self) -> AbstractContextManager[None]:
        """Hold a place in the queue while an attempt is counted, or raise `OverloadedError`.

        The verification that follows the block without waiting for anything has the place: an attempt that cannot be
        judged is not counted, or an overload would lock out whoever tries again.
        """

    async def hash(self, password: str) -> bytes:
        """Return hash values to be sealed into a credential."""

    async def verify(self, password: str, hashed: bytes | None) -> bool:
        """Verify in the same time whether or not there is something to verify against."""

    def outdated(self, hashed: bytes) -> bool:
        """Tell whether the hash was made with other parameters than today's."""


class OverloadedError(Exception):
    """Too many passwords wait to be hashed, or logins were begun; the caller answers 503 with `Retry-After`."""
