"""Security keys, passkeys and recovery codes of a realm file, as Keycloak writes them (keycloak.md 3.6)."""

from __future__ import annotations

import base64
import re
import uuid
from typing import Annotated, Literal

import msgspec

from idp.model.credentials.recovery_codes import CodeHash
from idp.model.credentials.webauthn import WebAuthnCredential
from idp.model.struct import Frozen
from idp.realms.representation import realm as file

KEYS = frozenset({"webauthn", "webauthn-passwordless"})
RECOVERY_CODES = "recovery-authn-codes"
OWN_HASH = "password"
"""The algorithm that our own exports name: each value is the base64 of a stored password hash."""

_MOST_CODES = 100
_SHA_512 = re.compile(r"[A-Za-z0-9+/]{86}==")
_Number = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]


class SeededCodes(Frozen, frozen=True, kw_only=True):
    """A list of recovery codes that another system made: the hashes of those that are left, by their numbers."""

    total: int
    codes: tuple[tuple[int, bytes], ...]
    hashed_with: CodeHash


class _KeyDescription(msgspec.Struct, frozen=True, rename="camel"):
    credential_id: str
    credential_public_key: str
    counter: _Number = 0
    aaguid: str | None = None
    attestation_statement_format: str | None = None
    transports: tuple[str, ...] | None = None


class _CodesDescription(msgspec.Struct, frozen=True, rename="camel"):
    algorithm: Literal["RS512", "SHA-512", "SHA512", "password"]
    total_codes: Annotated[int, msgspec.Meta(ge=0, le=_MOST_CODES)]
    hash_iterations: Literal[1] = 1


class _Code(msgspec.Struct, frozen=True, rename="camel"):
    number: Annotated[int, msgspec.Meta(ge=1, le=_MOST_CODES)]
    encoded_hashed_value: str


class _Codes(msgspec.Struct, frozen=True):
    codes: Annotated[tuple[_Code, ...], msgspec.Meta(max_length=_MOST_CODES)]


def seeded_key(credential: file.Credential) -> WebAuthnCredential:
    """Read a key. Whether it may be copied Keycloak does not keep: its next use tells.

    Raises:
        ValueError, msgspec.ValidationError: it cannot be read.

    """
    described = msgspec.json.decode(credential.credential_data or "{}", type=_KeyDescription)
    key_id, public_key = _bytes(described.credential_id), _bytes(described.credential_public_key)
    if not key_id or not public_key:
        raise ValueError("a key needs its id and its public key")
    return WebAuthnCredential(
        id=credential.id or str(uuid.uuid5(uuid.NAMESPACE_OID, key_id.hex())),
        key_id=key_id,
        public_key=public_key,
        counter=described.counter,
        created_at=(credential.created_date or 0) // 1000,
        passwordless=credential.type == "webauthn-passwordless",
        label=credential.user_label,
        aaguid=described.aaguid or "",
        transports=tuple(name.lower() for name in described.transports or ()),
        attestation_format=described.attestation_statement_format or "none",
    )


def seeded_codes(credential: file.Credential) -> SeededCodes:
    """Read a list of recovery codes.

    Raises:
        ValueError, msgspec.ValidationError: it cannot be read.

    """
    described = msgspec.json.decode(credential.credential_data or "{}", type=_CodesDescription)
    found = msgspec.json.decode(credential.secret_data or "{}", type=_Codes)
    own = described.algorithm == OWN_HASH
    if not own and not all(_SHA_512.fullmatch(code.encoded_hashed_value) for code in found.codes):
        raise ValueError("not a hash of SHA-512")
    return SeededCodes(
        total=described.total_codes,
        codes=tuple(
            (code.number, _bytes(code.encoded_hashed_value) if own else code.encoded_hashed_value.encode())
            for code in found.codes
        ),
        hashed_with="password" if own else "SHA-512",
    )


def _bytes(text: str) -> bytes:
    """Decode base64 of either alphabet: Keycloak writes a key's id in one and the key itself in the other."""
    return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
