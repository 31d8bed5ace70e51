"""Which strong factors a user holds: what guards the credentials of the user against a password alone."""

from __future__ import annotations

from idp.model.user import User

STRONG = frozenset({"otp", "webauthn", "webauthn-passwordless", "recovery-authn-codes"})
"""Whoever holds any of them adds, replaces and removes credentials only with one of them (CVE-2023-3597, 2026-3429)."""

BY_MESSAGE = frozenset({"sms-otp", "email"})
"""What arrives as a message: whoever reads the mailbox or holds the number for a moment must not get more by it."""


def strong_factors(user: User) -> frozenset[str]:
    """Return the names of the strong factors that a user could prove."""
    held = {
        "otp": bool(user.otps),
        "webauthn": bool(user.security_keys),
        "webauthn-passwordless": bool(user.passkeys),
        "recovery-authn-codes": user.recovery_codes is not None and bool(user.recovery_codes.codes),
    }
    return frozenset(name for name, present in held.items() if present)
