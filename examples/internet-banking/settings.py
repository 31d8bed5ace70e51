"""What the bank's site must be told: where it lives, where the provider lives, where its secrets lie."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


class SettingsError(Exception):
    """A setting is missing or wrong; the text is one line that says what to do."""


class Settings(msgspec.Struct, frozen=True):
    """Settings of one running bank. Addresses carry no slash at their end; times are in seconds."""

    bank_url: str
    idp_url: str
    secrets: Path
    store: str = ":memory:"
    idle_seconds: int = 300
    """RTS (EU) 2018/389 Art. 4(3)(d): at most five minutes without activity."""

    @property
    def https(self) -> bool:
        """Whether customers reach the bank over TLS: decides Secure cookies and HSTS."""
        return self.bank_url.startswith("https://")

    @property
    def port(self) -> int:
        """The port of the bank's address."""
        return _port(urlsplit(self.bank_url))

    @property
    def host(self) -> str:
        """The `Host` header of a request to the bank's own address."""
        return urlsplit(self.bank_url).netloc

    @property
    def idp_is_local(self) -> bool:
        """Whether the provider runs on this very machine."""
        host = urlsplit(self.idp_url).hostname or ""
        if host == "localhost" or host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    def issuer(self, realm: str) -> str:
        """The issuer identifier of a realm, exactly as its ID tokens must state it."""
        return f"{self.idp_url}/realms/{realm}"


def read(environment: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables.

    Raises:
        SettingsError: with the variable's name and what is wrong with it.

    """
    secrets = environment.get("BANK_SECRETS", "")
    if not secrets:
        raise SettingsError("BANK_SECRETS is not set: name the directory with the files {realm}_{client_id}")
    return Settings(
        bank_url=_address(environment, "BANK_URL", "http://localhost:8090"),
        idp_url=_address(environment, "IDP_URL", "http://localhost:8080"),
        secrets=Path(secrets),
        store=environment.get("BANK_STORE") or ":memory:",
        idle_seconds=_seconds(environment, "BANK_IDLE_SECONDS", 300),
    )


def _address(environment: Mapping[str, str], name: str, default: str) -> str:
    address = (environment.get(name) or default).rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(f"{name} is {address!r}: it must look like http://localhost:8090")
    if name == "BANK_URL" and (parts.path or parts.query):
        raise SettingsError(f"{name} is {address!r}: it must be scheme, host and port only")
    try:
        _port(parts)
    except ValueError:
        raise SettingsError(f"{name} is {address!r}: its port is not a number from 1 to 65535") from None
    return address


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _seconds(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise SettingsError(f"{name} is {text!r}: it must be a whole number of seconds, 1 or more")
    return int(text)
