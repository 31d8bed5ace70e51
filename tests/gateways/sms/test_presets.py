"""The presets, each as its maker documents it: what is asked, what is yes, and what the receipts say."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from idp.gateways.sms.http import HttpSms
from idp.gateways.sms.presets import receipts_of, template_of
from idp.gateways.sms.receipts import ReceiptCall, ReceiptDoor
from idp.gateways.sms.template import HttpTemplate
from idp.model.messages.message import Carried, DeliveryState, Receipt
from idp.model.secret import Secret
from idp.ports import MessageUndeliveredError
from idp.settings.gateways import Preset, SmsGateway, SmsReceipts
from tests.gateways.sms.http_server import Gateway, answering

pytestmark = pytest.mark.anyio
PHONE, TEXT = "+355692000101", "Kodi i verifikimit: 481516"
CALLBACK = "https://login.bank.example/sms-receipts/main"
BASIC = "Basic " + base64.b64encode(b"ACCOUNT:of-the-gateway").decode()

YES: dict[Preset, Any] = {
    "twilio": {"sid": "SM1", "status": "queued", "error_code": None},
    "vonage": {"message-count": "1", "messages": [{"to": "355", "message-id": "0A1", "status": "0"}]},
    "infobip": {"messages": [{"messageId": "i-1", "status": {"groupName": "PENDING", "groupId": 1}}]},
    "messagebird": {"id": "mb1", "recipients": {"items": [{"recipient": 355, "status": "sent"}]}},
}
IDS: dict[Preset, str] = {"twilio": "SM1", "vonage": "0A1", "infobip": "i-1", "messagebird": "mb1"}
NO: dict[Preset, Any] = {
    "twilio": {"sid": "SM1", "status": "failed", "error_code": 21211},
    "vonage": {"message-count": "1", "messages": [{"status": "4", "error-text": "Bad Credentials"}]},
    "infobip": {"messages": [{"messageId": "i-1", "status": {"groupName": "REJECTED", "groupId": 5}}]},
    "messagebird": {"id": "mb1", "recipients": {"items": [{"recipient": 355, "status": "delivery_failed"}]}},
}


def preset(name: Preset, server: Gateway, **changed: Any) -> HttpTemplate:
    """The template of a preset, with its server in place of its maker's."""
    template = template_of(SmsGateway(preset=name, account="ACCOUNT", sender="BANKA", **changed))
    assert template.url.startswith("https://")
    return msgspec.structs.replace(template, url=server.url)


async def sent(template: HttpTemplate, *, callback: str = CALLBACK, text: str = TEXT) -> Carried:
    settled = {"account": "ACCOUNT", "sender": "BANKA", "callback": callback}
    gateway = HttpSms(template, name="main", secret=Secret("of-the-gateway"), settled=settled)
    try:
        return await gateway.send(to=PHONE, text=text)
    finally:
        await gateway.close()


def form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode(), strict_parsing=True).items()}


async def test_twilio_is_asked_as_documented() -> None:
    with answering(201, json.dumps(YES["twilio"]).encode()) as server:
        await sent(preset("twilio", server))
    ((_, headers, body),) = server.asked
    assert headers["authorization"] == BASIC
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert form(body) == {"To": PHONE, "From": "BANKA", "Body": TEXT, "StatusCallback": CALLBACK}


def test_an_account_stands_in_the_address_where_the_preset_says_so() -> None:
    assert "{account}" in template_of(SmsGateway(preset="twilio")).url
    assert "{account}" in template_of(SmsGateway(preset="infobip")).url


@pytest.mark.parametrize(("text", "kind"), [(TEXT, "text"), ("Kodi juaj është 481516", "unicode")])
async def test_vonage_is_asked_as_documented(text: str, kind: str) -> None:
    with answering(200, json.dumps(YES["vonage"]).encode()) as server:
        await sent(preset("vonage", server), text=text)
    ((_, headers, body),) = server.asked
    assert headers["authorization"] == BASIC
    assert form(body) == {"from": "BANKA", "to": PHONE[1:], "text": text, "type": kind, "callback": CALLBACK}


async def test_infobip_is_asked_as_documented() -> None:
    with answering(200, json.dumps(YES["infobip"]).encode()) as server:
        await sent(preset("infobip", server))
    ((_, headers, body),) = server.asked
    assert headers["authorization"] == "App of-the-gateway"
    message = {"from": "BANKA", "destinations": [{"to": PHONE[1:]}], "text": TEXT, "notifyUrl": CALLBACK}
    assert json.loads(body) == {"messages": [{**message, "notifyContentType": "application/json"}]}


