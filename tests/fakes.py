"""What stands in for the outside world in tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.trusted.upstream import UpstreamProvider
from idp.ports import MessageUndeliveredError, UnfetchableError, UpstreamRefusedError


class FakeClock:
    """A clock that moves only when a test moves it. It is a `idp.ports.Clock`."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let that much time pass; a negative number sets the clock back."""
        self._now += seconds


class FakeSites:
    """The web sites of clients; an `idp.ports.Outbound`.

    A post to an address is kept, then answered with what `statuses` holds for it (200 if nothing): a status, or the
    reason why it cannot be reached.
    """

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.statuses: dict[str, int | str] = {}
        self.posts: list[Post] = []
        self.before: Callable[[str], Awaitable[object]] | None = None
        """Awaited before each post, with the address."""

    async def fetch(self, address: str, *, largest: int) -> bytes:
        document = self.documents.get(address)
        if document is None or len(document) > largest:
            raise UnfetchableError("no such document")
        return document

    async def post(
        self, address: str, *, body: bytes, content_type: str, headers: Mapping[str, str] = MappingProxyType({})
    ) -> int:
        if self.before is not None:
            await self.before(address)
        self.posts.append(Post(address=address, body=body, content_type=content_type, headers=dict(headers)))
        status = self.statuses.get(address, 200)
        if isinstance(status, str):
            raise UnfetchableError(status)
        return status


class Post(Frozen, frozen=True, kw_only=True):
    """What was posted to a site."""

    address: str
    body: bytes
    content_type: str
    headers: dict[str, str]

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), strict_parsing=True))


class FakeMail:
    """An `idp.ports.Mail` that keeps what it is given, unwritten; `down` makes it refuse."""

    def __init__(self) -> None:
        self.letters: list[SentLetter] = []
        self.down = False

    async def send(self, realm: Realm, *, to: str, letter: str, locale: str, fields: Mapping[str, str | int]) -> None:
        if self.down:
            raise MessageUndeliveredError("the mail server answered 451")
        self.letters.append(SentLetter(realm=realm.name, to=to, letter=letter, locale=locale, fields=dict(fields)))


class SentLetter(Frozen, frozen=True, kw_only=True):
    """A letter that a fake took."""

    realm: str
    to: str
    letter: str
    locale: str
    fields: dict[str, str | int]


class FakeUpstreams:
    """An `idp.ports.Upstreams` where nobody is known."""

    def request(
        self, upstream: UpstreamProvider, *, redirect_uri: str, nonce: str, verifier: str, login_hint: str, locale: str
    ) -> str:
        del redirect_uri, nonce, verifier, login_hint, locale
        return f"{upstream.authorization_url}?client_id={upstream.client_id}"

    async def redeemed(
        self, upstream: UpstreamProvider, *, code: str, redirect_uri: str, nonce: str, verifier: str
    ) -> Mapping[str, Any]:
        del upstream, code, redirect_uri, nonce, verifier
        raise UpstreamRefusedError("nobody is known there")


class FakeErrands:
    """An `idp.ports.Beside`: what was begun is done when a test asks for it, and not before."""

    def __init__(self) -> None:
        self._waiting: list[Coroutine[None, None, None]] = []

    def begin(self, errand: Coroutine[None, None, None]) -> None:
        self._waiting.append(errand)

    async def finished(self) -> None:
        waiting, self._waiting = self._waiting, []
        for errand in waiting:
            await errand

    def __del__(self) -> None:
        for errand in self._waiting:
            errand.close()


class FakeMailbox:
    """An `idp.ports.MailSender` that keeps what it is given; `down` makes it refuse."""

    def __init__(self) -> None:
        self.messages: list[SentMail] = []
        self.down = False

    async def send(self, *, to: str, subject: str, text: str, html: str) -> None:
        if self.down:
            raise MessageUndeliveredError("the mail server answered 451")
        self.messages.append(SentMail(to=to, subject=subject, text=text, html=html))


class SentMail(Frozen, frozen=True, kw_only=True):
    """An e-mail that a fake took."""

    to: str
    subject: str
    text: str
    html: str
