"""Customers as a proof sees them: what they have, never who they are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import msgspec

from idp.assurance.credentials import CREDENTIALS, MESSAGE, PASSWORD, given
from idp.flows.assembly import AssembledRealm
from idp.flows.registry import ACTIONS
from idp.flows.step import StepContract
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import PasswordCredential, User
from idp.realms.users.seeds import UserSeed, delivers_by_sms

_USER_ID = "customer"


class Customer(Frozen, frozen=True, kw_only=True):
    """One kind of customer.

    `delivered_by` is the factor whose channel brought the first password: whoever holds that channel has the password.
    """

    name: str
    user: User
    delivered_by: str | None = None


def customers_of(assembled: AssembledRealm, seeds: tuple[UserSeed, ...]) -> Iterator[Customer]:
    """Yield every kind: at each stage of life, with and without each credential, with each action that may be due."""
    optional = sorted(spoken_of(assembled) - {PASSWORD})
    by_sms = any(delivers_by_sms(seeds))
    for possession in product((True, False), repeat=len(optional)):
        having = dict(zip(optional, possession, strict=True))
        newcomer = not any(held and not CREDENTIALS[name].from_the_start for name, held in having.items())
        for actions in ((), *_due(assembled.realm)):
            due = f", due: {' '.join(actions)}" if actions else ""
            first = f"{_words(having, from_the_start=True)}{due}"
            own = f"own password{_words(having, from_the_start=False)}{first}"
            if newcomer:
                user = _user(having, actions, temporary=True)
                if by_sms and having.get(MESSAGE, False):
                    yield Customer(name=f"first password by SMS{first}", user=user, delivered_by=MESSAGE)
                yield Customer(name=f"first password by another way{first}", user=user)
            yield Customer(name=own, user=_user(having, actions, temporary=False))


def spoken_of(assembled: AssembledRealm) -> frozenset[str]:
    """Return the factors that a step of the realm proves, demands or gives."""
    return frozenset(name for contract in assembled.contracts() for name in factors_of(contract))


def factors_of(contract: StepContract) -> Iterator[str]:
    """Yield the factors that a contract speaks of."""
    yield from (name for name in contract.factors if not CREDENTIALS[name].part_of)
    if contract.holders_of is not None:
        yield contract.holders_of
    if contract.changes is not None:
        yield contract.changes.credential


def _due(realm: Realm) -> list[tuple[str, ...]]:
    """Return each action that changes what a customer has, and all of them together; the others give nothing."""
    enabled = (s.alias for s in realm.required_actions if s.enabled and s.alias in ACTIONS)
    known = tuple(alias for alias in enabled if any(factors_of(ACTIONS[alias].contract)))
    single: list[tuple[str, ...]] = [(alias,) for alias in known]
    return [*single, known] if len(known) > 1 else single


def _words(having: dict[str, bool], *, from_the_start: bool) -> str:
    entries = [(CREDENTIALS[name], held) for name, held in having.items()]
    words = (e.present if held else e.absent for e, held in entries if e.from_the_start == from_the_start)
    return "".join(f", {word}" for word in words if word)


def _user(having: dict[str, bool], actions: tuple[str, ...], *, temporary: bool) -> User:
    password = PasswordCredential(id=PASSWORD, sealed=b"", created_at=0, temporary=temporary)
    user = User(id=_USER_ID, username=_USER_ID, created_at=0, credentials=(password,), required_actions=actions)
    for name, held in having.items():
        user = given(user, name) if held else user
    return msgspec.structs.replace(user, required_actions=actions)
