"""Receipts of gateways: only from who proves to be the gateway, and only as they are meant to look."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.gateways.sms.receipts import (
    Proof,
    ReceiptCall,
    ReceiptDoor,
    ReceiptTemplate,
    UnprovenReceiptError,
    UnreadableReceiptError,
)
from idp.model.messages.message import DeliveryState, Receipt, merged
from idp.model.secret import Secret

SECRET = "the secret of the gateway"
TEMPLATE = ReceiptTemplate(
    message_id="id", state="state", delivered=frozenset({"arrived"}), undelivered=frozenset({"lost"})
)
ADDRESS = "https://login.bank.example/sms-receipts/main"
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
SIGNATURE = "x-twilio-signature"
BODY = b'{"id": "M", "state": "arrived"}'
ARRIVED = [Receipt(gateway="main", message_id="M", state=DeliveryState.DELIVERED)]


def door(proof: Proof = "path", template: ReceiptTemplate = TEMPLATE) -> ReceiptDoor:
    return ReceiptDoor(gateway="main", template=template, proof=proof, secret=Secret(SECRET), header="X-Signature")


def call(
    body: bytes = BODY, headers: Mapping[str, str] = JSON, *, secret: str = SECRET, query: bytes = b""
) -> ReceiptCall:
    return ReceiptCall(address=ADDRESS, proof_in_path=secret, query=query, headers={**JSON, **headers}, body=body)


def test_a_secret_in_the_address_proves_a_receipt() -> None:
    assert door().receipts(call()) == ARRIVED
    for wrong in ("", SECRET[:-1], SECRET + "x"):
        with pytest.raises(UnprovenReceiptError):
            door().receipts(call(secret=wrong))


def test_a_header_proves_a_receipt_and_the_address_does_not() -> None:
    assert door("authorization").receipts(call(headers={"authorization": SECRET})) == ARRIVED
    for headers in ({}, {"authorization": ""}, {"authorization": "other"}):
        with pytest.raises(UnprovenReceiptError):
            door("authorization").receipts(call(headers=headers))


def test_the_hmac_of_the_body_proves_a_receipt_and_no_other_body() -> None:
    made = hmac.digest(SECRET.encode(), BODY, "sha256").hex()
    for written in (made, made.upper(), f"sha256={made}"):
        assert door("hmac-sha256").receipts(call(headers={"x-signature": written})) == ARRIVED
    for body, written in ((BODY + b" ", made), (BODY, ""), (BODY, made[:-1] + "g")):
        with pytest.raises(UnprovenReceiptError):
            door("hmac-sha256").receipts(call(body, {"x-signature": written}))


def twilio_signed(address: str, fields: dict[str, str], secret: str = SECRET) -> str:
    text = address + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def test_twilios_signature_proves_its_fields_at_our_address() -> None:
    fields = {"state": "arrived", "id": "M", "To": "+355692000101"}
    body = b"state=arrived&id=M&To=%2B355692000101"
    good = twilio_signed(ADDRESS, fields)
    assert door("twilio").receipts(call(body, {**FORM, SIGNATURE: good})) == ARRIVED
    with_query = twilio_signed(f"{ADDRESS}?a=b", fields)
    assert door("twilio").receipts(call(body, {**FORM, SIGNATURE: with_query}, query=b"a=b")) == ARRIVED
    others = (
        (body, twilio_signed("https://other.example/sms-receipts/main", fields)),
        (body, twilio_signed(ADDRESS, fields, "another secret")),
        (body.replace(b"arrived", b"lost"), good),
        (body + b"&state=lost", good),
        (body, ""),
    )
    for other, signature in others:
        with pytest.raises(UnprovenReceiptError):
            door("twilio").receipts(call(other, {**FORM, SIGNATURE: signature}))


def test_twilios_own_example_is_signed_as_twilio_signs_it() -> None:
    # https://www.twilio.com/docs/usage/security#validating-requests, with its auth token and fields.
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675310",
        "Digits": "1234",
        "From": "+14158675310",
        "To": "+18005551212",
    }
    template = msgspec.structs.replace(TEMPLATE, message_id="CallSid", state="Digits")
    door = ReceiptDoor(gateway="main", template=template, proof="twilio", secret=Secret("12345"))
    signed = ReceiptCall(
        address="https://mycompany.com/myapp.php",
        query=b"foo=1&bar=2",
        headers={"x-twilio-signature": "GvWf1cFY/Q7PnoempGyD5oXAezc="},
        body=urlencode(fields).encode(),
    )
    assert door.receipts(signed)[0].message_id == "CA1234567890ABCDE"


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"{",
        b'{"id": "M"}',
        b'{"id": {}, "state": "arrived"}',
        b'{"id": "", "state": "arrived"}',
        json.dumps({"id": "M" * 129, "state": "arrived"}).encode(),
        b"[" * 200_000,
    ],
)
def test_what_is_no_receipt_is_not_read(body: bytes) -> None:
    with pytest.raises(UnreadableReceiptError):
        door().receipts(call(body))


def test_a_receipt_that_says_something_twice_is_not_read() -> None:
    with pytest.raises(UnreadableReceiptError):
        door().receipts(call(b"id=M&state=arrived&state=lost", FORM))
    with pytest.raises(UnreadableReceiptError):
        door().receipts(call(b"", query=b"id=M&id=N&state=lost"))


def test_no_more_than_a_hundred_receipts_come_at_once() -> None:
    many = msgspec.structs.replace(TEMPLATE, each="all")
    one = {"id": "M", "state": "lost"}
    assert len(door(template=many).receipts(call(json.dumps({"all": [one] * 100}).encode()))) == 100
    with pytest.raises(UnreadableReceiptError):
        door(template=many).receipts(call(json.dumps({"all": [one] * 101}).encode()))


@given(st.binary(max_size=300), st.binary(max_size=100), st.sampled_from(["application/json", "text/plain", ""]))
def test_any_bytes_are_read_or_refused(body: bytes, query: bytes, kind: str) -> None:
    try:
        receipts = door().receipts(call(body, {"content-type": kind}, query=query))
    except UnreadableReceiptError:
        return
    assert all(receipt.message_id for receipt in receipts)


@given(st.lists(st.sampled_from(list(DeliveryState)), max_size=6))
def test_whatever_order_receipts_come_in_the_first_end_is_the_end(told: list[DeliveryState]) -> None:
    state = DeliveryState.ACCEPTED
    for one in told:
        state = merged(state, one)
    ends = [one for one in told if one is not DeliveryState.ACCEPTED]
    assert state is (ends[0] if ends else DeliveryState.ACCEPTED)
