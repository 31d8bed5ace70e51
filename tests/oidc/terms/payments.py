"""A bank whose API takes payments that were agreed to one by one, and a client that may ask for them."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from idp.model.client import Client
from idp.model.oauth import GrantTerms
from idp.model.secret import Secret
from tests.oidc.harness import CLIENTS, SECRET, Bank

API = "https://api.bank.al/payments"
OTHER_API = "https://api.bank.al/accounts"
NAMED = "https://cards.bank.al/"
SCHEMA: dict[str, Any] = {
    "properties": {
        "amount": {"$ref": "#/$defs/amount"},
        "creditor": {"type": "string", "maxLength": 34},
        "urgent": {"type": "boolean"},
    },
    "required": ["amount", "creditor"],
    "$defs": {
        "amount": {
            "type": "object",
            "properties": {
                "value": {"type": "string", "pattern": "^[0-9]+\\.[0-9]{2}$"},
                "currency": {"enum": ["ALL"]},
            },
            "required": ["value", "currency"],
            "additionalProperties": False,
        }
    },
}
OPEN_SCHEMA: dict[str, Any] = {"additionalProperties": True}
PAYMENT: dict[str, Any] = {
    "type": "payment",
    "amount": {"value": "12.50", "currency": "ALL"},
    "creditor": "AL47212110090000000235698741",
}
OTHER_PAYMENT = {**PAYMENT, "creditor": "AL35202111090000000001234567"}
PAYMENTS = Client(client_id="payments", secret=Secret(SECRET), resources=(API, OTHER_API), standard_flow=False)
CARDS = Client(client_id=NAMED, secret=Secret(SECRET), standard_flow=False)
CLOSED = Client(client_id="closed", enabled=False, secret=Secret(SECRET), resources=("https://closed.bank.al/",))
TERMS = GrantTerms(resources=(API, OTHER_API), authorization_details=(PAYMENT, OTHER_PAYMENT))


def open_payments(bank: Bank) -> Bank:
    """Add the API and the types; `app` may ask for them, `other` may not."""
    app = msgspec.structs.replace(CLIENTS["app"], authorization_details_types=("payment", "open"), service_account=True)
    servers = {client.client_id: client for client in (PAYMENTS, CARDS, CLOSED)}
    bank.realm = msgspec.structs.replace(
        bank.realm,
        clients={**bank.realm.clients, **servers, "app": app},
        authorization_details_types={"payment": SCHEMA, "open": OPEN_SCHEMA, "unused": {}},
    )
    return bank


def text(*details: Any) -> str:
    return json.dumps(list(details))
