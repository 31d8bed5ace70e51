"""Addresses that a client registers: where browsers are sent, what we call, what pages link to.

Whatever two parsers could read differently is no address here: a redirect goes where *we* compared it to, or nowhere.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.registration.metadata import ClientMetadata, invalid_metadata

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HTTPS_MEMBERS = (
    "client_uri",
    "logo_uri",
    "policy_uri",
    "tos_uri",
    "jwks_uri",
    "sector_identifier_uri",
    "initiate_login_uri",  # OpenID Registration §2: https
    "backchannel_logout_uri",
    "frontchannel_logout_uri",
    "backchannel_client_notification_endpoint",
)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+")
# RFC 8252 §7.1: a scheme of one's own is a domain name, reversed; `javascript:` and its kind have no dot.
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+")


def check_addresses(metadata: ClientMetadata) -> None:
    """Check every address of completed metadata; raises `OAuthError` (`invalid_redirect_uri`, `…_client_metadata`)."""
    _check_returns(metadata)
    _check_https(metadata)
    _check_front_channel(metadata)


def _check_returns(metadata: ClientMetadata) -> None:
    native = metadata.application_type == "native"
    for uri in metadata.redirect_uris:
        if not _may_return_to(uri, native=native):
            problem = "A redirect URI is not one that is accepted." + _hint(native=native)
            raise OAuthError(ErrorCode.INVALID_REDIRECT_URI, problem, detail=f"redirect_uri {uri!r}")
    for uri in metadata.post_logout_redirect_uris or ():
        if not _may_return_to(uri, native=native):
            raise invalid_metadata("A post_logout_redirect_uri is not one that is accepted." + _hint(native=native))


def _check_https(metadata: ClientMetadata) -> None:
    for name in _HTTPS_MEMBERS:
        address = getattr(metadata, name)
        if address is not None and not is_https(address):
            raise invalid_metadata(f"{name} must be an https address.")
    for name, address in metadata.translations.items():
        if not name.startswith("client_name#") and not is_https(address):
            raise invalid_metadata(f"{name} must be an https address.")
    for uri in metadata.request_uris or ():
        if not is_https(uri.partition("#")[0]):  # a fragment may say what the document's digest is (Core §6.2)
            raise invalid_metadata("request_uris must be https addresses.")


def is_https(address: str) -> bool:
    """Tell whether it is an https address without a user's name and without a fragment."""
    parts = _parts(address)
    return parts is not None and parts.scheme == "https" and bool(parts.hostname)


def origin(address: str) -> str:
    """Return scheme, host and port of an address that was checked."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _may_return_to(uri: str, *, native: bool) -> bool:
    """OpenID Registration §2 `application_type`, RFC 8252 §7 and §8.3, RFC 9700 §2.1 and §4.1."""
    parts = _parts(uri)
    if parts is None or "*" in uri:  # an asterisk at the end would match every address that begins so
        return False
    match parts.scheme:
        case "https":
            return bool(parts.hostname)
        case "http":
            return native and parts.hostname in _LOOPBACK
        case scheme:
            return native and not parts.netloc and _PRIVATE_SCHEME.fullmatch(scheme) is not None


def _parts(address: str) -> SplitResult | None:
    """Take an absolute address apart; None for what is none, or could be read as another one."""
    if not (address.isascii() and address.isprintable()) or set(address) & set(' "<>\\^`{|}'):
        return None
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if "#" in address or "@" in parts.netloc or port == 0 or not parts.scheme:
        return None
    return parts if parts.hostname is None or _HOST.fullmatch(parts.hostname) else None


def _check_front_channel(metadata: ClientMetadata) -> None:
    """Front-Channel Logout §2: where the client is, and nowhere else: our logout page shows it in a frame."""
    address = metadata.frontchannel_logout_uri
    if address is not None and origin(address) not in {origin(uri) for uri in metadata.redirect_uris}:
        raise invalid_metadata("frontchannel_logout_uri must have the origin of a redirect URI.")


def _hint(*, native: bool) -> str:
    if native:
        return " A native application's is https, http on a loopback address, or has its own scheme (al.bank.app:/)."
    return " It must be an https address, without a fragment or an asterisk."
