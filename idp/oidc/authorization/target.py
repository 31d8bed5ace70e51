"""A target: a redirect address *proven* to be the client's. Without one nothing is ever sent anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from idp.model.client import Client
from idp.model.oauth import AuthorizationRequest, ResponseMode
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.oidc.authorization.response import response_mode_of

_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::(?P<port>[0-9]{1,5}))?((?:[/?].*)?)", re.DOTALL)
_HIGHEST_PORT = 65535
_LONGEST = 2000  # characters of a redirect address


class UnsafeRequestError(Exception):
    """A request that may only be answered with a page of our own. `key` names the words, `detail` is for the log."""

    def __init__(self, key: str, detail: str, *, client: Client | None = None) -> None:
        super().__init__(detail)
        self.key = key
        self.detail = detail
        self.client = client


class Target(Frozen, frozen=True, kw_only=True):
    """Where the answer to an authorization request goes, and how. Made by `find_target` and `target_of` only."""

    redirect_uri: str
    response_mode: ResponseMode
    state: str | None
    issuer: str

    def answer(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """Return the parameters of an answer. `iss` is in every one, errors too (RFC 9207 §2), and so is `state`."""
        answer = {**parameters, "iss": self.issuer}
        if self.state is not None:
            answer["state"] = self.state
        return answer

    def url(self, answer: Mapping[str, str]) -> str:
        """Return the address with an answer in its query or its fragment."""
        encoded = urlencode(answer)
        if self.response_mode in {"fragment", "fragment.jwt"}:
            return f"{self.redirect_uri}#{encoded}"
        separator = "&" if "?" in self.redirect_uri else "?"
        return f"{self.redirect_uri}{separator}{encoded}"


def find_target(realm: Realm, parameters: Mapping[str, str], *, issuer: str) -> tuple[Client, Target]:
    """Prove the redirect address (RFC 6749 §3.1.2.4: an error about it must never be redirected).

    Raises:
        UnsafeRequestError: unknown client, or an address that is not the client's.

    """
    client_id = parameters.get("client_id")
    client = realm.client(client_id) if client_id else None
    if client is None:
        raise UnsafeRequestError("client_not_found", "unknown, disabled or missing client_id")
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None:
        raise UnsafeRequestError("invalid_redirect_uri", "redirect_uri is missing", client=client)
    if not any(matches(registered, redirect_uri) for registered in client.redirect_uris):
        raise UnsafeRequestError("invalid_redirect_uri", "redirect_uri is not registered", client=client)
    mode = response_mode_of(parameters)
    return client, Target(redirect_uri=redirect_uri, response_mode=mode, state=parameters.get("state"), issuer=issuer)


def target_of(realm: Realm, request: AuthorizationRequest, *, issuer: str) -> tuple[Client, Target] | None:
    """Return the client and the target of a checked request, if the client may still be answered there."""
    client = realm.client(request.client_id)
    if client is None:
        return None
    # The end of an approval is a page of our own, which no client has registered.
    is_ours = request.approves is not None
    if not is_ours and not any(matches(registered, request.redirect_uri) for registered in client.redirect_uris):
        return None
    return client, Target(
        redirect_uri=request.redirect_uri, response_mode=request.response_mode, state=request.state, issuer=issuer
    )


def matches(registered: str, given: str) -> bool:
    """Tell whether an address is the registered one: equal as text (RFC 9700 §2.1), with two exceptions.

    A native application's loopback address may have any port (RFC 8252 §7.3), and an imported address that ends in `*`
    matches by prefix, Keycloak's only wildcard (clients.md 6).
    """
    if len(given) > _LONGEST or "#" in given:
        return False
    if registered == given:
        return True
    if registered.endswith("*"):
        return _matches_prefix(registered[:-1], given)
    return _matches_loopback(registered, given)


def _matches_prefix(prefix: str, given: str) -> bool:
    # The prefix must reach into the path, and what follows must not climb out of it or change the host.
    parts = urlsplit(prefix)
    has_host = bool(parts.netloc) or parts.scheme not in {"", "http", "https"}
    if not (has_host and parts.path and given.startswith(prefix)):
        return False
    rest = given[len(prefix) :]
    return not any(part in rest for part in ("..", "\\", "@", "//", "%2e", "%2E", "%5c", "%5C")) and rest.isprintable()


def _matches_loopback(registered: str, given: str) -> bool:
    """Compare as text but for the port: a parser forgives what text does not (capitals, control characters)."""
    ours, theirs = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(given)
    # A port that there is not makes an address that nobody can take apart again.
    if ours is None or theirs is None or int(theirs["port"] or 0) > _HIGHEST_PORT:
        return False
    return ours.group(1, 3) == theirs.group(1, 3)
