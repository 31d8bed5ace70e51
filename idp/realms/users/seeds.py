"""Users as a realm file brings them: who they are, and credentials that are hashed, typed, or to be delivered.

A seed becomes a user of the store once, when the store does not know the user yet (`idp.flows.customers.newcomers`).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import msgspec

from idp.model.credentials.webauthn import WebAuthnCredential
from idp.model.finding import Finding, Severity
from idp.model.folding import folded
from idp.model.policies.credentials import OtpAlgorithm, OtpKind
from idp.model.policies.sms import MOBILE_KINDS, NumberKind
from idp.model.secret import Secret
from idp.model.struct import Frozen
from idp.model.trusted.upstream import FederatedIdentity
from idp.realms.exchange.secret_places import MASK
from idp.realms.representation import realm as file
from idp.realms.users.phone_numbers import number_of
from idp.realms.users.seeded_keys import KEYS, RECOVERY_CODES, SeededCodes, seeded_codes, seeded_key

LONGEST_PASSWORD = 1024
"""Characters of a password in clear; `idp.crypto.passwords` hashes no longer one."""

_SHORTEST_SEED = 14  # bytes; NIST SP 800-63B-4 §3.1.4.1: at least 112 bits
_FIRST_PASSWORD_LIFESPAN = 72 * 3600  # ASVS 6.4.1: first passwords are short-lived


class HashedPassword(Frozen, frozen=True, kw_only=True):
    """Keycloak's stored hash, as the JSON that `idp.crypto.passwords` reads."""

    hashed: bytes


class TypedPassword(Frozen, frozen=True, kw_only=True):
    """A password in clear, for seeding only; it is hashed at once."""

    value: Secret
    temporary: bool


class DeliveredPassword(Frozen, frozen=True, kw_only=True):
    """A first password that does not exist yet: it is made and sent when the user arrives."""

    channel: Literal["sms"]
    lifespan: int


class SeededToken(Frozen, frozen=True, kw_only=True):
    """A soft token that another system enrolled."""

    seed: bytes
    label: str
    algorithm: OtpAlgorithm
    digits: int
    period: int
    kind: OtpKind = "totp"
    counter: int = 0


class UserSeed(Frozen, frozen=True, kw_only=True):
    """A user of a realm file. Where the file names no roles or groups (None), the user gets those of every new user."""

    id: str | None
    username: str
    email: str
    email_verified: bool
    first_name: str
    last_name: str
    enabled: bool
    attributes: dict[str, tuple[str, ...]]
    required_actions: tuple[str, ...]
    password: HashedPassword | TypedPassword | DeliveredPassword | None
    tokens: tuple[SeededToken, ...]
    keys: tuple[WebAuthnCredential, ...] = ()
    recovery_codes: SeededCodes | None = None
    credential_order: tuple[str, ...] = ()
    """The kinds in the order of the file: which of them the user prefers (keycloak.md 2.7)."""
    realm_roles: tuple[str, ...] | None = None
    client_roles: dict[str, tuple[str, ...]] = {}
    groups: tuple[str, ...] | None = None
    identities: tuple[FederatedIdentity, ...] = ()
    created_at: int | None = None
    service_account_of: str = ""
    pointer: str = ""
    """Where the user stands in the file."""


def user_seeds(
    users: tuple[file.User, ...],
    findings: list[Finding],
    *,
    kinds: frozenset[NumberKind] = MOBILE_KINDS,
    duplicate_emails: bool = False,
) -> tuple[UserSeed, ...]:
    """Read every user; what is wrong with one is a finding and leaves that user out.

    `kinds` are the kinds of numbers that messages may be sent to. Unless the realm allows `duplicate_emails`, one
    address is one person: nobody would be found by an address of two.
    """
    seeds = []
    names: set[str] = set()
    ids: set[str] = set()
    addresses: dict[str, str] = {}
    for position, user in enumerate(users):
        pointer = f"/users/{position}"
        if not user.username.strip():
            findings.append(_error(f"{pointer}/username", "A user has no name.", "Write one."))
            continue
        if user.username.casefold() in names:
            findings.append(_error(f"{pointer}/username", f"User “{user.username}” appears twice.", "Remove one."))
            continue
        if user.id in ids:
            findings.append(_error(f"{pointer}/id", f"The id “{user.id}” appears twice.", "Remove one of them."))
            continue
        seed = _seed(user, kinds, pointer, findings)
        address = "" if duplicate_emails else folded(seed.email)
        if address in addresses:
            findings.append(shared_address(seed, addresses[address]))
            continue
        addresses |= {address: user.username} if address else {}
        names.add(user.username.casefold())
        ids |= {user.id} if user.id is not None else set()
        seeds.append(seed)
    return tuple(seeds)


