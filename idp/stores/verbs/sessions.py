"""Logins in progress and single sign-on sessions, over a kernel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from idp.model.session import AuthenticationSession, UserSession
from idp.stores.kernel import Kernel, Transaction
from idp.stores.verbs.shelf import Shelf


class KernelAuthenticationSessions:
    """Implements `idp.ports.AuthenticationSessions`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._shelf = Shelf("authentication-session", realm, AuthenticationSession)

    async def create(self, session: AuthenticationSession) -> None:
        """Store a new login."""

        def work(tx: Transaction) -> None:
            self._shelf.create(tx, session.tab_id, session, expires_at=session.expires_at)

        await self._kernel.transact(work)

    async def get(self, tab_id: str) -> AuthenticationSession | None:
        """Return the login of that tab, unless it expired."""
        return await self._shelf.find(self._kernel, tab_id)

    async def replace(self, session: AuthenticationSession) -> bool:
        """Store `session` as revision + 1 if the stored revision equals `session.revision`."""

        def work(tx: Transaction) -> bool:
            stored = self._shelf.get(tx, session.tab_id)
            if stored is None or stored.revision != session.revision:
                return False
            successor = msgspec.structs.replace(session, revision=session.revision + 1)
            self._shelf.put(tx, session.tab_id, successor, expires_at=session.expires_at)
            return True

        return await self._kernel.transact(work)

    async def standing(self) -> Mapping[str, int]:
        """Count the logins in progress, without those that have ended, by version."""
        logins = (await self._shelf.every(self._kernel)).values()
        return Counter(login.realm_version for login in logins if not login.ended)


class KernelUserSessions:
    """Implements `idp.ports.UserSessions`. A session's owner is its user."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._shelf = Shelf("user-session", realm, UserSession)

    async def create(self, session: UserSession, *, expires_at: int) -> None:
        """Store a new session."""

        def work(tx: Transaction) -> None:
            self._shelf.create(tx, session.sid, session, expires_at=expires_at, owner=session.user_id)

        await self._kernel.transact(work)

    async def get(self, sid: str) -> UserSession | None:
        """Return the session, unless it ended or expired."""
        return await self._shelf.find(self._kernel, sid)

    async def present(self, sid: str) -> UserSession | None:
        """Return the session as of this moment."""
        return await self._kernel.transact(lambda tx: self._shelf.get(tx, sid))

    async def replace(self, session: UserSession, *, expires_at: int) -> bool:
        """Store `session` as revision + 1 if the stored revision equals `session.revision`."""

        def work(tx: Transaction) -> bool:
            stored = self._shelf.get(tx, session.sid)
            if stored is None or stored.revision != session.revision:
                return False
            successor = msgspec.structs.replace(session, revision=session.revision + 1)
            self._shelf.put(tx, session.sid, successor, expires_at=expires_at, owner=session.user_id)
            return True

        return await self._kernel.transact(work)

    async def end(self, sid: str) -> UserSession | None:
        """Remove and return the session; only one caller gets it."""

        def work(tx: Transaction) -> UserSession | None:
            session = self._shelf.get(tx, sid)
            return session if self._shelf.delete(tx, sid) else None

        return await self._kernel.transact(work)

    async def of_user(self, user_id: str) -> Sequence[UserSession]:
        """Return every live session of a user, the oldest first."""
        sessions = await self._shelf.owned(self._kernel, user_id)
        return sorted(sessions, key=lambda session: (session.started_at, session.sid))

    async def standing(self) -> Mapping[str, int]:
        """Count the live sessions by version."""
        return Counter(session.realm_version for session in (await self._shelf.every(self._kernel)).values())
