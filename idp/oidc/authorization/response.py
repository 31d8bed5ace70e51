"""What an authorization request asks to be answered with, and how the answer is to travel: response types and modes.

OAuth 2.0 Multiple Response Type Encoding Practices, OAuth 2.0 Form Post Response Mode, JARM.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import get_args

from idp.model.client import Client
from idp.model.oauth import ResponseMode, ResponseWord
from idp.oidc.errors import ErrorCode, OAuthError

RESPONSE_TYPES = ("code", "none", "id_token", "id_token token", "code id_token", "code token", "code id_token token")
"""As metadata names them. `token` alone is not among them: OpenID Connect has no use for it (Core §3)."""
RESPONSE_MODES: tuple[ResponseMode, ...] = get_args(ResponseMode)
JWT_MODE = "jwt"
_WORDS: Mapping[str, ResponseWord] = MappingProxyType({word: word for word in get_args(ResponseWord)})
_KNOWN = frozenset(tuple(sorted(text.split())) for text in RESPONSE_TYPES)
_IN_FRONT = frozenset({"id_token", "token"})
_MODES: Mapping[str, ResponseMode] = MappingProxyType({mode: mode for mode in RESPONSE_MODES})


def response_type_of(parameters: Mapping[str, str], client: Client) -> tuple[ResponseWord, ...]:
    """Return the words of the request's `response_type`, whose order means nothing (RFC 6749 §3.1.1).

    Raises:
        OAuthError: missing, unknown, or not the client's to use.

    """
    text = parameters.get("response_type")
    if text is None:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The parameter response_type is missing.")
    written = tuple(sorted(text.split(" ")))
    if written not in _KNOWN:
        raise OAuthError(ErrorCode.UNSUPPORTED_RESPONSE_TYPE, "The response_type is not supported.")
    words = tuple(_WORDS[word] for word in written)
    needs_code = not _IN_FRONT.issuperset(words)
    registered = client.response_types is None or written in client.response_types
    if not registered or (needs_code and not client.standard_flow) or (in_front(words) and not client.implicit_flow):
        raise OAuthError(ErrorCode.UNAUTHORIZED_CLIENT, "The client may not use this response_type.")
    if "token" in words and (client.sender.dpop_bound or client.sender.certificate_bound):
        # Nobody proves a key in the front channel (RFC 9449 §5, RFC 8705 §3): the token would be good for any thief.
        detail = "every access token of the client is bound to a key"
        raise OAuthError(ErrorCode.UNAUTHORIZED_CLIENT, "The client may not use this response_type.", detail=detail)
    return words


def in_front(words: tuple[ResponseWord, ...]) -> bool:
    """Tell whether tokens travel in the answer itself, through the browser (the front channel)."""
    return not _IN_FRONT.isdisjoint(words)


def response_mode_of(parameters: Mapping[str, str]) -> ResponseMode:
    """Return how this request is answered, errors included; never fails, so that every error has a way to travel.

    A mode that `check_mode` will refuse is answered as if none had been asked for.
    """
    tokens = not _IN_FRONT.isdisjoint(parameters.get("response_type", "").split(" "))
    asked = parameters.get("response_mode", "")
    if asked == JWT_MODE:  # JARM §2.3.4
        return "fragment.jwt" if tokens else "query.jwt"
    if tokens and asked == "query":
        return "fragment"
    if tokens and asked == "query.jwt":
        return "fragment.jwt"
    return _MODES.get(asked, "fragment" if tokens else "query")


def check_mode(parameters: Mapping[str, str], words: tuple[ResponseWord, ...]) -> None:
    """Refuse a mode that is unknown, or that would put tokens where logs and the next site's owner can read them.

    Raises:
        OAuthError: to be sent to the target.

    """
    asked = parameters.get("response_mode")
    if asked is None:
        return
    if asked != JWT_MODE and asked not in _MODES:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The response_mode is not supported.")
    # Multiple Response Types §3, §5; JARM §2.3.1 would allow `query.jwt` for an encrypted answer, which still is a
    # token in an address.
    if asked in {"query", "query.jwt"} and in_front(words):
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The response_mode must not carry tokens in the query.")
