"""What sealed credentials are bound to: a value copied to another user or realm does not open."""

from __future__ import annotations


def password_purpose(realm: str, user_id: str) -> str:
    """Purpose of a sealed password hash."""
    return f"password|{realm}|{user_id}"


def seed_purpose(realm: str, user_id: str, credential_id: str) -> str:
    """Purpose of a sealed soft-token seed."""
    return f"otp-seed|{realm}|{user_id}|{credential_id}"


def recovery_code_purpose(realm: str, user_id: str, credential_id: str) -> str:
    """Purpose of the sealed hash of a recovery code, and of the codes while they are shown."""
    return f"recovery-code|{realm}|{user_id}|{credential_id}"