def _seed(user: file.User, kinds: frozenset[NumberKind], pointer: str, findings: list[Finding]) -> UserSeed:
    if user.service_account_client_id:
        # Nobody is to log in as a client: it gets no credential, no address and nothing to do, now or later.
        user = msgspec.structs.replace(user, credentials=(), required_actions=(), email="", email_verified=False)
    found = _credentials(user, pointer, findings)
    password = found.password
    attributes = dict(user.attributes)
    phone = _phone(attributes.get("phoneNumber", ()), kinds, f"{pointer}/attributes/phoneNumber", findings)
    if phone:
        attributes["phoneNumber"] = (phone,)
    if isinstance(password, DeliveredPassword) and not phone:
        findings.append(
            _error(
                f"{pointer}/attributes/phoneNumber",
                f"The first password of “{user.username}” is to be sent by SMS, but there is no number.",
                "Add phoneNumber in the form +355691234567.",
            )
        )
    return UserSeed(
        id=user.id,
        username=user.username,
        email=user.email,
        email_verified=user.email_verified,
        first_name=user.first_name,
        last_name=user.last_name,
        enabled=user.enabled,
        attributes=attributes,
        required_actions=user.required_actions,
        password=password,
        tokens=tuple(found.tokens),
        keys=tuple(found.keys),
        recovery_codes=found.recovery_codes,
        credential_order=tuple(credential.type for credential in user.credentials),
        realm_roles=user.realm_roles,
        client_roles=user.client_roles,
        groups=user.groups,
        identities=tuple(
            FederatedIdentity(alias=one.identity_provider, subject=one.user_id, username=one.user_name)
            for one in user.federated_identities
        ),
        created_at=None if user.created_timestamp is None else max(0, user.created_timestamp // 1000),
        service_account_of=user.service_account_client_id,
        pointer=pointer,
    )


def admitted(seeds: tuple[UserSeed, ...], findings: Sequence[Finding]) -> tuple[UserSeed, ...]:
    """Return the users without those whose id is a client's: a token's subject could be either."""
    refused = {finding.pointer for finding in findings if finding.rule == "U-CLIENT"}
    return tuple(seed for seed in seeds if f"{seed.pointer}/id" not in refused)


def shared_address(seed: UserSeed, holder: str) -> Finding:
    """Return what is wrong with a user whose e-mail address is somebody else's."""
    problem = f"“{seed.username}” has the e-mail address of “{holder}”."
    repair = "Give each an address of their own, or let the realm allow it (duplicateEmailsAllowed)."
    return _error(f"{seed.pointer}/email", problem, repair)


def reserved_address(seed: UserSeed) -> Finding:
    """Return what keeps a user out whose e-mail address is reserved, for them or for somebody else."""
    problem = f"The e-mail address of “{seed.username}” is being given to somebody at this moment."
    return _error(f"{seed.pointer}/email", problem, "Wait two minutes and look again.")


def held_id(seed: UserSeed) -> Finding:
    """Return what is wrong with a user whose id is another user's."""
    problem = f"“{seed.username}” has the id of another user."
    return _error(f"{seed.pointer}/id", problem, "Leave the id out: the user gets one of their own.")


def held_identity(seed: UserSeed, position: int) -> Finding:
    """Return what is wrong with a user of whom a federated identity, the one at `position`, is another user's."""
    problem = f"“{seed.username}” has a federated identity of another user: one login would open two accounts."
    return _error(f"{seed.pointer}/federatedIdentities/{position}", problem, "Remove it from one of the two.")


def _phone(values: tuple[str, ...], kinds: frozenset[NumberKind], pointer: str, findings: list[Finding]) -> str | None:
    """Return the number in E.164 form, if it is one that the realm sends messages to."""
    if not values:
        return None
    number = number_of(values[0], kinds=kinds)
    if number is None:
        problem = f"“{values[0]}” is not a mobile number in international form."
        findings.append(_error(f"{pointer}/0", problem, "Write it as +355691234567."))
    return number


_Lifespan = Annotated[int, msgspec.Meta(ge=60, le=366 * 24 * 3600)]
Password = HashedPassword | TypedPassword | DeliveredPassword


class _Found(msgspec.Struct):
    """The credentials of one user, as they are read."""

    password: Password | None = None
    tokens: list[SeededToken] = []
    keys: list[WebAuthnCredential] = []
    recovery_codes: SeededCodes | None = None

    def read(self, credential: file.Credential) -> bool:
        """Take one in; false if it is of a kind that nobody knows."""
        if credential.type == "password":
            self.password = _password(credential)
        elif credential.type == "otp":
            self.tokens.append(_token(credential))
        elif credential.type in KEYS:
            self.keys.append(seeded_key(credential))
        elif credential.type == RECOVERY_CODES:
            self.recovery_codes = seeded_codes(credential)
        else:
            return False
        return True


def _credentials(user: file.User, pointer: str, findings: list[Finding]) -> _Found:
    found = _Found()
    for position, credential in enumerate(user.credentials):
        place = f"{pointer}/credentials/{position}"
        if credential.secret_data is not None and MASK in credential.secret_data:
            findings.append(_masked(place, credential.type))
            continue
        try:
            if not found.read(credential):
                findings.append(_ignored(place, credential.type))
        except (ValueError, TypeError, KeyError, binascii.Error, msgspec.ValidationError) as error:
            problem = f"The {credential.type} credential of “{user.username}” cannot be read ({type(error).__name__})."
            findings.append(_error(place, problem, "Give Keycloak's secretData and credentialData, or remove it."))
    return found


def _password(credential: file.Credential) -> Password:
    described = json.loads(credential.credential_data or "{}")
    if "deliver" in described:
        if described["deliver"] != "sms":
            raise ValueError("unknown channel")
        lifespan = msgspec.convert(described.get("lifespanSeconds", _FIRST_PASSWORD_LIFESPAN), _Lifespan)
        return DeliveredPassword(channel="sms", lifespan=lifespan)
    if credential.value is not None:
        if not 0 < len(credential.value) <= LONGEST_PASSWORD:
            raise ValueError("a password has 1 to 1024 characters")
        return TypedPassword(value=Secret(credential.value), temporary=credential.temporary)
    secret = json.loads(credential.secret_data or "{}")
    hashed = {
        "algorithm": described["algorithm"],
        "hashIterations": described["hashIterations"],
        "additionalParameters": described.get("additionalParameters", {}),
        "value": secret["value"],
        "salt": secret["salt"],
    }
    return HashedPassword(hashed=json.dumps(hashed).encode())


class _TokenDescription(msgspec.Struct, frozen=True, rename="camel"):
    sub_type: OtpKind = "totp"
    counter: Annotated[int, msgspec.Meta(ge=0)] = 0
    digits: Literal[6, 8] = 6
    period: Annotated[int, msgspec.Meta(ge=1)] = 30
    algorithm: OtpAlgorithm = "HmacSHA1"
    secret_encoding: str | None = None


def _token(credential: file.Credential) -> SeededToken:
    described = msgspec.json.decode(credential.credential_data or "{}", type=_TokenDescription)
    value = json.loads(credential.secret_data or "{}")["value"]
    # Keycloak: without `secretEncoding` the key is the text itself, not the bytes it might encode.
    base32 = described.secret_encoding == "BASE32"  # noqa: S105 - the name of an encoding
    seed = base64.b32decode(value + "=" * (-len(value) % 8), casefold=True) if base32 else str(value).encode()
    if len(seed) < _SHORTEST_SEED:
        raise ValueError("the key is too short")
    return SeededToken(
        seed=seed,
        label=credential.user_label,
        algorithm=described.algorithm,
        digits=described.digits,
        period=described.period,
        kind=described.sub_type,
        counter=described.counter if described.sub_type == "hotp" else 0,
    )


def delivers_by_sms(seeds: tuple[UserSeed, ...]) -> Iterator[UserSeed]:
    """Yield the users whose first password is sent by SMS."""
    for seed in seeds:
        if isinstance(seed.password, DeliveredPassword):
            yield seed


def _error(pointer: str, problem: str, repair: str) -> Finding:
    return Finding(rule="R-USER", severity=Severity.ERROR, pointer=pointer, problem=problem, repair=repair)


def _masked(pointer: str, kind: str) -> Finding:
    return Finding(
        rule="R-CREDENTIAL",
        severity=Severity.WARNING,
        pointer=pointer,
        problem=f"The {kind} credential is masked in this file: the user arrives without it.",
        repair="Export with secrets included, or let the user set a new one.",
    )


def _ignored(pointer: str, kind: str) -> Finding:
    return Finding(
        rule="R-CREDENTIAL",
        severity=Severity.WARNING,
        pointer=pointer,
        problem=f"A credential of type “{kind}” is not honoured.",
        repair="The user cannot use it here; remove it, or enrol another one.",
    )
