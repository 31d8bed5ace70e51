"""The gateway against real HTTP servers, each in a thread of its own."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from idp.gateways.sms.http import HttpSms
from idp.gateways.sms.template import HttpTemplate
from idp.model.secret import Secret
from idp.ports import MessageUndeliveredError
from tests.gateways.sms.http_server import answering
from tests.patience import PATIENCE

pytestmark = pytest.mark.anyio
PHONE, TEXT, AUTHORIZATION = "+355692000101", "Kodi juaj: 481516", "Bearer of-the-gateway"
BODY = {"from": "BANKA", "to": "{to}", "parts": ["{text}", 1, None], "nested": {"both": "{to}: {text}"}}


@contextlib.contextmanager
def dripping() -> Iterator[str]:
    """A server that says yes a letter at a time: each comes soon, all of them far too late."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nx-drops: ")
                for _ in range(50):
                    connection.sendall(b".")
                    if over.wait(0.05):
                        return
                connection.sendall(b"\r\ncontent-length: 0\r\n\r\n")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        over.set()
        listener.close()
        thread.join()


@asynccontextmanager
async def sms(
    url: str, *, body: Any = None, seconds: float = PATIENCE, header: str = AUTHORIZATION
) -> AsyncIterator[HttpSms]:
    template = HttpTemplate(
        url=url, headers={"Authorization": "{secret}"}, body=BODY if body is None else body, message_id_at="id"
    )
    gateway = HttpSms(template, name="main", secret=Secret(header), timeout=seconds)
    try:
        yield gateway
    finally:
        await gateway.close()


async def refusal(url: str, *, seconds: float = PATIENCE, header: str = AUTHORIZATION, unsure: bool = False) -> str:
    """Return all that an undelivered message may leave in a log: its words and those of its causes."""
    async with sms(url, seconds=seconds, header=header) as gateway:
        with pytest.raises(MessageUndeliveredError) as refused:
            await gateway.send(to=PHONE, text=TEXT)
    told = "".join(traceback.format_exception(refused.value, limit=0))
    for secret in (PHONE, TEXT, "481516", "of-the-gateway"):
        assert secret not in told
    assert refused.value.perhaps_sent is unsure
    return str(refused.value)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_a_gateway_that_accepts_is_handed_the_message(status: int) -> None:
    with answering(status) as server:
        async with sms(server.url) as gateway:
            await gateway.send(to=PHONE, text=TEXT)
    ((path, headers, body),) = server.asked
    assert path == "/messages"
    assert headers["authorization"] == AUTHORIZATION
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "from": "BANKA",
        "to": PHONE,
        "parts": [TEXT, 1, None],
        "nested": {"both": f"{PHONE}: {TEXT}"},
    }


async def test_no_header_is_sent_where_none_is_configured() -> None:
    with answering(200) as server:
        gateway = HttpSms(HttpTemplate(url=server.url, body=BODY), name="main")
        await gateway.send(to=PHONE, text=TEXT)
        await gateway.close()
    assert "authorization" not in server.asked[0][1]


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
async def test_a_gateway_that_refuses_has_not_taken_the_message(status: int) -> None:
    with answering(status) as server:
        assert await refusal(server.url, unsure=status == 500) == f"the gateway answered {status}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_so_number_and_secret_go_nowhere_else(status: int) -> None:
    with answering(200) as elsewhere, answering(status, location=elsewhere.url) as server:
        assert await refusal(server.url) == f"the gateway answered {status}"
    assert len(server.asked) == 1
    assert elsewhere.asked == []


async def test_an_answer_that_never_begins_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told = await refusal(f"http://127.0.0.1:{listener.getsockname()[1]}/", seconds=0.1, unsure=True)
    assert told.startswith("the gateway does not answer")


async def test_an_answer_that_never_ends_is_not_waited_for() -> None:
    with dripping() as url:
        told = await refusal(url, seconds=0.2, unsure=True)
    assert told.startswith("the gateway does not answer")


async def test_a_gateway_that_is_down_has_not_taken_the_message() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert (await refusal(f"http://127.0.0.1:{port}/")).startswith("the gateway cannot be reached")


@pytest.mark.parametrize("url", ["https://", "nothing", "https://a:b/", "https://[::g]/", "https://xn--/"])
async def test_an_address_that_is_none_is_an_undelivered_message_and_no_crash(url: str) -> None:
    assert (await refusal(url)).startswith("the gateway cannot be reached")


async def test_a_header_that_cannot_be_sent_does_not_show_itself_in_the_refusal() -> None:
    with answering(200) as server:
        told = await refusal(server.url, header=f"{AUTHORIZATION}\nx: y")
    assert told.startswith("the gateway cannot be reached")


@pytest.mark.parametrize("text", ['"}, "to": "+1', "\\", '{to} {text} {"a": 1}', "\n\x00", "ë 🔑"])
async def test_no_text_breaks_out_of_its_place_in_the_json(text: str) -> None:
    with answering(200) as server:
        async with sms(server.url, body={"to": "{to}", "text": "{text}"}) as gateway:
            await gateway.send(to=PHONE, text=text)
    assert json.loads(server.asked[0][2]) == {"to": PHONE, "text": text}


async def test_a_proxy_of_the_environment_does_not_see_the_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(200) as proxy, answering(200) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with sms(server.url) as gateway:
            await gateway.send(to=PHONE, text=TEXT)
    assert len(server.asked) == 1
    assert proxy.asked == []
