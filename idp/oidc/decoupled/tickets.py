"""What the client polls with and what the person brings: how they are drawn, spelled, and kept.

The store knows neither. A device code is random and kept as its digest. A user code has only 34 bits, so a digest of it
could be turned back by trying them all: it is kept under a key of the realm. An `auth_req_id` is derived under that key
from a salt, because a ping has to name it again.
"""

from __future__ import annotations

import hmac

from idp.crypto.base64url import base64url
from idp.oidc.provider import Provider
from idp.ports import RandomBytes

_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""RFC 8628 §6.1: 20 letters that no word can be made of and that no keyboard lacks; 8 of them are 34.5 bits."""
_LENGTH = 8
_FAIR = 256 - 256 % len(_LETTERS)  # a byte from here on would make the first letters likelier
_LONGEST_TYPED = 64


def new_user_code(random: RandomBytes) -> str:
    """Return a fresh user code in the form in which it is shown: `WDJB-MJHT`."""
    letters = ""
    while len(letters) < _LENGTH:
        letters += "".join(_LETTERS[byte % len(_LETTERS)] for byte in random(_LENGTH) if byte < _FAIR)
    return f"{letters[: _LENGTH // 2]}-{letters[_LENGTH // 2 : _LENGTH]}"


def typed_user_code(text: str) -> str | None:
    """Return the user code that somebody typed, in the form in which it is shown; None if it cannot be one.

    Case, spaces and punctuation do not count (RFC 8628 §6.1).
    """
    typed = "".join(letter for letter in text[:_LONGEST_TYPED] if letter.isalnum())
    letters = typed.upper()  # which may be longer: ß is two letters, and none of ours
    if not typed.isascii() or len(letters) != _LENGTH or any(letter not in _LETTERS for letter in letters):
        return None
    return f"{letters[: _LENGTH // 2]}-{letters[_LENGTH // 2 :]}"


def ticket_of(provider: Provider, kind: str, brought: str) -> str:
    """Return what the store keeps of a person's ticket; a ticket of one kind is none of the other."""
    return _keyed(provider, "pending-ticket", kind, brought)


def authentication_request_id(provider: Provider, salt: str) -> str:
    """Return the `auth_req_id` that belongs to a salt: 256 bits that nobody without the realm's key can make."""
    return _keyed(provider, "auth-req-id", salt)


def _keyed(provider: Provider, *parts: str) -> str:
    message = "\0".join((provider.name, *parts))
    return base64url(hmac.digest(provider.keys.code_key, message.encode(), "sha256"))
