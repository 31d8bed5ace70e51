"""Recovery codes: a list on paper, each code good once (NIST SP 800-63B-4 §3.1.2, §4.2).

80 bits a code, so that nobody guesses one; each is kept as a slow hash under a seal, and nothing of it comes back.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from idp.flows.step import Factor, StepServices
from idp.model.credentials.recovery_codes import RecoveryCodes
from idp.model.flow import Category
from idp.model.policies.credentials import PasswordRule

ACTION = "CONFIGURE_RECOVERY_AUTHN_CODES"
FACTOR = Factor(name="recovery-authn-codes", category=Category.POSSESSION, channel="paper", amr=("otp",))
CODES = 12
_LENGTH = 16
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32 letters and digits that nobody mistakes for one another
_GROUP = 4
_LONGEST_INPUT = 64


def new_codes(services: StepServices) -> tuple[str, ...]:
    """Make a list; five bits a character, every code of its own randomness."""
    return tuple("".join(_ALPHABET[byte % 32] for byte in services.random(_LENGTH)) for _ in range(CODES))


def grouped(code: str) -> str:
    """Write a code so that it can be copied by eye."""
    return "-".join(code[start : start + _GROUP] for start in range(0, len(code), _GROUP))


def normalised(typed: str) -> str:
    """Return what was typed as it was hashed: capital letters and digits alone, as in Keycloak."""
    text = typed[:_LONGEST_INPUT].upper()
    return "".join(letter for letter in text if letter.isascii() and letter.isalnum())


async def matches(services: StepServices, code: str, hashed: bytes, codes: RecoveryCodes) -> bool:
    """Compare a typed code with the hash of one."""
    if codes.hashed_with == "password":
        return await services.passwords.verify(code, hashed)
    given = base64.b64encode(hashlib.sha512(code.encode()).digest())  # Keycloak's own kind
    return hmac.compare_digest(given, hashed)


def few_are_left(codes: RecoveryCodes | None, rules: tuple[PasswordRule, ...]) -> bool:
    """Tell whether it is time for a new list: by Keycloak's `recoveryCodesWarningThreshold` of the password policy."""
    threshold = next((rule.argument for rule in rules if rule.name == "recoveryCodesWarningThreshold"), "")
    return codes is not None and threshold.isdigit() and len(codes.codes) <= int(threshold)
