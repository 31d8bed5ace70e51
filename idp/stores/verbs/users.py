"""Users, over a kernel: a record each, with claims on the username and on each federated identity.

The e-mail address is the record's owner. What else a user is looked for by are records of their own (`user_terms`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec

from idp.crypto.digest import digest
from idp.model.trusted.upstream import FederatedIdentity
from idp.model.user import User
from idp.model.user_search import FoundUsers, UserField, UserSearch
from idp.stores.kernel import Kernel, Transaction
from idp.stores.verbs.shelf import Shelf, folded
from idp.stores.verbs.user_terms import TERM, is_first_hit, prefix_of, terms_of

RESERVED = 120
"""Seconds for which an address is kept for one user: longer than writing a user takes, on clocks 30 seconds apart."""


_PAGE = 500


class KernelUsers:
    """Implements `idp.ports.Users`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._shelf = Shelf("user", realm, User)
        self._names = Shelf("username", realm, str)
        self._identities = Shelf("identity", realm, str)
        self._reservations = Shelf("address-reservation", realm, str)
        self._terms = Shelf("user-term", realm, str)

    async def by_id(self, user_id: str) -> User | None:
        """Return the user."""
        return await self._shelf.find(self._kernel, user_id)

    async def present(self, user_id: str) -> User | None:
        """Return the user as of this moment."""
        return await self._kernel.transact(lambda tx: self._shelf.get(tx, user_id))

    async def by_username(self, username: str) -> User | None:
        """Return the user of that name, whatever its case."""
        user_id = await self._names.find(self._kernel, folded(username))
        return None if user_id is None else await self._shelf.find(self._kernel, user_id)

    async def by_email(self, email: str) -> User | None:
        """Return the user of that address; none if several have it, or a login could land at the wrong one."""
        owner = _owner(email)
        found = [] if owner is None else await self._shelf.owned(self._kernel, owner)
        return found[0] if len(found) == 1 else None

    async def by_identity(self, alias: str, subject: str) -> User | None:
        """Return the user whom a subject of an upstream provider is linked to."""
        user_id = await self._identities.find(self._kernel, _place(FederatedIdentity(alias=alias, subject=subject)))
        return None if user_id is None else await self._shelf.find(self._kernel, user_id)

    async def reserve_address(self, email: str, holder: str) -> bool:
        """Keep an address for `holder`; false if it is somebody else's, or kept for another."""
        owner = folded(email)

        def work(tx: Transaction) -> bool:
            if self._reservations.get(tx, owner) not in {None, holder}:
                return False
            self._reservations.put(tx, owner, holder, expires_at=tx.now + RESERVED)
            return True

        if not await self._kernel.transact(work):
            return False
        # Only now: whoever had reserved it before has written their user, or never will.
        return all(user.id == holder for user in await self._shelf.owned(self._kernel, owner))

    async def create(self, user: User) -> bool:
        """Store a new user; false if the id, the username or a federated identity is taken."""

        def work(tx: Transaction) -> bool:
            if self._shelf.get(tx, user.id) is not None or not self._free(tx, user):
                return False
            if not self._names.add(tx, folded(user.username), user.id):
                return False
            self._link(tx, (), user)
            self._name(tx, frozenset(), user)
            self._give_back(tx, user)
            self._shelf.put(tx, user.id, user, owner=_owner(user.email))
            return True

        return await self._kernel.transact(work)

    async def replace(self, user: User) -> bool:
        """Store `user` as revision + 1 if the stored revision equals `user.revision`."""

        def work(tx: Transaction) -> bool:
            stored = self._shelf.get(tx, user.id)
            if stored is None or stored.revision != user.revision:
                return False
            if stored.username != user.username:
                raise ValueError("A username does not change.")
            if not self._free(tx, user):
                return False
            self._link(tx, stored.identities, user)
            if _found_by(stored) != _found_by(user):  # a login changes none of it, and need not pay for it
                self._name(tx, terms_of(stored), user)
            successor = msgspec.structs.replace(user, revision=user.revision + 1)
            self._shelf.put(tx, user.id, successor, owner=_owner(user.email))
            return True

        return await self._kernel.transact(work)

    async def remove(self, user_id: str) -> bool:
        """Remove a user, and the claim on the username."""

        def work(tx: Transaction) -> bool:
            stored = self._shelf.get(tx, user_id)
            if stored is None:
                return False
            self._names.delete(tx, folded(stored.username))
            for identity in stored.identities:
                self._identities.delete(tx, _place(identity))
            for term in terms_of(stored):
                self._terms.delete(tx, term)
            return self._shelf.delete(tx, user_id)

        return await self._kernel.transact(work)

    def _free(self, tx: Transaction, user: User) -> bool:
        """Tell whether nobody else has an identity of the user: or one login there would open two accounts here."""
        return all(self._identities.get(tx, _place(one)) in {None, user.id} for one in user.identities)

    def _link(self, tx: Transaction, before: tuple[FederatedIdentity, ...], user: User) -> None:
        for gone in {_place(one) for one in before} - {_place(one) for one in user.identities}:
            self._identities.delete(tx, gone)
        for one in user.identities:
            self._identities.put(tx, _place(one), user.id)

    def _give_back(self, tx: Transaction, user: User) -> None:
        """End what the user reserved: from here on the address is theirs, and whoever reserves it next sees that."""
        owner = _owner(user.email)
        if owner is not None and self._reservations.get(tx, owner) == user.id:
            self._reservations.delete(tx, owner)

    def _name(self, tx: Transaction, before: frozenset[str], user: User) -> None:
        """Let the user be found by what is new, and by nothing that is gone."""
        after = terms_of(user)
        for gone in before - after:
            self._terms.delete(tx, gone)
        for new in after - before:
            self._terms.put(tx, new, user.id)

    async def page(self, *, prefix: str = "", after: str = "", limit: int) -> Sequence[User]:
        """Return the first users, by username, whose names begin with `prefix` and come behind `after`."""
        names = await self._names.page(self._kernel, prefix=folded(prefix), after=folded(after), limit=limit)
        found = [await self._shelf.find(self._kernel, user_id) for user_id in names.values()]
        return [user for user in found if user is not None]  # one that was removed meanwhile is gone

    async def search(self, search: UserSearch, *, after: str = "", limit: int) -> FoundUsers:
        """Return a page of the users whom a search finds, each once."""
        found: list[User] = []
        begun, _, key = after.partition(":")
        fields = search.fields[search.fields.index(UserField(begun)) :] if after else search.fields
        for field in fields:
            async for place, user in self._found(search, field, key if field == begun else "", limit):
                found.append(user)
                if len(found) == limit:
                    return FoundUsers(users=tuple(found), after=f"{field}:{place}")
        return FoundUsers(users=tuple(found))

    async def _found(
        self, search: UserSearch, field: UserField, after: str, limit: int
    ) -> AsyncIterator[tuple[str, User]]:
        """Yield whom one field finds, and where that stands."""
        prefix = prefix_of(search, field)
        if prefix is None:
            return
        shelf = self._names if field is UserField.USERNAME else self._terms
        while hits := await shelf.page(self._kernel, prefix=prefix, after=after, limit=limit):
            for place, user_id in hits.items():
                user = await self._shelf.find(self._kernel, user_id)
                if user is not None and is_first_hit(user, search, field, place):
                    yield place, user
            if len(hits) < limit:
                return
            after = list(hits)[-1]

    async def every(self) -> AsyncIterator[User]:
        """Yield every user of the realm, by username, read a page at a time."""
        after = ""
        while names := await self._names.page(self._kernel, after=after, limit=_PAGE):
            for user_id in names.values():
                user = await self._shelf.find(self._kernel, user_id)
                if user is not None:
                    yield user
            after = list(names)[-1]
            await asyncio.sleep(0)


def claims_of(user: User) -> tuple[tuple[str, str], ...]:
    """Return the kind and the key of each record that names this user: what nobody else may have, what finds them."""
    return (
        ("username", folded(user.username)),
        *(("identity", _place(one)) for one in user.identities),
        *((TERM, term) for term in terms_of(user)),
    )


def _found_by(user: User) -> tuple[str, ...]:
    """Return what `terms_of` is made of."""
    return (user.email, user.first_name, user.last_name, user.phone)


def _place(identity: FederatedIdentity) -> str:
    """Return where an identity is found: subjects are compared as they are (OpenID Connect Core §2, `sub`)."""
    return digest(f"{identity.alias}\n{identity.subject}")


def _owner(email: str) -> str | None:
    return folded(email) or None
