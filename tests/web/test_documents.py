from __future__ import annotations

from typing import Any

import pytest

from idp.web.documents import PublicDocuments
from idp.web.http import Receive, Reply, Scope, Send, send_reply
from idp.web.middleware import SecurityHeaders
from tests.web.test_middleware import Inner, call, scope_of

pytestmark = pytest.mark.anyio
KEYS = Reply(200, b'{"keys":[]}', ((b"content-type", b"application/json"), (b"cache-control", b"max-age=60")))
HOST = (b"host", b"login.bank.example:8443")


def get(*headers: tuple[bytes, bytes], **changes: Any) -> Scope:
    return {**scope_of(*(headers or (HOST,))), "method": "GET", "path": "/certs", **changes}


class Kept:
    """A document that can be replaced, or taken away."""

    def __init__(self) -> None:
        self.reply: Reply | None = KEYS

    def __call__(self) -> Reply | None:
        return self.reply


def front(inner: Inner, kept: Kept, *, https: bool = False) -> PublicDocuments:
    return PublicDocuments(inner, {"/certs": kept}, hosts=["Login.bank.example", "::1"], https=https)


async def test_a_document_is_answered_without_anybody_being_asked() -> None:
    inner = Inner()
    for host in (b"login.bank.example", b"LOGIN.bank.example:8443", b"[::1]:8443"):
        sent = await call(front(inner, Kept()), get((b"host", host), (b"accept", b"*/*")))
        assert sent[0]["status"] == 200
        assert sent[1]["body"] == KEYS.body
    assert inner.scopes == []


@pytest.mark.parametrize(
    "scope",
    [
        get(method="HEAD"),
        get(method="POST"),
        get(method="OPTIONS"),
        get(path="/certs/"),
        get((b"host", b"evil.example")),
        get((b"host", b"evil.example"), HOST),
        get(HOST, (b"host", b"evil.example")),
        get(HOST, HOST, HOST),
        get((b"accept", b"*/*")),
        get(HOST, (b"content-length", b"1")),
        get(HOST, (b"transfer-encoding", b"chunked")),
        {"type": "lifespan"},
    ],
)
async def test_whatever_is_not_the_plain_question_goes_the_long_way(scope: Scope) -> None:
    inner = Inner()
    await call(front(inner, Kept()), scope)
    assert inner.scopes == [scope]


async def test_a_document_that_changes_is_answered_as_it_is_now_and_one_that_is_gone_is_not() -> None:
    inner, kept = Inner(), Kept()
    answering = front(inner, kept)
    await call(answering, get())
    kept.reply = Reply(200, b"another and longer")
    start, body = await call(answering, get())
    assert body["body"] == b"another and longer"
    assert (b"content-length", b"18") in start["headers"]
    kept.reply = None
    await call(answering, get())
    assert len(inner.scopes) == 1


@pytest.mark.parametrize("https", [False, True], ids=["http", "https"])
async def test_the_headers_are_those_of_the_long_way(*, https: bool) -> None:
    async def long_way(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send_reply(send, KEYS)

    expected = await call(SecurityHeaders(long_way, https=https), get())
    assert await call(front(Inner(), Kept(), https=https), get()) == expected
