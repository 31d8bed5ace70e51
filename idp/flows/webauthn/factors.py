"""What a key proves: a possession; and, where its owner had to unlock it and it cannot be copied, a second element.

Decision 0026: whoever unlocks a key gives it a PIN, a finger or a face. WebAuthn does not say which, and a PIN always
does, so that the unlocking counts as knowledge. A key that accounts copy to other devices is no element that resists
replication (RTS (EU) 2018/389 Art. 7); what it is worth, the realm says.
"""

from __future__ import annotations

import msgspec

from idp.flows.step import Factor, StepContract
from idp.model.credentials.webauthn import WebAuthnCredential, WebAuthnPolicy
from idp.model.flow import Category

# RFC 8176 §2: `user` for the touch; "pop" of the registry where nobody vouches for hardware or software.
SECURITY_KEY = Factor(name="webauthn", category=Category.POSSESSION, channel="authenticator", amr=("pop", "user"))
PASSKEY = msgspec.structs.replace(SECURITY_KEY, name="webauthn-passwordless")
UNLOCKING = Factor(name="user-verification", category=Category.KNOWLEDGE, channel="unlocking", amr=())

PASSKEY_WAYS = ((PASSKEY,), (PASSKEY, UNLOCKING))
"""What a login by passkey may prove: the key alone, or the key and its unlocking."""


def with_passkeys(contract: StepContract, policy: WebAuthnPolicy) -> StepContract:
    """Return what a step proves whose page takes passkeys too, where the realm has them."""
    if not (contract.offers_passkeys and policy.passkeys):
        return contract
    return msgspec.structs.replace(contract, or_proves=PASSKEY_WAYS, identifies=True)


def proven_by_security_key(key: WebAuthnCredential) -> tuple[Factor, ...]:
    """Return what a second factor proves: that it is there. Whoever unlocked it has typed a password before."""
    return (_of(SECURITY_KEY, key),)


def proven_by_passkey(key: WebAuthnCredential, policy: WebAuthnPolicy, *, unlocked: bool) -> tuple[Factor, ...]:
    """Return what a login without a password proves."""
    counts_twice = unlocked and (not key.backup_eligible or policy.synced == "two-factors")
    return (_of(PASSKEY, key), UNLOCKING) if counts_twice else (_of(PASSKEY, key),)


def _of(factor: Factor, key: WebAuthnCredential) -> Factor:
    """Say how the key is kept, as far as somebody vouches for it (RFC 8176 §2)."""
    if key.backup_eligible:
        return msgspec.structs.replace(factor, amr=("swk", "user"))
    return msgspec.structs.replace(factor, amr=("hwk", "user")) if key.attested else factor
