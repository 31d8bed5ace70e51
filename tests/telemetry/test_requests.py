from __future__ import annotations

from typing import Any

import httpx
import pytest

from idp.ports import Unobserved
from idp.telemetry.requests import Place, Places, Timed
from idp.web.http import Message, Receive, Scope, Send

pytestmark = pytest.mark.anyio
PLACES = Places(
    [
        "/realms/{realm}/protocol/openid-connect/token",
        "/realms/{realm}/protocol/openid-connect/token/introspect",
        "/realms/{realm}/broker/{alias}/login",
        "/realms/{realm}/token",
        "/realms/{realm}/token/{path:path}",
        "/.well-known/openid-configuration/realms/{realm}",
        "/sms-receipts/{gateway}/{secret}",
        "/static/0123abcd/page.css",
        "/dev/outbox",
    ],
    ["bank", "cards"],
)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/realms/bank/protocol/openid-connect/token", Place("bank", "token")),
        ("/realms/cards/protocol/openid-connect/token/introspect", Place("cards", "token/introspect")),
        ("/realms/bank/broker/mobile-id/login", Place("bank", "broker/{alias}/login")),
        ("/realms/bank/token/app/sw.js", Place("bank", "token/{path:path}")),
        (
            "/.well-known/openid-configuration/realms/bank",
            Place("bank", ".well-known/openid-configuration/realms/{realm}"),
        ),
        ("/sms-receipts/main/a-secret-proof", Place("", "sms-receipts/{gateway}/{secret}")),
        ("/static/0123abcd/page.css", Place("", "static")),
        ("/dev/outbox", Place("", "dev/outbox")),
        ("/realms/none-of-ours/protocol/openid-connect/token", Place("", "elsewhere")),
        ("/realms/none-of-ours/broker/x/login", Place("", "broker/{alias}/login")),
        ("/realms/bank/arta.hoxha", Place("", "elsewhere")),
        ("/", Place("", "elsewhere")),
        ("", Place("", "elsewhere")),
    ],
)
def test_a_request_is_for_an_endpoint_of_our_list_and_nothing_it_says_is_repeated(path: str, place: Place) -> None:
    assert PLACES.of(path) == place


class Requests(Unobserved):
    """An observer that keeps what it hears of requests."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, int, float]] = []

    def request(self, realm: str, endpoint: str, status: int, seconds: float) -> None:
        self.heard.append((realm, endpoint, status, seconds))


def timed(application: Any, observer: Requests) -> Timed:
    ticks = iter([10.0, 10.5])
    return Timed(application, places=PLACES, observer=observer, timer=lambda: next(ticks))


async def test_an_answer_is_told_with_its_status_and_time() -> None:
    async def created(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await send({"type": "http.response.body", "body": b"done"})

    observer = Requests()
    transport = httpx.ASGITransport(app=timed(created, observer))
    async with httpx.AsyncClient(transport=transport, base_url="http://bank") as http:
        answer = await http.post("/realms/bank/protocol/openid-connect/token")
    assert (answer.status_code, answer.content) == (201, b"done")
    assert observer.heard == [("bank", "token", 201, 0.5)]


async def test_a_request_that_breaks_off_is_told_too() -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise OSError("gone")

    async def nobody(_message: Message) -> None:
        raise AssertionError("nothing is sent")

    observer = Requests()
    scope = {"type": "http", "path": "/realms/bank/protocol/openid-connect/token"}
    with pytest.raises(OSError, match="gone"):
        await timed(broken, observer)(scope, dict, nobody)  # type: ignore[arg-type] # nobody receives
    assert observer.heard == [("bank", "token", 499, 0.5)]


async def test_what_is_no_request_passes() -> None:
    passed: list[str] = []

    async def application(scope: Scope, _receive: Receive, _send: Send) -> None:
        passed.append(scope["type"])

    observer = Requests()
    await timed(application, observer)({"type": "lifespan"}, dict, dict)  # type: ignore[arg-type] # nobody speaks
    assert passed == ["lifespan"]
    assert observer.heard == []
