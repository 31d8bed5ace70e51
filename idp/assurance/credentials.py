"""What a customer can have, by the names that the steps' contracts give it: one entry a factor, and nothing else.

Whoever adds a step that proves a new factor adds its entry here; the prover, its kinds of customers and the certificate
follow by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from idp.flows.brokering.upstream import FACTOR as FEDERATED
from idp.flows.messages.mailbox import MAILBOX
from idp.flows.webauthn.factors import PASSKEY, SECURITY_KEY, UNLOCKING
from idp.model.credentials.recovery_codes import RecoveryCode, RecoveryCodes
from idp.model.credentials.webauthn import WebAuthnCredential
from idp.model.struct import Frozen
from idp.model.trusted.upstream import FederatedIdentity
from idp.model.user import OtpCredential, PasswordCredential, User

PASSWORD, TOKEN, MESSAGE, RECOVERY = "password", "otp", "sms-otp", "recovery-authn-codes"

_PHONE = {"phoneNumber": ("+355690000000",)}


class Followed(Frozen, frozen=True, kw_only=True):
    """One factor as the prover follows it.

    `held` tells whether a customer has what proves it, `put` gives a new one in place of the former (a ceremony, or the
    bank before the proof begins). `present` and `absent` name the kinds of customers that have it and lack it.
    `from_the_start`: somebody may have it who has not logged in yet. `part_of`: it comes with that other factor (the
    unlocking of a key with the key), and makes no kinds of customers of its own.
    """

    held: Callable[[User], bool]
    put: Callable[[User], User]
    present: str = ""
    absent: str = ""
    from_the_start: bool = False
    part_of: str = ""


def _with_password(user: User) -> User:
    fresh = PasswordCredential(id=PASSWORD, sealed=b"", created_at=0)
    others = tuple(c for c in user.credentials if not isinstance(c, PasswordCredential))
    return msgspec.structs.replace(user, credentials=(fresh, *others))


def _with_token(user: User) -> User:
    token = OtpCredential(id=TOKEN, sealed=b"", created_at=0)
    others = tuple(c for c in user.credentials if not isinstance(c, OtpCredential))
    return msgspec.structs.replace(user, credentials=(*others, token))


def _with_phone(user: User) -> User:
    return msgspec.structs.replace(user, attributes={**user.attributes, **_PHONE})


def _with_email(user: User) -> User:
    return msgspec.structs.replace(user, email="customer@bank.example", email_verified=True)


def _with_security_key(user: User) -> User:
    return _with_key(user, passwordless=False)


def _with_passkey(user: User) -> User:
    return _with_key(user, passwordless=True)


def _with_key(user: User, *, passwordless: bool) -> User:
    key = WebAuthnCredential(
        id=f"key {passwordless}", key_id=b"", public_key=b"", counter=0, created_at=0, passwordless=passwordless
    )
    others = tuple(c for c in user.credentials if not isinstance(c, WebAuthnCredential) or c.id != key.id)
    return msgspec.structs.replace(user, credentials=(*others, key))


def _with_recovery_codes(user: User) -> User:
    codes = RecoveryCodes(id=RECOVERY, created_at=0, total=1, codes=(RecoveryCode(number=1, sealed=b""),))
    others = tuple(c for c in user.credentials if not isinstance(c, RecoveryCodes))
    return msgspec.structs.replace(user, credentials=(*others, codes))


def _with_identity(user: User) -> User:
    return msgspec.structs.replace(user, identities=(FederatedIdentity(alias="upstream", subject="customer"),))


CREDENTIALS: Mapping[str, Followed] = MappingProxyType(
    {
        PASSWORD: Followed(held=lambda user: user.password is not None, put=_with_password, from_the_start=True),
        TOKEN: Followed(
            held=lambda user: bool(user.otps), put=_with_token, present="soft token", absent="no soft token"
        ),
        MESSAGE: Followed(
            held=lambda user: bool(user.phone),
            put=_with_phone,
            absent="without a telephone",
            from_the_start=True,
        ),
        MAILBOX.name: Followed(
            held=lambda user: bool(user.email),
            put=_with_email,
            absent="without an e-mail address",
            from_the_start=True,
        ),
        SECURITY_KEY.name: Followed(
            held=lambda user: bool(user.security_keys),
            put=_with_security_key,
            present="security key",
            absent="no security key",
        ),
        PASSKEY.name: Followed(
            held=lambda user: bool(user.passkeys),
            put=_with_passkey,
            present="passkey",
            absent="no passkey",
        ),
        UNLOCKING.name: Followed(held=lambda user: bool(user.passkeys), put=_with_passkey, part_of=PASSKEY.name),
        FEDERATED.name: Followed(
            held=lambda user: bool(user.identities),
            put=_with_identity,
            present="login elsewhere",
            absent="no login elsewhere",
            from_the_start=True,
        ),
        RECOVERY: Followed(
            held=lambda user: user.recovery_codes is not None,
            put=_with_recovery_codes,
            present="recovery codes",
            absent="no recovery codes",
        ),
    }
)
"""Factor → how it is followed."""


def followed(factor: str) -> Followed:
    """Return how a factor is followed."""
    known = CREDENTIALS.get(factor)
    assert known is not None, f"{factor} needs an entry in idp/assurance/credentials.py"
    return known


def has(user: User, factor: str) -> bool:
    """Tell whether the customer has what proves a factor."""
    return followed(factor).held(user)


def given(user: User, factor: str) -> User:
    """Return the customer with a new credential in place of the former one."""
    return followed(factor).put(user)


def with_parts(factor: str) -> frozenset[str]:
    """Return a factor and what comes with it: whoever enrolled a key unlocks it too."""
    return frozenset({factor} | {name for name, known in CREDENTIALS.items() if known.part_of == factor})


def customer_key(user: User) -> object:
    """What tells two customers apart."""
    temporary = user.password is not None and user.password.temporary
    return (temporary, tuple(known.held(user) for known in CREDENTIALS.values()), user.required_actions)


def without_action(user: User, action: str) -> User:
    """Return the customer after a required action."""
    return msgspec.structs.replace(user, required_actions=tuple(a for a in user.required_actions if a != action))
