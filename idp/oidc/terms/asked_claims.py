"""The `claims` parameter: single claims that a client asks for, beside its scopes (OpenID Connect Core §5.5).

A claim may be asked for if the client could have it at all: if a mapper of the client or of one of its scopes, default
or optional, writes it. Everything else is left out without a word, as is every member we do not know (§5.5, §5.5.1).
"""

from __future__ import annotations

from typing import Any

import msgspec

from idp.crypto.jose import TokenError, json_object
from idp.model.client import Client
from idp.model.oauth import AuthorizationRequest, ClaimRequest, ClaimsRequest
from idp.oidc.claims.book import claim_book
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.provider import Provider

_LARGEST = 8 * 1024  # characters
_MOST_CLAIMS = 100  # for each place
_MOST_VALUES = 20
_ABOUT_THE_LOGIN = frozenset({"sub", "acr"})
"""What is always in an ID token; asking for one says how it must be (§5.5.1, §5.5.1.1)."""


def with_claims(
    provider: Provider, client: Client, request: AuthorizationRequest, text: str | None
) -> AuthorizationRequest:
    """Return the request with the claims that it asks for and the client may have; raises `OAuthError`."""
    if text is None:
        return request
    asked = read_claims(text)
    may_have = provider.derived(claim_book).askable(client)
    kept = ClaimsRequest(
        id_token={name: one for name, one in asked.id_token.items() if name in may_have | _ABOUT_THE_LOGIN},
        userinfo={name: one for name, one in asked.userinfo.items() if name in may_have},
    )
    request = _about_one_user(client, request, asked)
    if not kept.id_token and not kept.userinfo:
        return request
    return msgspec.structs.replace(request, terms=msgspec.structs.replace(request.terms, claims=kept))


def read_claims(text: str) -> ClaimsRequest:
    """Read the parameter; raises `OAuthError` (`invalid_request`) for one that is malformed or too large."""
    if len(text) > _LARGEST:
        raise _malformed("too long")
    try:
        members = json_object(text.encode())
        msgspec.msgpack.encode(members)  # refuses what could not be kept: numbers beyond 64 bits, half surrogates
    except (TokenError, ValueError, OverflowError, RecursionError):
        raise _malformed("not JSON that could be kept") from None
    return ClaimsRequest(id_token=_place(members, "id_token"), userinfo=_place(members, "userinfo"))


def _place(members: dict[str, Any], name: str) -> dict[str, ClaimRequest]:
    claims = members.get(name)
    if claims is None:
        return {}
    if not isinstance(claims, dict) or len(claims) > _MOST_CLAIMS:
        raise _malformed(f"{name} is not an object of at most {_MOST_CLAIMS} claims")
    return {claim: _one(asked) for claim, asked in claims.items()}


def _one(asked: object) -> ClaimRequest:
    if asked is None:  # §5.5.1: the claim, and nothing more to say of it
        return ClaimRequest()
    if not isinstance(asked, dict):
        raise _malformed("a claim is neither null nor an object")
    essential, values = asked.get("essential", False), asked.get("values", [])
    if not isinstance(essential, bool):
        raise _malformed("essential is not a boolean")
    if not isinstance(values, list) or len(values) > _MOST_VALUES:
        raise _malformed(f"values is not a list of at most {_MOST_VALUES}")
    wanted = [asked["value"]] if "value" in asked else values
    # Values that are no plain ones mean nothing to us, and are not kept.
    return ClaimRequest(essential=essential, values=tuple(one for one in wanted if isinstance(one, str | int | float)))


def _about_one_user(client: Client, request: AuthorizationRequest, asked: ClaimsRequest) -> AuthorizationRequest:
    """§5.5.1: a request for `sub` with a value is answered for that user or not at all, as an `id_token_hint` is."""
    subjects = {value for place in (asked.id_token, asked.userinfo) if "sub" in place for value in place["sub"].values}
    if not subjects:
        return request
    hinted = request.hinted_user_id or request.hinted_subject
    if hinted is not None:
        subjects.add(hinted)
    subject = subjects.pop()
    if subjects or not isinstance(subject, str):
        raise _malformed("sub names more than one user, or none")
    if client.pairwise is not None:
        return msgspec.structs.replace(request, hinted_subject=subject)
    return msgspec.structs.replace(request, hinted_user_id=subject)


def _malformed(detail: str) -> OAuthError:
    return OAuthError(ErrorCode.INVALID_REQUEST, "The parameter claims is not valid.", detail=f"claims: {detail}")
