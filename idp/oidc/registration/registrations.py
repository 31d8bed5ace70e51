"""The registered clients of one realm: sealed in the store, built like the file's clients, at work in a live table."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from idp.model.client import Client
from idp.model.clients.registration import LiveClients, RegisteredClient
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.ports import RegisteredClients, Sealer
from idp.realms.policies.conditions import Change
from idp.realms.registered import Registered, registered_client
from idp.realms.representation import realm as file
from idp.realms.tokens.access import scopes_of_realm


class _Built(Frozen, frozen=True, kw_only=True):
    record: RegisteredClient
    client: Client | None


def origin_of(record: RegisteredClient) -> Change:
    """Return how a client came to be registered, as client policies have it."""
    return Change(context="ByAnonymous" if record.initial_token is None else "ByInitialAccessToken")


class Registrations:
    """Keeps the live table what the store says; whoever changes the store asks it to `follow`."""

    def __init__(self, *, realm: str, store: RegisteredClients, sealer: Sealer) -> None:
        self.clients = LiveClients()
        self.store = store
        self._realm_name = realm
        self._sealer = sealer
        self._found: file.Realm | None = None
        self._realm: Realm | None = None
        self._built: Mapping[str, _Built] = {}
        self._revision = -1
        self._turn = asyncio.Lock()

    async def open(self, found: file.Realm, realm: Realm) -> tuple[str, ...]:
        """Build every client for a version of the realm; return the ids of those that it has no place for.

        Such a client stays in the store and out of the table: nobody can use it until the realm allows it again.
        """
        self._found, self._realm = found, realm
        self._built, self._revision = {}, -1
        await self.follow()
        return tuple(client_id for client_id, built in self._built.items() if built.client is None)

    async def follow(self) -> bool:
        """Take over what changed in the store; tell whether anything had."""
        async with self._turn:
            # The revision first: should somebody write in between, it is too small, and the next look finds out.
            revision = await self.store.revision()
            if revision == self._revision:
                return False
            records = await self.store.all()
            self._built = {record.client_id: self._build(record) for record in records}
            found = ((client_id, built.client) for client_id, built in self._built.items())
            self.clients.now = {client_id: client for client_id, client in found if client is not None}
            self._revision = revision
            return True

    def judged(self, written: file.Client, change: Change) -> Registered:
        """Return what the realm makes of a client that wants to be one of its own."""
        return registered_client(*self._present, written, change)

    def scopes(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the realm's default and optional client scopes."""
        found, realm = self._present
        return scopes_of_realm(found, realm.client_scopes)

    def sealed(self, written: file.Client) -> bytes:
        """Seal a representation: it has the client's secret."""
        return self._sealer.seal(msgspec.json.encode(written), purpose=self._purpose(written.client_id))

    def unsealed(self, record: RegisteredClient) -> file.Client:
        """Return the representation of a registered client."""
        document = self._sealer.unseal(record.sealed, purpose=self._purpose(record.client_id))
        return msgspec.json.decode(document, type=file.Client)

    @property
    def _present(self) -> tuple[file.Realm, Realm]:
        assert self._found is not None, "a realm is opened before it is served"
        assert self._realm is not None, "as above"
        return self._found, self._realm

    def _build(self, record: RegisteredClient) -> _Built:
        known = self._built.get(record.client_id)
        if known is not None and known.record == record:
            return known  # the same object: what was compiled for it stays good
        # As it came: a policy for clients of strangers goes on being about them.
        registered = registered_client(*self._present, self.unsealed(record), origin_of(record))
        return _Built(record=record, client=None if registered.violations else registered.client)

    def _purpose(self, client_id: str) -> str:
        return f"realm/{self._realm_name}/registered-client/{client_id}"
