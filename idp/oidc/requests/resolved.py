"""What the authorization endpoint was given → what is asked for: plain, by request object, or pushed before.

Which parameters count is one rule (`in_effect`):

- *Pushed by reference* (RFC 9126 §4): what was pushed, and nothing that stands beside the reference.
- *Only the object* (RFC 9101 §5, §6.3): whenever objects are demanded of the client or must be dated (FAPI), whenever
  the object itself is pushed (RFC 9126 §3), and whenever `scope=openid` and `response_type` do not stand outside.
- *The object first, then what stands outside* (OpenID Connect Core §6.1): for the others. The syntax of OAuth asks for
  those two parameters outside, and a client that repeats them there relies on the rest counting too. Whoever needs
  integrity demands objects.
"""

from __future__ import annotations

from collections.abc import Mapping

from idp.crypto.digest import digest
from idp.model.client import Client
from idp.model.clients.request_object import RequestObjectDemand
from idp.oidc.authorization.target import UnsafeRequestError
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.provider import Provider
from idp.oidc.requests.asked import Asked
from idp.oidc.requests.by_reference import fetched
from idp.oidc.requests.request_object import read_request_object

REFERENCE = "urn:ietf:params:oauth:request_uri:"
"""What the reference to a pushed request begins with (RFC 9126 §2.2)."""
_CARRIERS = frozenset({"request", "request_uri"})


async def resolved(provider: Provider, given: Asked) -> Asked:
    """Return what a request to the authorization endpoint asks for.

    Raises:
        UnsafeRequestError: the answer is a page of our own.
        OAuthError: to be told to the target that the parameters given *outside* prove, or else on a page of our own.

    """
    named = given.parameters.get("client_id", "")
    client = provider.client(named) or (await provider.just_registered(named) if named else None)
    if client is None:
        return given  # `find_target` says so, on a page of our own
    reference = given.parameters.get("request_uri", "")
    if reference.startswith(REFERENCE):
        return await _pushed(provider, client, reference)
    if client.pushed_requests_required:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The request must be pushed.")  # RFC 9126 §6
    return await with_object(provider, client, given, is_pushed=False)


async def with_object(provider: Provider, client: Client, given: Asked, *, is_pushed: bool) -> Asked:
    """Return what a request asks for, read from its request object if it has one; raises `OAuthError`."""
    text, reference = given.parameters.get("request"), given.parameters.get("request_uri")
    _check_carrier(client, by_value=text is not None, by_reference=reference is not None, is_pushed=is_pushed)
    if text is None and reference is None:
        return given
    if text is None:
        text = await fetched(provider, client, reference or "")
    inner = await read_request_object(provider, client, text)
    return in_effect(given, inner, merges=not is_pushed and _merges(client, given.parameters))


def in_effect(outer: Asked, inner: Asked, *, merges: bool) -> Asked:
    """Return the parameters that count; raises `OAuthError` (`invalid_request_object`)."""
    parameters = outer.parameters
    if merges:
        # OpenID Connect Core §6.1: these two must be the same, where they stand in both places.
        for name in ("client_id", "response_type"):
            if inner.parameters.get(name, parameters.get(name)) != parameters.get(name):
                raise _differs(name)
        outside = {name: value for name, value in parameters.items() if name not in _CARRIERS}
        return Asked(parameters={**outside, **inner.parameters}, resources=inner.resources or outer.resources)
    # RFC 9101 §5: an object without this client's id, or with another's, was not made for this request.
    if inner.parameters.get("client_id") != parameters.get("client_id"):
        raise _differs("client_id")
    return Asked(parameters=dict(inner.parameters), resources=inner.resources)


def _merges(client: Client, outer: Mapping[str, str]) -> bool:
    rules = client.request_objects
    plain_openid = "openid" in outer.get("scope", "").split() and "response_type" in outer
    return plain_openid and not rules.is_demanded and not rules.dated


def _check_carrier(client: Client, *, by_value: bool, by_reference: bool, is_pushed: bool) -> None:
    if by_value and by_reference:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "request and request_uri exclude each other.")  # Core §6.1
    allowed: dict[RequestObjectDemand, bool] = {
        "not required": True,
        "request or request_uri": by_value or by_reference,
        "request only": by_value,
        # What is pushed will come by reference; it still has to be an object.
        "request_uri only": by_reference or (by_value and is_pushed),
    }
    if not allowed[client.request_objects.demand]:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The client must send a request object.")


async def _pushed(provider: Provider, client: Client, reference: str) -> Asked:
    key = digest(reference)
    found = await provider.stores.pushed_requests.get(key)
    # One answer for unknown, used, expired and another client's. Looking takes nothing: a page may be loaded again.
    if found is None or found.client_id != client.client_id or provider.now() >= found.expires_at:
        raise UnsafeRequestError("invalid_request_uri", "pushed request unknown, used, expired or another client's")
    return Asked(parameters=found.parameters, resources=found.resources, pushed=key)


def _differs(name: str) -> OAuthError:
    return OAuthError(ErrorCode.INVALID_REQUEST_OBJECT, f"The {name} of the request object does not match.")
