"""Users, over a kernel: a record each, a claim on the username, and the e-mail address as the record's owner."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from idp.model.user import User
from idp.stores.kernel import Kernel, Transaction
from idp.stores.shelf import Shelf, folded


class KernelUsers:
    """Implements `idp.ports.Users`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._shelf = Shelf("user", realm, User)
        self._names = Shelf("username", realm, str)

    async def by_id(self, user_id: str) -> User | None:
        """Return the user."""
        return self._shelf.get(self._kernel, user_id)

    async def by_username(self, username: str) -> User | None:
        """Return the user of that name, whatever its case."""
        user_id = self._names.get(self._kernel, folded(username))
        return None if user_id is None else self._shelf.get(self._kernel, user_id)

    async def by_email(self, email: str) -> User | None:
        """Return the user of that address; none if several have it, or a login could land at the wrong one."""
        owner = _owner(email)
        found = [] if owner is None else self._shelf.owned(self._kernel, owner)
        return found[0] if len(found) == 1 else None

    async def create(self, user: User) -> bool:
        """Store a new user; false if the id or the username is taken."""

        def work(tx: Transaction) -> bool:
            if self._shelf.get(tx, user.id) is not None or not self._names.add(tx, folded(user.username), user.id):
                return False
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
            return self._shelf.delete(tx, user_id)

        return await self._kernel.transact(work)

    async def all(self) -> Sequence[User]:
        """Return every user of the realm, by username."""
        return sorted(self._shelf.every(self._kernel).values(), key=lambda user: folded(user.username))


def _owner(email: str) -> str | None:
    return folded(email) or None
