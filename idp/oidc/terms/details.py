"""The parameter `authorization_details`: what exactly may be done, as JSON of types that the bank defines (RFC 9396).

A client sees one error for everything that is wrong with it (§5), and what is granted is never more than it asked for.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from jsonschema import Draft202012Validator

from idp.crypto.jose import TokenError, json_value
from idp.model.client import Client
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.provider import Provider
from idp.realms.tokens.authorization_details import validator_of

_LONGEST = 6 * 1024  # characters: what is granted stands in access tokens, which travel in headers
_MOST = 10
_INVISIBLE = frozenset({"Cc", "Zl", "Zp"})
_TURNING = frozenset(map(chr, (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))))
_DEEPEST = 12  # levels; people read them, and a schema may be recursive

Detail = dict[str, Any]


def read_details(provider: Provider, client: Client, text: str | None) -> tuple[Detail, ...]:
    """Return the authorization details of a request; none where there is no such parameter.

    Raises:
        OAuthError: `invalid_authorization_details`: not JSON, a type that is unknown or not this client's, or content
            that the type's schema does not allow, unknown fields included.

    """
    if text is None:
        return ()
    known = provider.derived(_validators)
    details = _objects(text)
    for detail in details:
        name = detail.get("type")
        if not isinstance(name, str) or name not in client.authorization_details_types or name not in known:
            raise _refused("type unknown, or not the client's")
        if not _is_valid(known[name], detail):
            raise _refused(f"the schema of {name} refuses it")
    return details


def narrowed_details(text: str | None, granted: tuple[Detail, ...]) -> tuple[Detail, ...]:
    """Return the details that a token request asks for, each of which was granted exactly so (RFC 9396 §6).

    Whether one payment is less than another is for no generic rule to say; a part of what was granted is some of it.
    """
    if text is None:
        return granted
    asked = _objects(text)
    # Compared as JSON, since to Python 1, 1.0 and true are equal; and counted, since two equal payments are two.
    if Counter(map(_canonical, asked)) - Counter(map(_canonical, granted)):
        raise _refused("more than was granted")
    return asked


def _canonical(detail: Detail) -> bytes:
    return msgspec.json.encode(detail, order="sorted")


def _objects(text: str) -> tuple[Detail, ...]:
    try:
        found = json_value(text.encode()) if len(text) <= _LONGEST else None
        msgspec.msgpack.encode(found)  # refuses what could not be kept: numbers beyond 64 bits, half surrogates
    except (TokenError, ValueError, OverflowError, RecursionError):
        raise _refused("not JSON that could be kept") from None
    if not isinstance(found, list) or not 1 <= len(found) <= _MOST or _depth(found) > _DEEPEST:
        raise _refused("not a short list")
    if not all(isinstance(detail, dict) for detail in found):
        raise _refused("not objects")
    if not all(_shows_itself(written) for written in _texts(found)):
        raise _refused("text that would not be read as it is")
    return tuple(found)


def _depth(value: Any) -> int:
    """Return how deep a value is; the JSON reader has bounded it by its own recursion."""
    return 1 + max(map(_depth, _members(value)), default=0)


def _members(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    if isinstance(value, dict):
        yield from value
    for member in _members(value):
        yield from _texts(member)


def _shows_itself(text: str) -> bool:
    """Tell whether a person sees the text that is agreed to: nothing in it turns the letters around or ends the line.

    An amount that is written backwards between two invisible characters is read as another one (CVE-2021-42574).
    """
    return not any(unicodedata.category(sign) in _INVISIBLE or sign in _TURNING for sign in text)


def _is_valid(validator: Draft202012Validator, detail: Detail) -> bool:
    try:
        return bool(validator.is_valid(detail))
    except RecursionError:  # a schema that refers to itself and never gets anywhere
        return False


def _validators(provider: Provider) -> Mapping[str, Draft202012Validator]:
    schemas = provider.realm().authorization_details_types
    return {name: validator_of(name, schema) for name, schema in schemas.items()}


def _refused(detail: str) -> OAuthError:
    return OAuthError(
        ErrorCode.INVALID_AUTHORIZATION_DETAILS,
        "The authorization_details are not valid.",
        detail=f"authorization_details: {detail}",
    )
