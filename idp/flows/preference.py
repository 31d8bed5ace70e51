"""Which of several ways a customer is asked for first: the saved order of their credentials (keycloak.md 2.7, step 4).

Order is no security: what is offered, and what each way proves, stays the same, and whoever wants another way takes it.
"""

from __future__ import annotations

from idp.flows.step import StepContract
from idp.model.credentials.recovery_codes import RecoveryCodes
from idp.model.credentials.webauthn import WebAuthnCredential
from idp.model.user import Credential, OtpCredential, PasswordCredential, User


def kind_of(credential: Credential) -> str:
    """Return Keycloak's type of a credential, which is the name of the factor that it proves."""
    match credential:
        case PasswordCredential():
            return "password"
        case OtpCredential():
            return "otp"
        case WebAuthnCredential(passwordless=passwordless):
            return "webauthn-passwordless" if passwordless else "webauthn"
        case RecoveryCodes():
            return "recovery-authn-codes"


def rank(contract: StepContract, user: User | None) -> int | None:
    """Return the place of a step's credential in the user's order; None if it rests on no saved credential."""
    if user is None or contract.proves is None:
        return None
    kinds = [kind_of(credential) for credential in user.credentials]
    return kinds.index(contract.proves.name) if contract.proves.name in kinds else None


def with_password(user: User, password: PasswordCredential) -> tuple[Credential, ...]:
    """Return the user's credentials with that password in the place of the former, or before all others."""
    if user.password is None:
        return (password, *user.credentials)
    return tuple(password if isinstance(c, PasswordCredential) else c for c in user.credentials)
