from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from idp.web.http import Message, Receive, Reply, Scope, Send, send_reply
from idp.web.middleware import BoundedBodies, KnownHosts, SecurityHeaders, TrustedProxies

pytestmark = pytest.mark.anyio
Headers = list[tuple[bytes, bytes]]
BOUND = 256 * 1024


def scope_of(*headers: tuple[bytes, bytes], client: str | None = "10.0.0.1") -> Scope:
    return {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": list(headers),
        "client": (client, 1234) if client is not None else None,
    }


async def call(app: Any, scope: Scope, body: Iterable[bytes] = ()) -> list[Message]:
    chunks = list(body)
    sent: list[Message] = []

    async def receive() -> Message:
        chunk = chunks.pop(0) if chunks else b""
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def status(sent: list[Message]) -> int:
    return int(sent[0]["status"])


class Inner:
    """An application that answers `reply`, and remembers what it was asked."""

    def __init__(self, reply: Reply | None = None) -> None:
        self.reply = reply or Reply(200, b"inside")
        self.scopes: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        self.scopes.append(scope)
        await send({"type": "http.response.start", "status": self.reply.status, "headers": list(self.reply.headers)})
        await send({"type": "http.response.body", "body": self.reply.body})


HOSTS = ["login.bank.example", "127.0.0.1", "::1"]


@pytest.mark.parametrize(
    "host",
    [
        b"login.bank.example",
        b"LOGIN.bank.Example",
        b"login.bank.example:8443",
        b"127.0.0.1:8080",
        b"[::1]:8080",
        b"[::1]",
    ],
)
async def test_a_request_for_our_own_host_is_served_whatever_its_port(host: bytes) -> None:
    inner = Inner()
    assert status(await call(KnownHosts(inner, hosts=HOSTS), scope_of((b"host", host)))) == 200
    assert len(inner.scopes) == 1


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([(b"host", b"evil.example")], id="another host"),
        pytest.param([(b"host", b"login.bank.example.evil.example")], id="a host that begins like ours"),
        pytest.param([(b"host", b"evil.example:login.bank.example")], id="ours as a port"),
        pytest.param([(b"host", b"login.bank.example@evil.example")], id="ours as a user"),
        pytest.param([(b"host", b"login.bank.example:80:80")], id="two ports"),
        pytest.param([(b"host", b"")], id="empty"),
        pytest.param([(b"host", b"\xff")], id="no text"),
        pytest.param([], id="none"),
        pytest.param([(b"host", b"login.bank.example"), (b"host", b"evil.example")], id="another one behind ours"),
        pytest.param([(b"x-forwarded-host", b"login.bank.example"), (b"host", b"evil.example")], id="forwarded"),
    ],
)
async def test_a_request_for_another_host_goes_no_further(headers: Headers) -> None:
    inner = Inner()
    assert status(await call(KnownHosts(inner, hosts=HOSTS), scope_of(*headers))) == 421
    assert inner.scopes == []


NETWORKS = ["10.0.0.0/24", "192.0.2.7/32", "2001:db8:1::/48"]


async def client_of(*forwarded: bytes, peer: str | None = "10.0.0.1", networks: list[str] = NETWORKS) -> str | None:
    inner = Inner()
    headers = [(b"x-forwarded-for", value) for value in forwarded]
    await call(TrustedProxies(inner, networks=networks), scope_of(*headers, client=peer))
    client = inner.scopes[0]["client"]
    return client[0] if client is not None else None


@pytest.mark.parametrize(
    ("forwarded", "believed"),
    [
        pytest.param([b"203.0.113.9"], "203.0.113.9", id="one hop"),
        pytest.param([b"203.0.113.9, 192.0.2.7"], "203.0.113.9", id="through a second trusted proxy"),
        pytest.param([b"198.51.100.1, 203.0.113.9"], "203.0.113.9", id="a forged left part"),
        pytest.param([b"10.0.0.5, 203.0.113.9"], "203.0.113.9", id="a forged proxy on the left"),
        pytest.param([b"198.51.100.1", b"203.0.113.9"], "203.0.113.9", id="a forged header before the real one"),
        pytest.param([b"198.51.100.1", b"203.0.113.9, 192.0.2.7"], "203.0.113.9", id="several headers are one list"),
        pytest.param([b"203.0.113.9 ,, "], "203.0.113.9", id="empty members"),
        pytest.param([b"2001:db8:2::9, 2001:db8:1::1"], "2001:db8:2::9", id="IPv6"),
        pytest.param([b"10.0.0.7, 10.0.0.8"], "10.0.0.7", id="nobody but proxies"),
        pytest.param([b"junk"], "10.0.0.1", id="junk"),
        pytest.param([b"198.51.100.1, junk"], "10.0.0.1", id="junk nearest"),
        pytest.param([b"junk, 203.0.113.9"], "203.0.113.9", id="junk behind the client"),
        pytest.param([b"198.51.100.1, \xff\xfe, 192.0.2.7"], "192.0.2.7", id="junk between"),
        pytest.param([b"203.0.113.9:1234"], "10.0.0.1", id="an address with a port is none"),
        pytest.param([b"203.0.113.9\r\n"], "203.0.113.9", id="white space"),
        pytest.param([b""], "10.0.0.1", id="empty"),
        pytest.param([], "10.0.0.1", id="no header"),
    ],
)
async def test_the_client_is_the_nearest_address_that_no_trusted_proxy_has(
    forwarded: list[bytes], believed: str
) -> None:
    assert await client_of(*forwarded) == believed


