from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.web.forms import FormError, single_values
from idp.web.http import (
    BodyTooLargeError,
    ClientGoneError,
    Message,
    Receive,
    Reply,
    Request,
    json_reply,
    read_body,
    send_reply,
)


def request(*headers: tuple[str, str], **scope: Any) -> Request:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return Request({"method": "GET", "path": "/", "headers": raw, **scope})


def receiving(messages: Sequence[Message]) -> Receive:
    rest = iter(messages)

    async def receive() -> Message:
        return next(rest)

    return receive


def test_headers_are_found_in_any_case() -> None:
    assert request(("authorization", "Basic x")).header("Authorization") == "Basic x"
    assert request().header("Authorization") is None


def test_a_repeated_header_is_one_list() -> None:
    assert request(("authorization", "Basic x"), ("authorization", "Bearer y")).header("authorization") == (
        "Basic x, Bearer y"
    )


@pytest.mark.parametrize(
    ("header", "value"),
    [("a=1; b=2", "2"), ("b=2;a=1", "2"), ("b=2; b=3", "2"), ("bb=1", None), ("b", ""), ("a=b=2", None), ("", None)],
)
def test_a_cookie_is_found_by_its_whole_name(header: str, value: str | None) -> None:
    assert request(("cookie", header)).cookie("b") == value


def test_cookies_may_come_in_several_headers() -> None:
    assert request(("cookie", "a=1"), ("cookie", "b=2")).cookie("b") == "2"


@pytest.mark.parametrize(
    ("content_type", "is_form"),
    [
        ("application/x-www-form-urlencoded", True),
        ("Application/X-WWW-Form-Urlencoded; charset=UTF-8", True),
        ("application/json", False),
        ("multipart/form-data; boundary=application/x-www-form-urlencoded", False),
    ],
)
def test_a_form_is_known_by_its_media_type(content_type: str, is_form: bool) -> None:  # noqa: FBT001 - a table's column
    assert request(("content-type", content_type)).has_form is is_form


def test_the_address_of_a_connection_may_be_unknown() -> None:
    assert request().remote_address is None
    assert request(client=("192.0.2.1", 4711)).remote_address == "192.0.2.1"


@pytest.mark.anyio
async def test_a_body_is_read_in_pieces() -> None:
    pieces: list[Message] = [
        {"type": "http.request", "body": b"ab", "more_body": True},
        {"type": "http.request", "body": b"c"},
    ]
    assert await read_body(receiving(pieces), 3) == b"abc"


@pytest.mark.anyio
async def test_a_body_over_the_limit_is_not_read_to_its_end() -> None:
    endless = [{"type": "http.request", "body": b"ab", "more_body": True}] * 2
    with pytest.raises(BodyTooLargeError):
        await read_body(receiving(endless), 3)


@pytest.mark.anyio
async def test_a_client_that_goes_away_is_noticed() -> None:
    gone: list[Message] = [{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}]
    with pytest.raises(ClientGoneError):
        await read_body(receiving(gone), 3)


@pytest.mark.anyio
@pytest.mark.parametrize("head", [False, True])
async def test_a_reply_is_sent_with_its_length_and_without_guessing(head: bool) -> None:  # noqa: FBT001 - a table's column
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await send_reply(send, json_reply({"a": 1}), head=head)
    start, body = sent
    headers = dict(start["headers"])
    assert start["status"] == 200
    assert headers[b"content-length"] == b"7"
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert body["body"] == (b"" if head else b'{"a":1}')


def test_headers_are_added_to_a_copy() -> None:
    reply = Reply(204)
    assert reply.with_headers((b"allow", b"GET")).headers == ((b"allow", b"GET"),)
    assert reply.headers == ()


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (b"", {}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=1&&b=2&", {"a": "1", "b": "2"}),
        (b"a=x+y%20z", {"a": "x y z"}),
        (b"a=%2B", {"a": "+"}),
        (b"a=%C3%AB", {"a": "ë"}),
        ("a=ë".encode(), {"a": "ë"}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a", {"a": ""}),
        (b"a=%zz", {"a": "%zz"}),
        (b"a%3D=1", {"a=": "1"}),
    ],
)
def test_parameters_are_read_as_a_browser_writes_them(body: bytes, values: dict[str, str]) -> None:
    assert single_values(body) == values


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"a=1&a=2", id="CVE-2026-9689 repeated"),
        pytest.param(b"a=1&a=1", id="repeated with the same value"),
        pytest.param(b"a=1&%61=2", id="repeated in another spelling"),
        pytest.param(b"a=%ff", id="not UTF-8"),
        pytest.param(b"\xff=1", id="a name that is not UTF-8"),
        pytest.param(b"a=%ED%A0%80", id="a surrogate"),
        pytest.param(b"&".join(b"a%d=1" % number for number in range(65)), id="65 fields"),
        pytest.param(b"a=" + b"x" * 65_536, id="over 64 KiB"),
    ],
)
def test_parameters_that_can_be_read_in_two_ways_are_refused(body: bytes) -> None:
    with pytest.raises(FormError):
        single_values(body)


@given(st.binary(max_size=200))
def test_no_form_raises_anything_but_a_form_error(body: bytes) -> None:
    try:
        values = single_values(body)
    except FormError:
        return
    assert all(isinstance(value, str) for value in values.values())
