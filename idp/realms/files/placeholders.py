"""What a realm file leaves to its surroundings: `${env.NAME}`, `${env.NAME:default}` and `${vault.name}`.

The file itself keeps its placeholders: a version is the text an administrator wrote, not what it became on one machine.
`${vault.…}` is resolved only where a secret belongs (`idp.realms.building`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from idp.model.finding import Finding, Severity
from idp.model.struct import Frozen
from idp.realms.files.reading import escaped

_ENVIRONMENT = re.compile(r"\$\{env\.([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}")

_SITE = re.compile(r"\$\{auth(?:Base|Admin)Url\}")

Vault = Callable[[str, str], str | None]
"""(realm, key) → the secret that `${vault.key}` stands for, or None."""


class Surroundings(Frozen, frozen=True, kw_only=True):
    """Where placeholders take their values from.

    `base_url` is where the provider is reached: what Keycloak calls `${authBaseUrl}` and `${authAdminUrl}`, and what a
    relative address of a client without `rootUrl` is relative to. A check without a server does not know it.
    """

    vault: Vault
    environment: Mapping[str, str] = {}
    base_url: str = "https://provider.invalid"

    def absolute(self, root: str, address: str) -> str:
        """Return an address of a client whole: with its root in front where it is relative (Keycloak's rule)."""
        root, address = (_SITE.sub(self.base_url, text) if self.base_url else text for text in (root, address))
        return (root or self.base_url).rstrip("/") + address if address.startswith("/") else address


def file_vault(directory: Path) -> Vault:
    """Return a vault of files, one secret each (Keycloak's files-plaintext vault)."""

    def secret(realm: str, key: str) -> str | None:
        name = vault_file(realm, key)
        if "/" in name:
            return None  # a realm's name must not lead out of the vault
        try:
            return (directory / name).read_text(encoding="utf-8").strip() or None
        except (OSError, ValueError):  # ValueError: no text, or no name of a file
            return None

    return secret


def vault_file(realm: str, key: str) -> str:
    """Return the name of a secret's file: `{realm}_{key}`.

    As in Keycloak, an underscore is doubled: realm `a`, key `b_c` must not share a file with realm `a_b`, key `c`.
    """
    return "_".join(part.replace("_", "__") for part in (realm, key))


def filled(value: Any, surroundings: Surroundings, findings: list[Finding], pointer: str = "") -> Any:
    """Return a document with its `${env.…}` replaced; one that has no value is a finding."""
    if isinstance(value, str):
        return _ENVIRONMENT.sub(lambda match: _value(match, surroundings, findings, pointer), value)
    if isinstance(value, list):
        return [filled(item, surroundings, findings, f"{pointer}/{n}") for n, item in enumerate(value)]
    if isinstance(value, dict):
        return {key: filled(item, surroundings, findings, f"{pointer}/{escaped(key)}") for key, item in value.items()}
    return value


def _value(match: re.Match[str], surroundings: Surroundings, findings: list[Finding], pointer: str) -> str:
    name = match.group(1)
    default: str | None = match.group(2)
    value = surroundings.environment.get(name) or default
    if value is not None:
        return value
    findings.append(
        Finding(
            rule="R-ENVIRONMENT",
            severity=Severity.ERROR,
            pointer=pointer,
            problem=f"The environment has no variable “{name}”.",
            repair=f"Set it, or write a default: ${{env.{name}:…}}.",
        )
    )
    return match.group(0)
