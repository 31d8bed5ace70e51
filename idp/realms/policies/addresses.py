"""Executors about a client's addresses: `secure-client-uris` and `secure-redirect-uris-enforcer`."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from idp.realms.patterns import whole
from idp.realms.policies.configuration import Configuration
from idp.realms.policies.executor import Executor, Violation
from idp.realms.representation import realm as file

_POST_LOGOUT = "post.logout.redirect.uris"
_ADDRESSES = (
    "jwks.url",
    "backchannel.logout.url",
    "frontchannel.logout.url",
    "ciba.backchannel.client.notification.endpoint",
    "sector.identifier.uri",
    "logoUri",
    "policyUri",
    "tosUri",
    "login.initiate.uri",
)
_LISTS = ("request.uris", _POST_LOGOUT)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _client_uris(client: file.Client, _configuration: Configuration) -> Iterator[Violation]:
    """Yield every address that is not https (FAPI 2.0 Security Profile §5.2.1, §5.3.2.2 (8)), and every wildcard.

    The exception for native applications' loopback addresses is for public clients, which a native one is.
    """
    for place, address in _redirect_uris(client):
        if not _is_exact_https(address) and not (client.public_client and _is_loopback(address)):
            yield Violation(
                place=place,
                problem=f"“{address}” is not one exact https address.",
                repair="Use https, without a wildcard.",
                code="invalid_redirect_uri",
            )
    for place, address in _other_addresses(client):
        if not _is_exact_https(address):
            problem = f"“{address}” is not an https address."
            yield Violation(place=place, problem=problem, repair="Use https, without a wildcard.")


def _redirect_uris(client: file.Client) -> Iterator[tuple[str, str]]:
    for position, uri in enumerate(client.redirect_uris):
        yield f"/redirectUris/{position}", _absolute(client, uri)


def _other_addresses(client: file.Client) -> Iterator[tuple[str, str]]:
    for place, address in (("/rootUrl", client.root_url), ("/baseUrl", client.base_url)):
        if address and not address.startswith("/"):
            yield place, address
    for position, origin in enumerate(client.web_origins):
        if origin not in {"+", "-"}:
            yield f"/webOrigins/{position}", origin
    for name in _ADDRESSES:
        if client.attributes.get(name):
            yield f"/attributes/{name}", client.attributes[name]
    for name in _LISTS:
        for address in client.attributes.get(name, "").split("##"):
            if address not in {"", "+", "-"}:
                yield f"/attributes/{name}", _absolute(client, address)


def _absolute(client: file.Client, uri: str) -> str:
    return client.root_url.rstrip("/") + uri if uri.startswith("/") and client.root_url else uri


def _is_exact_https(address: str) -> bool:
    parts = _parts(address)
    return parts is not None and parts.scheme == "https" and bool(parts.hostname) and "*" not in address


def _is_loopback(address: str) -> bool:
    parts = _parts(address)
    return parts is not None and parts.scheme == "http" and parts.hostname in _LOOPBACK and "*" not in address


def _parts(address: str) -> SplitResult | None:
    try:
        return urlsplit(address)
    except ValueError:
        return None


def _redirects(client: file.Client, configuration: Configuration) -> Iterator[Violation]:
    """Yield the redirect addresses that the configuration does not allow (Keycloak's switches, OAuth 2.1 §2.3.1)."""
    if not client.standard_flow_enabled and not client.implicit_flow_enabled:
        return
    if configuration.flag("allow-open-redirect"):
        return
    logouts = ((f"/attributes/{_POST_LOGOUT}", address) for address in _post_logout(client))
    for place, address in (*_redirect_uris(client), *logouts):
        problem = _refusal(address, configuration)
        if problem:
            yield Violation(
                place=place,
                problem=f"“{address}” {problem}.",
                repair="Write an address that the profile allows.",
                code="invalid_redirect_uri",
            )


def _post_logout(client: file.Client) -> tuple[str, ...]:
    given = client.attributes.get(_POST_LOGOUT, "").split("##")
    return tuple(_absolute(client, address) for address in given if address not in {"", "+", "-"})


def _refusal(address: str, configuration: Configuration) -> str:
    parts = _parts(address)
    if parts is None or not parts.scheme:
        return "is no absolute address"
    strict = configuration.flag("oauth-2-1-compliant")
    if "*" in address and (strict or not configuration.flag("allow-wildcard-context-path")):
        return "has a wildcard"
    if strict and "#" in address:
        return "has a fragment"
    if parts.hostname in _LOOPBACK and parts.scheme in {"http", "https"}:
        return _loopback_refusal(parts, configuration, strict=strict)
    if parts.scheme not in {"http", "https"}:
        return _private_refusal(parts, configuration, strict=strict)
    if parts.scheme == "http" and (strict or not configuration.flag("allow-http-scheme")):
        return "is not https"
    domains = configuration.words("allow-permitted-domains")
    if domains and not any(_matches(domain, parts.hostname or "") for domain in domains):
        return "is of no permitted domain"
    return ""


def _loopback_refusal(parts: SplitResult, configuration: Configuration, *, strict: bool) -> str:
    version = "ipv6" if parts.hostname == "::1" else "ipv4"
    if not configuration.flag(f"allow-{version}-loopback-address"):
        return "is a loopback address"
    if parts.scheme == "http" and not configuration.flag("allow-http-scheme"):
        return "is not https"
    # RFC 8252 §8.3: the name may be answered by whoever answers names on that machine.
    return "names localhost, not an address" if strict and parts.hostname == "localhost" else ""


def _private_refusal(parts: SplitResult, configuration: Configuration, *, strict: bool) -> str:
    if not configuration.flag("allow-private-use-uri-scheme"):
        return "has a scheme of its own"
    # RFC 8252 §7.1: a reversed domain name, so that two applications do not choose the same word.
    return "has a scheme of one word" if strict and "." not in parts.scheme else ""


def _matches(pattern: str, host: str) -> bool:
    try:
        return whole(pattern)(host)
    except ValueError:
        return False


EXECUTORS = {
    "secure-client-uris": Executor(violations=_client_uris),
    "secure-redirect-uris-enforcer": Executor(violations=_redirects),
}