@pytest.mark.parametrize("peer", ["203.0.113.50", "10.0.1.1", "2001:db8:2::1", "unix:", "192.0.2.8"])
async def test_whoever_is_no_trusted_proxy_speaks_for_itself_alone(peer: str) -> None:
    assert await client_of(b"198.51.100.1", peer=peer) == peer


async def test_without_trusted_proxies_the_header_means_nothing() -> None:
    assert await client_of(b"198.51.100.1", networks=[]) == "10.0.0.1"


async def test_a_proxy_is_known_by_the_name_that_a_socket_for_both_families_gives_it() -> None:
    assert await client_of(b"203.0.113.9", peer="::ffff:10.0.0.1") == "203.0.113.9"


async def test_a_connection_without_an_address_stays_without_one() -> None:
    assert await client_of(b"198.51.100.1", peer=None) is None


class Reading:
    """An application that reads the whole body, and then answers how much it was."""

    def __init__(self) -> None:
        self.received = 0
        self.broken = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.broken = True
                break
            self.received += len(message["body"])
            if not message["more_body"]:
                break
        await send_reply(send, Reply(200 if not self.broken else 500))


@pytest.mark.parametrize("declared", [str(BOUND + 1).encode(), b"-1", b"ten", b"", b"9" * 5000, b"1e3", b"\xb2"])
async def test_a_body_that_declares_too_much_or_nonsense_is_not_read(declared: bytes) -> None:
    inner = Reading()
    sent = await call(BoundedBodies(inner), scope_of((b"content-length", declared)), [b"x"])
    assert status(sent) == 413
    assert inner.received == 0


async def test_a_body_within_the_bound_is_read_whole() -> None:
    inner = Reading()
    chunks = [b"x" * (BOUND // 4)] * 4
    sent = await call(BoundedBodies(inner), scope_of((b"content-length", str(BOUND).encode())), chunks)
    assert (status(sent), inner.received) == (200, BOUND)


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"5")]], ids=["chunked", "chunked and declared"])
async def test_a_body_that_grows_past_the_bound_is_cut_off_and_refused(headers: Headers) -> None:
    inner = Reading()
    sent = await call(BoundedBodies(inner), scope_of(*headers), [b"x" * BOUND, b"x", b"x" * BOUND])
    assert inner.received == BOUND
    assert inner.broken
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert status(sent) == 413, "not what the application made of a connection that seemed broken"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "announced", [(b"transfer-encoding", b"chunked"), (b"content-length", str(BOUND + 1).encode())], ids=str
)
async def test_a_body_that_a_get_announces_is_bounded_like_any_other(
    method: str, announced: tuple[bytes, bytes]
) -> None:
    inner = Reading()
    scope: dict[str, Any] = {**scope_of(announced), "method": method}
    sent = await call(BoundedBodies(inner), scope, [b"x" * BOUND, b"x", b"x" * BOUND])
    assert inner.received <= BOUND
    assert status(sent) == 413


async def test_a_client_that_goes_away_is_answered_nothing() -> None:
    async def gives_up(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive, send

    assert await call(BoundedBodies(gives_up), scope_of()) == []


async def headers_of(reply: Reply, *, https: bool = True) -> dict[str, list[str]]:
    sent = await call(SecurityHeaders(Inner(reply), https=https), scope_of())
    found: dict[str, list[str]] = {}
    for name, value in sent[0]["headers"]:
        found.setdefault(name.decode(), []).append(value.decode())
    return found


async def test_every_answer_has_the_headers_that_protect_it() -> None:
    headers = await headers_of(Reply(200))
    assert headers["x-content-type-options"] == ["nosniff"]
    assert headers["referrer-policy"] == ["no-referrer"]
    assert headers["x-frame-options"] == ["DENY"]
    assert "camera=()" in headers["permissions-policy"][0]
    assert headers["strict-transport-security"] == ["max-age=63072000; includeSubDomains"]


async def test_plain_http_promises_no_https() -> None:
    assert "strict-transport-security" not in await headers_of(Reply(200), https=False)


async def test_what_an_answer_says_for_itself_stands_and_stands_once() -> None:
    own = ((b"referrer-policy", b"same-origin"), (b"permissions-policy", b"camera=(self)"))
    headers = await headers_of(Reply(200, headers=own))
    assert headers["referrer-policy"] == ["same-origin"]
    assert headers["permissions-policy"] == ["camera=(self)"]
    assert headers["x-frame-options"] == ["DENY"]


async def test_a_page_that_everybody_may_frame_is_not_contradicted_by_the_older_header() -> None:
    headers = await headers_of(Reply(200, headers=((b"content-security-policy", b"frame-ancestors *"),)))
    assert "x-frame-options" not in headers


@pytest.mark.parametrize("policy", [b"frame-ancestors 'none'", b"default-src 'none'"])
async def test_any_other_page_is_not_to_be_framed(policy: bytes) -> None:
    headers = await headers_of(Reply(200, headers=((b"content-security-policy", policy),)))
    assert headers["x-frame-options"] == ["DENY"]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda app: KnownHosts(app, hosts=HOSTS),
        lambda app: TrustedProxies(app, networks=NETWORKS),
        BoundedBodies,
        lambda app: SecurityHeaders(app, https=True),
    ],
)
async def test_what_is_no_request_passes_through(wrap: Any) -> None:
    seen: list[Scope] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        seen.append(scope)
        await send({"type": "lifespan.startup.complete"})

    assert await call(wrap(inner), {"type": "lifespan"}) == [{"type": "lifespan.startup.complete"}]
    assert seen == [{"type": "lifespan"}]
