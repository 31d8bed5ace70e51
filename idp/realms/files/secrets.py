"""Secrets of a realm file: written out, or named as `${vault.…}` and read from the vault."""

from __future__ import annotations

import re

from idp.model.secret import Secret
from idp.model.struct import Frozen
from idp.realms.exchange.secret_places import MASK
from idp.realms.files.placeholders import Vault, vault_file

_PLACEHOLDER = re.compile(r"\$\{vault\.([A-Za-z0-9_.-]+)\}")


class UnknownSecret(Frozen, frozen=True, kw_only=True):
    """Why a secret cannot be known, in the words of a finding; `masked` if the file hides it."""

    problem: str
    repair: str
    masked: bool = False


def secret_of(realm: str, written: str, vault: Vault) -> Secret | UnknownSecret:
    """Return the secret that stands in a file, or that it names."""
    if written == MASK:
        repair = "Put the secret into the vault and write ${vault.name}."
        return UnknownSecret(problem="The secret is masked in this file.", repair=repair, masked=True)
    placeholder = _PLACEHOLDER.fullmatch(written)
    if placeholder is None:
        return Secret(written)
    value = vault(realm, placeholder.group(1))
    if value is None:
        problem = f"The vault has no secret “{placeholder.group(1)}” for realm “{realm}”."
        repair = f"Put it into the file {vault_file(realm, placeholder.group(1))} of the vault directory."
        return UnknownSecret(problem=problem, repair=repair)
    return Secret(value)
