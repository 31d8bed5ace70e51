"""Recovery codes: a list of one-time secrets on paper (NIST SP 800-63B-4 §3.1.2, "look-up secrets")."""

from __future__ import annotations

from typing import Literal

from idp.model.struct import Frozen

CodeHash = Literal["password", "SHA-512"]
"""`password`: as passwords are hashed; `SHA-512`: as Keycloak exports its own."""


class RecoveryCode(Frozen, frozen=True, kw_only=True):
    """One code that was not used yet. `sealed` opens to its hash; `number` is what the person looks for on the list."""

    number: int
    sealed: bytes


class RecoveryCodes(Frozen, frozen=True, kw_only=True, tag="recovery-authn-codes"):
    """A user's list: `total` codes were made, `codes` are left, in the order in which they are asked for."""

    id: str
    created_at: int
    total: int
    codes: tuple[RecoveryCode, ...]
    hashed_with: CodeHash = "password"
    label: str = ""
