"""Customers as a proof sees them: what they have, never who they are."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from idp.flows.registry import ACTIONS
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import OtpCredential, PasswordCredential, User
from idp.realms.seeds import UserSeed, delivers_by_sms

PASSWORD, TOKEN, MESSAGE = "password", "otp", "sms-otp"
"""The factors that a customer can have, by the names that the steps' contracts give them."""

_USER_ID = "customer"
_PHONE: dict[str, tuple[str, ...]] = {"phoneNumber": ("+355690000000",)}


class Customer(Frozen, frozen=True, kw_only=True):
    """One kind of customer.

    `delivered_by` is the factor whose channel brought the first password: whoever holds that channel has the password.
    """

    name: str
    user: User
    delivered_by: str | None = None


def customers_of(realm: Realm, seeds: tuple[UserSeed, ...]) -> Iterator[Customer]:
    """Yield every kind: at each stage of a customer's life, with and without a telephone, with what may be due."""
    due = [(), *_due(realm)]
    by_sms = any(delivers_by_sms(seeds))
    for phone in (True, False):
        where = "" if phone else ", without a telephone"
        for actions in due:
            what = f"{where}, due: {' '.join(actions)}" if actions else where
            if phone and by_sms:
                user = _user(phone=phone, actions=actions, temporary=True, token=False)
                yield Customer(name=f"first password by SMS{what}", user=user, delivered_by=MESSAGE)
            user = _user(phone=phone, actions=actions, temporary=True, token=False)
            yield Customer(name=f"first password by another way{what}", user=user)
            user = _user(phone=phone, actions=actions, temporary=False, token=False)
            yield Customer(name=f"own password, no soft token{what}", user=user)
            user = _user(phone=phone, actions=actions, temporary=False, token=True)
            yield Customer(name=f"own password, soft token{what}", user=user)


def _due(realm: Realm) -> list[tuple[str, ...]]:
    """Return each action that the realm can ask for, and all of them together."""
    known = tuple(s.alias for s in realm.required_actions if s.enabled and s.alias in ACTIONS)
    single: list[tuple[str, ...]] = [(alias,) for alias in known]
    return [*single, known] if len(known) > 1 else single


def _user(*, phone: bool, actions: tuple[str, ...], temporary: bool, token: bool) -> User:
    password = PasswordCredential(id=PASSWORD, sealed=b"", created_at=0, temporary=temporary)
    tokens = (OtpCredential(id=TOKEN, sealed=b"", created_at=0),) if token else ()
    return User(
        id=_USER_ID,
        username=_USER_ID,
        created_at=0,
        attributes=_PHONE if phone else {},
        credentials=(password, *tokens),
        required_actions=actions,
    )


def has(user: User, factor: str) -> bool:
    """Tell whether the customer has what proves a factor."""
    match factor:
        case "password":
            return user.password is not None
        case "otp":
            return bool(user.otps)
        case "sms-otp":
            return bool(user.phone)
        case _:
            raise AssertionError(f"the prover does not know how a customer comes by {factor}")


def given(user: User, factor: str) -> User:
    """Return the customer with a new credential in place of the former one."""
    match factor:
        case "password":
            fresh = PasswordCredential(id=PASSWORD, sealed=b"", created_at=0)
            return msgspec.structs.replace(user, credentials=(fresh, *user.otps))
        case "otp":
            token = OtpCredential(id=TOKEN, sealed=b"", created_at=0)
            return msgspec.structs.replace(user, credentials=(*user.credentials_of(PasswordCredential), token))
        case _:
            raise AssertionError(f"the prover does not know how a ceremony gives {factor}")


def without_action(user: User, action: str) -> User:
    """Return the customer after a required action."""
    return msgspec.structs.replace(user, required_actions=tuple(a for a in user.required_actions if a != action))
