"""What a gateway tells of messages, at an address of ours: proven, read, and handed on.

A receipt opens nothing and sends nothing: it can only say of a known message that it arrived or that it did not. It is
proven all the same, or anybody could tell customers that their messages got lost.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from idp.gateways.sms.template import found_at, member_at
from idp.model.messages.message import DeliveryState, Receipt
from idp.model.secret import Secret
from idp.model.struct import Frozen
from idp.web.forms import FormError, single_values

_MOST_RECEIPTS = 100
_LONGEST_ID = 128

Proof = Literal["path", "authorization", "hmac-sha256", "twilio"]


class UnprovenReceiptError(Exception):
    """Nothing proves that the gateway sent it."""


class UnreadableReceiptError(Exception):
    """It is not what the gateway's receipts look like; the text says why."""


class ReceiptTemplate(Frozen, frozen=True, kw_only=True):
    """Where a receipt says what: paths as in `idp.gateways.sms.template`."""

    message_id: str
    state: str
    delivered: frozenset[str]
    undelivered: frozenset[str]
    each: str = ""


class ReceiptCall(Frozen, frozen=True, kw_only=True):
    """One call of a gateway. `address` is the one that the gateway was told, `proof_in_path` what stood behind it."""

    address: str
    proof_in_path: str = ""
    query: bytes = b""
    headers: Mapping[str, str] = {}
    body: bytes = b""


class ReceiptDoor:
    """The receipts of one gateway."""

    def __init__(
        self, *, gateway: str, template: ReceiptTemplate, proof: Proof, secret: Secret, header: str = ""
    ) -> None:
        self.gateway = gateway
        self._template = template
        self._proof = proof
        self._secret = secret
        self._header = header.lower()

    def receipts(self, call: ReceiptCall) -> list[Receipt]:
        """Return what is told; raises `UnprovenReceiptError` or `UnreadableReceiptError`."""
        if not self._is_proven(call):
            raise UnprovenReceiptError
        return list(self._read(_document(call)))

    def _is_proven(self, call: ReceiptCall) -> bool:
        secret = self._secret
        match self._proof:
            case "path":
                return secret.matches(call.proof_in_path)
            case "authorization":
                return secret.matches(call.headers.get("authorization", ""))
            case "hmac-sha256":
                expected = hmac.digest(secret.reveal().encode(), call.body, "sha256").hex()
                return _same(expected, call.headers.get(self._header, "").removeprefix("sha256=").lower())
            case "twilio":
                return _same(_twilio_signature(secret, call), call.headers.get("x-twilio-signature", ""))

    def _read(self, document: Any) -> Iterator[Receipt]:
        told = member_at(document, self._template.each) if self._template.each else [document]
        if not isinstance(told, list) or len(told) > _MOST_RECEIPTS:
            raise UnreadableReceiptError("there is no list of receipts of a size that is read")
        for one in told:
            message_id, state = found_at(one, self._template.message_id), found_at(one, self._template.state)
            if not message_id or state is None or len(message_id) > _LONGEST_ID:
                raise UnreadableReceiptError("a receipt has no message id or no state")
            yield Receipt(gateway=self.gateway, message_id=message_id, state=self._state(state))

    def _state(self, told: str) -> DeliveryState:
        if told in self._template.delivered:
            return DeliveryState.DELIVERED
        return DeliveryState.UNDELIVERED if told in self._template.undelivered else DeliveryState.ACCEPTED


def _document(call: ReceiptCall) -> Any:
    """Read JSON or a form; or, where there is no body, the query. A repeated member is refused: it has two meanings."""
    try:
        if not call.body:
            return single_values(call.query)
        if call.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
            return msgspec.json.decode(call.body)
        return single_values(call.body)
    except (FormError, msgspec.DecodeError, RecursionError):
        raise UnreadableReceiptError("it is neither a form of single values nor JSON") from None


def _twilio_signature(secret: Secret, call: ReceiptCall) -> str:
    """Return what Twilio signs: the address and then the form's fields by name, each with its value."""
    try:
        fields = single_values(call.body)
    except FormError:
        return ""
    query = f"?{call.query.decode('latin-1')}" if call.query else ""
    signed = call.address + query + "".join(name + fields[name] for name in sorted(fields))
    # SHA-1 is Twilio's choice; as HMAC it is not broken, and a receipt opens nothing.
    made = hmac.new(secret.reveal().encode(), signed.encode(), hashlib.sha1)
    return base64.b64encode(made.digest()).decode()


def _same(expected: str, given: str) -> bool:
    return bool(expected) and hmac.compare_digest(expected.encode(), given.encode())
