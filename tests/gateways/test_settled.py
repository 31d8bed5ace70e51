"""Whatever leaves the process waits until the store has on its disk what it stands on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from typing import Any

import pytest

from idp.gateways.settled import SettledMail, SettledOutbound, SettledPasswords, SettledSms, SettledUpstreams
from idp.model.messages.message import Carried
from tests.stores.held_disk import passing

pytestmark = pytest.mark.anyio

PLACE = nullcontext()


class Everything:
    """All of the outside at once; it keeps what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def send(self, *_: Any, **given: Any) -> Carried:
        self.asked.append(given["to"])
        return Carried(gateway="fake", message_id="1")

    async def redeemed(self, upstream: Any, **given: Any) -> Mapping[str, Any]:
        self.asked.append(given["code"])
        del upstream
        return {}

    def request(self, upstream: Any, **given: Any) -> str:
        del upstream
        return str(given["nonce"])

    async def fetch(self, address: str, *, largest: int) -> bytes:
        self.asked.append(address)
        return bytes(largest)

    async def post(self, address: str, *, body: bytes, content_type: str, headers: Mapping[str, str]) -> int:
        self.asked.append(f"{address} {body.decode()} {content_type} {dict(headers)}")
        return 200

    async def hash(self, password: str) -> bytes:
        self.asked.append(password)
        return b"hashed"

    async def verify(self, password: str, hashed: bytes | None) -> bool:
        self.asked.append(f"{password} {hashed!r}")
        return True

    def outdated(self, hashed: bytes) -> bool:
        return hashed == b"old"

    def share(self, subscriber: str) -> nullcontext[None]:
        assert subscriber
        return PLACE

    def place(self) -> nullcontext[None]:
        return PLACE


Settled = Callable[[], Awaitable[None]]
Ask = Callable[[Any, Settled], Awaitable[Any]]
UPSTREAM: Any = None
WAYS_OUT: dict[str, tuple[Ask, str]] = {
    "text message": (lambda to, wait: SettledSms(to, wait).send(to="+355", text="x"), "+355"),
    "letter": (
        lambda to, wait: SettledMail(to, wait).send(UPSTREAM, to="a@b", letter="l", locale="sq", fields={}),
        "a@b",
    ),
    "code of an upstream": (
        lambda to, wait: SettledUpstreams(to, wait).redeemed(
            UPSTREAM, code="c", redirect_uri="", nonce="", verifier=""
        ),
        "c",
    ),
    "document": (lambda to, wait: SettledOutbound(to, wait).fetch("https://x", largest=3), "https://x"),
    "message to a client": (
        lambda to, wait: SettledOutbound(to, wait).post("https://x", body=b"b", content_type="t", headers={"h": "1"}),
        "https://x b t {'h': '1'}",
    ),
    "new password": (lambda to, wait: SettledPasswords(to, wait).hash("new"), "new"),
    "typed password": (lambda to, wait: SettledPasswords(to, wait).verify("typed", b"h"), "typed b'h'"),
}


@pytest.mark.parametrize("way", WAYS_OUT)
async def test_nothing_leaves_before_everything_is_on_the_disk(way: str) -> None:
    ask, asked = WAYS_OUT[way]
    outside, disk = Everything(), asyncio.Event()

    async def settled() -> None:
        await disk.wait()

    leaving = asyncio.ensure_future(ask(outside, settled))
    await passing()
    assert outside.asked == []
    disk.set()
    await leaving
    assert outside.asked == [asked]


async def test_what_only_looks_waits_for_nothing() -> None:
    outside = Everything()

    async def never() -> None:
        raise AssertionError("nothing leaves")

    passwords = SettledPasswords(outside, never)
    assert (passwords.outdated(b"old"), passwords.outdated(b"new")) == (True, False)
    assert passwords.place() is PLACE
    assert passwords.share("192.0.2.1") is PLACE
    upstreams = SettledUpstreams(outside, never)
    asked = upstreams.request(UPSTREAM, redirect_uri="", nonce="n", verifier="", login_hint="", locale="")
    assert asked == "n"
