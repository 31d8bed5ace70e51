"""What the common gateways want, so that an operator writes account, secret and sender only.

As they are documented by their makers (docs/operations.md has the addresses).
"""

from __future__ import annotations

from typing import Any

import msgspec

from idp.gateways.sms.receipts import ReceiptTemplate
from idp.gateways.sms.template import HttpTemplate
from idp.settings.gateways import Preset, SmsGateway, SmsReceipts

_TEMPLATES: dict[Preset, HttpTemplate] = {
    "twilio": HttpTemplate(
        url="https://api.twilio.com/2010-04-01/Accounts/{account}/Messages.json",
        headers={"authorization": "Basic {basic}"},
        encoding="form",
        body={"To": "{to}", "From": "{sender}", "Body": "{text}", "StatusCallback": "{callback}"},
        accepted_at="status",
        accepted=("accepted", "scheduled", "queued", "sending", "sent", "delivered"),
        message_id_at="sid",
    ),
    "vonage": HttpTemplate(
        url="https://rest.nexmo.com/sms/json",
        headers={"authorization": "Basic {basic}"},
        encoding="form",
        body={"from": "{sender}", "to": "{to_digits}", "text": "{text}", "type": "{coding}", "callback": "{callback}"},
        # 200 whatever happened: only this says whether the message was taken.
        accepted_at="messages.0.status",
        accepted=("0",),
        message_id_at="messages.0.message-id",
    ),
    "infobip": HttpTemplate(
        url="https://{account}.api.infobip.com/sms/2/text/advanced",
        headers={"authorization": "App {secret}", "accept": "application/json"},
        body={
            "messages": [
                {
                    "from": "{sender}",
                    "destinations": [{"to": "{to_digits}"}],
                    "text": "{text}",
                    "notifyUrl": "{callback}",
                    "notifyContentType": "application/json",
                }
            ]
        },
        accepted_at="messages.0.status.groupName",
        accepted=("ACCEPTED", "PENDING", "DELIVERED"),
        message_id_at="messages.0.messageId",
    ),
    "messagebird": HttpTemplate(
        url="https://rest.messagebird.com/messages",
        headers={"authorization": "AccessKey {secret}"},
        body={
            "originator": "{sender}",
            "recipients": ["{to_digits}"],
            "body": "{text}",
            "datacoding": "auto",
            "reportUrl": "{callback}",
            "reference": "hyrja",
        },
        accepted_at="recipients.items.0.status",
        accepted=("scheduled", "buffered", "sent", "delivered"),
        message_id_at="id",
    ),
}

_RECEIPTS: dict[Preset, ReceiptTemplate] = {
    "twilio": ReceiptTemplate(
        message_id="MessageSid",
        state="MessageStatus",
        delivered=frozenset({"delivered", "read"}),
        undelivered=frozenset({"undelivered", "failed", "canceled"}),
    ),
    "vonage": ReceiptTemplate(
        message_id="messageId",
        state="status",
        delivered=frozenset({"delivered"}),
        undelivered=frozenset({"expired", "failed", "rejected"}),
    ),
    "infobip": ReceiptTemplate(
        each="results",
        message_id="messageId",
        state="status.groupName",
        delivered=frozenset({"DELIVERED"}),
        undelivered=frozenset({"UNDELIVERABLE", "EXPIRED", "REJECTED"}),
    ),
    "messagebird": ReceiptTemplate(
        message_id="id",
        state="status",
        delivered=frozenset({"delivered"}),
        undelivered=frozenset({"delivery_failed", "expired"}),
    ),
}


def template_of(gateway: SmsGateway) -> HttpTemplate:
    """Return how a gateway is asked: as its preset says, changed by what the settings say themselves."""
    said: dict[str, Any] = {
        "url": gateway.url,
        "headers": gateway.headers,
        "body": gateway.body,
        "accepted_at": gateway.accepted_at,
        "accepted": gateway.accepted,
        "message_id_at": gateway.message_id_at,
    }
    given = {name: value for name, value in said.items() if value}
    preset = _TEMPLATES.get(gateway.preset)
    if preset is None:
        return HttpTemplate(method=gateway.method, encoding=gateway.encoding, **{"url": "", **given})
    return msgspec.structs.replace(preset, **given)


def receipts_of(preset: Preset, receipts: SmsReceipts) -> ReceiptTemplate:
    """Return how a gateway's receipts are read."""
    said: dict[str, Any] = {
        "each": receipts.each,
        "message_id": receipts.message_id,
        "state": receipts.state,
        "delivered": frozenset(receipts.delivered),
        "undelivered": frozenset(receipts.undelivered),
    }
    given = {name: value for name, value in said.items() if value}
    known = _RECEIPTS.get(preset)
    return ReceiptTemplate(**given) if known is None else msgspec.structs.replace(known, **given)
