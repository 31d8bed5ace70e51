"""The letters of text messages: the GSM alphabet (3GPP TS 23.038 §6.2.1), UCS-2, and messages of several parts."""

from __future__ import annotations

from idp.model.struct import Frozen

_ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPE = 0x1B
_EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
_SEPTETS: dict[str, bytes] = {letter: bytes([code]) for code, letter in enumerate(_ALPHABET) if code != _ESCAPE} | {
    letter: bytes([_ESCAPE, code]) for letter, code in _EXTENSION.items()
}
GSM, UCS2 = 0, 8
"""The data codings of SMPP 3.4 §5.2.19."""

_WHOLE = {GSM: 160, UCS2: 140}  # septets, octets
_PART = {GSM: 153, UCS2: 134}
_MOST_PARTS = 10  # a code needs one; nothing here writes letters


class Parts(Frozen, frozen=True, kw_only=True):
    """A text as it is sent: one octet a septet where the coding is GSM, big-endian UTF-16 where it is UCS-2."""

    coding: int
    parts: tuple[bytes, ...]


def fits_gsm(text: str) -> bool:
    """Tell whether every letter is one of the GSM alphabet. One that is not (ë, ç) doubles the price of a message."""
    return all(letter in _SEPTETS for letter in text)


def parts_of(text: str) -> Parts:
    """Cut a text into the parts that fit into a message; raises `ValueError` for one that is far too long."""
    coding = GSM if fits_gsm(text) else UCS2
    letters = [_SEPTETS[letter] if coding == GSM else letter.encode("utf-16-be", "replace") for letter in text]
    if sum(map(len, letters)) <= _WHOLE[coding]:
        return Parts(coding=coding, parts=(b"".join(letters),))
    parts = [b""]
    for letter in letters:  # an escape or a surrogate is never parted from what it belongs to
        if len(parts[-1]) + len(letter) > _PART[coding]:
            parts.append(b"")
        parts[-1] += letter
    if len(parts) > _MOST_PARTS:
        raise ValueError("The text is too long for a message.")
    return Parts(coding=coding, parts=tuple(parts))


def with_header(part: bytes, *, reference: int, count: int, number: int) -> bytes:
    """Put the header of a concatenated message in front of a part (3GPP TS 23.040 §9.2.3.24.1)."""
    return bytes((5, 0, 3, reference % 256, count, number)) + part