async def test_messagebird_is_asked_as_documented() -> None:
    with answering(201, json.dumps(YES["messagebird"]).encode()) as server:
        await sent(preset("messagebird", server))
    ((_, headers, body),) = server.asked
    assert headers["authorization"] == "AccessKey of-the-gateway"
    asked = json.loads(body)
    assert (asked["originator"], asked["recipients"], asked["body"]) == ("BANKA", [PHONE[1:]], TEXT)
    assert asked["reportUrl"] == CALLBACK


@pytest.mark.parametrize("name", list(YES))
async def test_a_yes_is_known_with_the_messages_id(name: Preset) -> None:
    with answering(200, json.dumps(YES[name]).encode()) as server:
        assert await sent(preset(name, server)) == Carried(gateway="main", message_id=IDS[name])


@pytest.mark.parametrize("name", list(NO))
async def test_a_no_that_comes_with_a_good_status_is_a_no(name: Preset) -> None:
    with answering(200, json.dumps(NO[name]).encode()) as server, pytest.raises(MessageUndeliveredError) as refused:
        await sent(preset(name, server))
    assert refused.value.of_message
    assert not refused.value.perhaps_sent


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"messages": 1}', b"[" * 100_000])
async def test_an_answer_that_says_nothing_leaves_it_open_whether_the_message_is_on_its_way(content: bytes) -> None:
    with answering(200, content) as server, pytest.raises(MessageUndeliveredError) as refused:
        await sent(preset("vonage", server))
    assert refused.value.perhaps_sent


@pytest.mark.parametrize("name", list(YES))
async def test_without_receipts_no_address_for_them_is_told(name: Preset) -> None:
    with answering(200, json.dumps(YES[name]).encode()) as server:
        await sent(preset(name, server), callback="")
    for told in (b"callback", b"StatusCallback", b"notifyUrl", b"reportUrl"):
        assert told not in server.asked[0][2].split(b"notifyContentType")[0]


async def test_a_setting_takes_the_place_of_what_the_preset_says() -> None:
    with answering(200, b'{"ok": true, "n": 7}') as server:
        changed = preset(
            "twilio",
            server,
            headers={"X-Key": "{secret}"},
            body={"number": "{to}"},
            accepted_at="ok",
            accepted=("true",),
            message_id_at="n",
        )
        assert (await sent(changed)).message_id == "7"
    ((_, headers, body),) = server.asked
    assert headers["x-key"] == "of-the-gateway"
    assert form(body) == {"number": PHONE}


async def test_a_gateway_may_be_asked_by_get_and_no_value_breaks_out_of_the_address() -> None:
    with answering(200) as server:
        template = HttpTemplate(method="GET", url=f"{server.url}?to={{to}}&text={{text}}&key={{secret}}")
        await sent(template, text="a&to=+1#{secret}")
    ((path, headers, body),) = server.asked
    assert path == "/messages?to=%2B355692000101&text=a%26to%3D%2B1%23%7Bsecret%7D&key=of-the-gateway"
    assert body == b""
    assert "content-type" not in headers


RECEIPTS: list[tuple[Preset, str, bytes, bytes]] = [
    ("twilio", "delivered", b"", b"MessageSid=M&MessageStatus=delivered&To=%2B355"),
    ("twilio", "undelivered", b"", b"MessageSid=M&MessageStatus=undelivered&ErrorCode=30003"),
    ("twilio", "accepted", b"", b"MessageSid=M&MessageStatus=sent"),
    ("vonage", "delivered", b"", b'{"messageId": "M", "status": "delivered", "err-code": "0"}'),
    ("vonage", "undelivered", b"", b'{"messageId": "M", "status": "rejected", "err-code": "6"}'),
    ("vonage", "accepted", b"messageId=M&status=buffered", b""),
    ("infobip", "delivered", b"", b'{"results": [{"messageId": "M", "status": {"groupName": "DELIVERED"}}]}'),
    ("infobip", "undelivered", b"", b'{"results": [{"messageId": "M", "status": {"groupName": "EXPIRED"}}]}'),
    ("messagebird", "delivered", b"id=M&reference=hyrja&recipient=355&status=delivered", b""),
    ("messagebird", "undelivered", b"id=M&status=delivery_failed&statusReason=carrier", b""),
]


@pytest.mark.parametrize(("name", "state", "query", "body"), RECEIPTS)
def test_a_receipt_says_what_its_gateway_means(name: Preset, state: str, query: bytes, body: bytes) -> None:
    receipts = SmsReceipts(proof="path", secret_file="")
    door = ReceiptDoor(gateway="main", template=receipts_of(name, receipts), proof="path", secret=Secret("the secret"))
    kind = "application/json; charset=utf-8" if body.startswith(b"{") else "application/x-www-form-urlencoded"
    call = ReceiptCall(
        address=CALLBACK, proof_in_path="the secret", query=query, headers={"content-type": kind}, body=body
    )
    assert door.receipts(call) == [Receipt(gateway="main", message_id="M", state=DeliveryState(state))]
