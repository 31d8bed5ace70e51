"""What the API must be told: whom it trusts, whom tokens must be meant for, and under which addresses it is reached."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

Check = Literal["signature", "introspection"]


class SettingsError(Exception):
    """A setting is missing or wrong; the text is one line that says what to do."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one running API. Addresses carry no slash at their end; times are in seconds."""

    issuer: str
    """The issuer identifier of the realm, exactly as its tokens state it."""
    audience: str = "accounts-api"
    """Tokens are meant for this API if their `aud` names it (RFC 9068 §4)."""
    urls: tuple[str, ...] = ("http://localhost:8091",)
    """Every address that clients reach the API under: a DPoP proof names the one it was made for (RFC 9449 §4.2)."""
    check: Check = "signature"
    """`signature`: tokens are read here and live until they expire. `introspection`: the provider is asked."""
    client_id: str = "accounts-api"
    secret: str = msgspec.field(default="")
    """What the API proves itself with when it asks the provider."""
    ca_bundle: str = ""
    trusted_proxies: tuple[str, ...] = ()
    """Networks from which the header `Client-Cert` is believed (RFC 9440 §4)."""
    step_up_acr: str = "2"
    """The authentication that reading transactions asks for (RFC 9470)."""
    step_up_seconds: int = 300
    """RTS (EU) 2018/389 Art. 4(3)(d) and 10(2): how old that authentication may be."""


def read(environment: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables.

    Raises:
        SettingsError: with the variable's name and what is wrong with it.

    """
    issuer = environment.get("API_ISSUER", "")
    if not issuer:
        raise SettingsError("API_ISSUER is not set: name the realm, for instance http://localhost:8080/realms/bank")
    check = environment.get("API_CHECK") or "signature"
    if check not in {"signature", "introspection"}:
        raise SettingsError(f"API_CHECK is {check!r}: it must be signature or introspection")
    return Settings(
        issuer=_address("API_ISSUER", issuer),
        audience=environment.get("API_AUDIENCE") or "accounts-api",
        urls=tuple(
            _address("API_URLS", url) for url in (environment.get("API_URLS") or "http://localhost:8091").split(",")
        ),
        check="introspection" if check == "introspection" else "signature",
        client_id=environment.get("API_CLIENT_ID") or "accounts-api",
        secret=_secret(environment) if check == "introspection" else "",
        ca_bundle=environment.get("API_CA_BUNDLE", ""),
        trusted_proxies=_networks(environment),
        step_up_acr=environment.get("API_STEP_UP_ACR") or "2",
        step_up_seconds=_seconds(environment, "API_STEP_UP_SECONDS", 300),
    )


def port_of(settings: Settings) -> int:
    """Return the port of the first address: where the API listens."""
    parts = urlsplit(settings.urls[0])
    return parts.port or (443 if parts.scheme == "https" else 80)


def _address(name: str, address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError(f"{name} is {address!r}: it must be an http or https address without a query")
    return address.rstrip("/")


def _secret(environment: Mapping[str, str]) -> str:
    path = environment.get("API_SECRET_FILE", "")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        raise SettingsError(
            f"API_SECRET_FILE is {path!r}: it must be a file with the secret that introspection needs"
        ) from None


def _networks(environment: Mapping[str, str]) -> tuple[str, ...]:
    networks = tuple(filter(None, environment.get("API_TRUSTED_PROXIES", "").split(",")))
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise SettingsError(f"API_TRUSTED_PROXIES: {network!r} is not a network such as 10.0.0.0/8") from None
    return networks


def _seconds(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise SettingsError(f"{name} is {text!r}: it must be a whole number of seconds, 1 or more")
    return int(text)
