"""The language of SMPP 3.4, as far as it is spoken here: framing, binding, submitting, receipts. Pure functions.

What comes from the message centre is bounded and read strictly: what cannot be read is a `ValueError`, and the
connection ends. Section numbers are those of "SMPP Protocol Specification v3.4", issue 1.2.
"""

from __future__ import annotations

import re
import struct

from idp.model.messages.message import DeliveryState
from idp.model.struct import Frozen

_HEADER = struct.Struct(">IIII")  # §3.2
HEADER_SIZE = _HEADER.size
_LARGEST_PDU = 64 * 1024

# §5.1.2.1
GENERIC_NACK = 0x80000000
BIND_TRANSCEIVER = 0x00000009
SUBMIT_SM = 0x00000004
DELIVER_SM = 0x00000005
UNBIND = 0x00000006
ENQUIRE_LINK = 0x00000015
RESPONSE = 0x80000000

# §5.1.3
OK = 0x00000000
INVALID_COMMAND = 0x00000003
TRY_LATER = 0x00000064  # ESME_RX_T_APPN: repeat this receipt
_OF_THE_MESSAGE = frozenset({0x01, 0x0A, 0x0B, 0x0C, 0x33, 0x34, 0x40, 0x48, 0x49, 0x61, 0x62})

_VERSION = 0x34
_INTERNATIONAL, _ALPHANUMERIC, _NETWORK = 1, 5, 3  # types of number, §5.2.5
_ISDN = 1  # numbering plan, §5.2.6
_UDH = 0x40  # §5.2.12: a header stands in front of the text
_RECEIPT = 0x04
_MESSAGE_TYPE = 0x3C
_FINAL_RECEIPT = 1  # §5.2.17: tell of success and of failure
_RECEIPTED_ID, _MESSAGE_STATE = 0x001E, 0x0427  # §5.3.2
_STATES = {2: DeliveryState.DELIVERED} | dict.fromkeys((3, 4, 5, 8), DeliveryState.UNDELIVERED)  # §5.2.28
_WORDS = {"DELIVRD": DeliveryState.DELIVERED} | dict.fromkeys(
    ("EXPIRED", "DELETED", "UNDELIV", "REJECTD"), DeliveryState.UNDELIVERED
)
_TOLD = re.compile(rb"id:\s*([^\s]{1,64})\s.*?stat:\s*([A-Za-z]{1,10})", re.DOTALL)  # appendix B


class Pdu(Frozen, frozen=True, kw_only=True):
    """One protocol data unit."""

    command: int
    sequence: int
    status: int = OK
    body: bytes = b""


def encoded(pdu: Pdu) -> bytes:
    """Return the octets of a PDU."""
    return _HEADER.pack(HEADER_SIZE + len(pdu.body), pdu.command, pdu.status, pdu.sequence) + pdu.body


def body_size(header: bytes) -> int:
    """Return how many octets follow a header; raises `ValueError` for a length that no PDU has."""
    length = int.from_bytes(header[:4])
    if not HEADER_SIZE <= length <= _LARGEST_PDU:
        raise ValueError("A PDU has an impossible length.")
    return length - HEADER_SIZE


def decoded(header: bytes, body: bytes) -> Pdu:
    """Return the PDU of a header and the octets that follow it."""
    _, command, status, sequence = _HEADER.unpack(header)
    return Pdu(command=command, status=status, sequence=sequence, body=body)


def bind_body(*, system_id: str, password: str, system_type: str) -> bytes:
    """Return the body of a `bind_transceiver` (§4.1.5): one connection for messages and for receipts."""
    texts = b"".join(map(_text, (system_id, password, system_type)))
    return texts + bytes((_VERSION, 0, 0)) + _text("")


def submit_body(*, sender: str, to: str, message: bytes, coding: int, has_header: bool) -> bytes:
    """Return the body of a `submit_sm` (§4.4.1) that asks for a receipt."""
    source_type, source_plan = _kind_of(sender)
    esm_class = _UDH if has_header else 0
    return b"".join(
        (
            _text(""),  # service type: the default one
            bytes((source_type, source_plan)),
            _text(sender.removeprefix("+")),
            bytes((_INTERNATIONAL, _ISDN)),
            _text(to.removeprefix("+")),
            bytes((esm_class, 0, 0)),
            _text(""),  # at once
            _text(""),  # valid for as long as the centre keeps it
            bytes((_FINAL_RECEIPT, 0, coding, 0, len(message))),
            message,
        )
    )


def message_id_in(response: Pdu) -> str:
    """Return the message id of a `submit_sm_resp` (§4.4.2)."""
    return response.body.partition(b"\0")[0].decode("ascii", "replace")


def is_of_message(status: int) -> bool:
    """Tell whether a refusal is about this message, its number or its sender, and not about the message centre."""
    return status in _OF_THE_MESSAGE


def receipt_in(pdu: Pdu) -> tuple[str, DeliveryState] | None:
    """Return what a `deliver_sm` tells of which message; None if it is no receipt, or one of nothing known.

    Raises `ValueError` for a body that ends too early.
    """
    reader = _Reader(pdu.body)
    reader.text()
    reader.skip(2)
    reader.text()
    reader.skip(2)
    reader.text()
    esm_class = reader.octet()
    reader.skip(2)
    reader.text()
    reader.text()
    reader.skip(4)
    message = reader.octets(reader.octet())
    if esm_class & _MESSAGE_TYPE != _RECEIPT:
        return None
    options = reader.options()
    told = _TOLD.search(message)
    message_id = options.get(_RECEIPTED_ID, b"").rstrip(b"\0") or (told[1] if told else b"")
    if not message_id:
        return None
    if _MESSAGE_STATE in options:
        state = _STATES.get(int.from_bytes(options[_MESSAGE_STATE]), DeliveryState.ACCEPTED)
    else:
        word = told[2].decode("ascii").upper() if told else ""
        state = _WORDS.get(word, DeliveryState.ACCEPTED)
    return message_id.decode("ascii", "replace"), state


def _kind_of(sender: str) -> tuple[int, int]:
    digits = sender.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return _ALPHANUMERIC, 0
    return (_INTERNATIONAL, _ISDN) if sender.startswith("+") else (_NETWORK, _ISDN)


def _text(value: str) -> bytes:
    encoded_value = value.encode("ascii")  # raises a ValueError (UnicodeError) for anything else
    if b"\0" in encoded_value:
        raise ValueError("A text holds its own end.")
    return encoded_value + b"\0"


class _Reader:
    """Reads a body from its beginning; raises `ValueError` where it ends too early."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def octets(self, count: int) -> bytes:
        found = self._body[self._at : self._at + count]
        if len(found) < count:
            raise ValueError("A PDU ends too early.")
        self._at += count
        return found

    def octet(self) -> int:
        return self.octets(1)[0]

    def skip(self, count: int) -> None:
        self.octets(count)

    def text(self) -> bytes:
        end = self._body.find(b"\0", self._at)
        if end < 0:
            raise ValueError("A text in a PDU has no end.")
        found, self._at = self._body[self._at : end], end + 1
        return found

    def options(self) -> dict[int, bytes]:
        found = {}
        while self._at < len(self._body):
            tag, length = int.from_bytes(self.octets(2)), int.from_bytes(self.octets(2))
            found[tag] = self.octets(length)
        return found
