"""Somebody else whose word about a user the bank takes: an issuer of assertions (RFC 7523 §2.1)."""

from __future__ import annotations

from typing import Literal

from idp.model.clients.assertion import KeySource, PublicKeyAlgorithm
from idp.model.struct import Frozen

SubjectRule = Literal["username", "id"]
"""What an issuer's `sub` is here."""


class AssertionIssuer(Frozen, frozen=True, kw_only=True):
    """One trusted issuer: what its assertions are signed with, and how its users are found."""

    alias: str
    issuer: str
    keys: KeySource
    subject: SubjectRule
    algorithm: PublicKeyAlgorithm | None = None
    """The only algorithm; None: any of the house's."""
    longest_life: int = 300
    """Seconds from `iat` to `exp`."""
