"""A user of a realm and what the user can prove."""

from __future__ import annotations

from typing import TypeVar

from idp.model.credentials.recovery_codes import RecoveryCodes
from idp.model.credentials.webauthn import WebAuthnCredential
from idp.model.policies.credentials import OtpAlgorithm, OtpKind
from idp.model.struct import Frozen
from idp.model.trusted.upstream import FederatedIdentity


class PasswordCredential(Frozen, frozen=True, kw_only=True, tag="password"):
    """A password. `sealed` opens to Keycloak's hash values; a dump of the store alone verifies nothing.

    A `temporary` password may only be used to set a new one, and not after `expires_at`. `awaiting_delivery` is true
    between the moment it was made and the moment the gateway accepted it: a process killed in between makes a new one.
    """

    id: str
    sealed: bytes
    created_at: int
    temporary: bool = False
    expires_at: int | None = None
    awaiting_delivery: bool = False


class FormerPassword(Frozen, frozen=True, kw_only=True):
    """A password that was replaced; `sealed` opens as that of a `PasswordCredential`."""

    sealed: bytes
    replaced_at: int


class OtpCredential(Frozen, frozen=True, kw_only=True, tag="otp"):
    """A soft token. `sealed` opens to the raw seed; the parameters are those it was made with.

    One of the kind `hotp` counts its codes (RFC 4226): `counter` is the one that is expected next.
    """

    id: str
    sealed: bytes
    created_at: int
    label: str = ""
    algorithm: OtpAlgorithm = "HmacSHA1"
    digits: int = 6
    period: int = 30
    kind: OtpKind = "totp"
    counter: int = 0


Credential = PasswordCredential | OtpCredential | WebAuthnCredential | RecoveryCodes
C = TypeVar("C", PasswordCredential, OtpCredential, WebAuthnCredential, RecoveryCodes)


class Consent(Frozen, frozen=True, kw_only=True):
    """Scopes a user has granted to a client, and when."""

    scopes: tuple[str, ...]
    at: int


class TermsAcceptance(Frozen, frozen=True, kw_only=True):
    """Which version of the terms a user accepted, the digest of the words that were shown, and when."""

    version: str
    digest: str
    at: int


class User(Frozen, frozen=True, kw_only=True):
    """A user. `revision` is the store's compare-and-set number; tokens issued before `not_before` are dead.

    Roles and groups (paths) are names: what they mean, and whether they still exist, the realm says.
    """

    id: str
    username: str
    created_at: int
    email: str = ""
    email_verified: bool = False
    first_name: str = ""
    last_name: str = ""
    enabled: bool = True
    attributes: dict[str, tuple[str, ...]] = {}
    credentials: tuple[Credential, ...] = ()
    former_passwords: tuple[FormerPassword, ...] = ()
    """The latest first."""
    required_actions: tuple[str, ...] = ()
    consents: dict[str, Consent] = {}
    terms: TermsAcceptance | None = None
    profile_confirmed_at: int | None = None
    not_before: int = 0
    revision: int = 0
    realm_roles: tuple[str, ...] = ()
    client_roles: dict[str, tuple[str, ...]] = {}
    groups: tuple[str, ...] = ()
    service_account_of: str = ""
    """The client that this user is when it acts for itself; such a user has no credential and never gets one."""
    identities: tuple[FederatedIdentity, ...] = ()
    """Where else the user can log in; each subject of a provider belongs to one user."""

    @property
    def full_name(self) -> str:
        """First and last name, or the username where neither is known."""
        return f"{self.first_name} {self.last_name}".strip() or self.username

    def attribute(self, name: str) -> str:
        """Return the first value of an attribute, or the empty text."""
        values = self.attributes.get(name, ())
        return values[0] if values else ""

    @property
    def phone(self) -> str:
        """The registered mobile number in E.164 form (checked when the realm file was read), or the empty text."""
        return self.attribute("phoneNumber")

    def credentials_of(self, kind: type[C]) -> tuple[C, ...]:
        """Return the credentials of one kind, in the user's order."""
        return tuple(credential for credential in self.credentials if isinstance(credential, kind))

    @property
    def password(self) -> PasswordCredential | None:
        """The user's password, if one was ever set."""
        return next(iter(self.credentials_of(PasswordCredential)), None)

    @property
    def otps(self) -> tuple[OtpCredential, ...]:
        """The user's soft tokens."""
        return self.credentials_of(OtpCredential)

    @property
    def security_keys(self) -> tuple[WebAuthnCredential, ...]:
        """The user's WebAuthn keys that are a second factor."""
        return tuple(key for key in self.credentials_of(WebAuthnCredential) if not key.passwordless)

    @property
    def passkeys(self) -> tuple[WebAuthnCredential, ...]:
        """The user's WebAuthn keys that log in without a password."""
        return tuple(key for key in self.credentials_of(WebAuthnCredential) if key.passwordless)

    @property
    def recovery_codes(self) -> RecoveryCodes | None:
        """The user's list of recovery codes, if there is one."""
        return next(iter(self.credentials_of(RecoveryCodes)), None)
