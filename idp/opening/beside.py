"""Opening what is kept for the command line, whether or not a server is running."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from idp.crypto.kept_keys import KeptKeys
from idp.crypto.sealing import AesGcmSealer, read_master_keys
from idp.model.struct import Frozen
from idp.oidc.registration.registrations import Registrations
from idp.ports import (
    Clock,
    RandomBytes,
    RealmStores,
    Sealer,
    Store,
)
from idp.realms.history import RealmHistory
from idp.settings.tables import Settings
from idp.stores.opening import open_store


@contextlib.asynccontextmanager
async def registrations_beside(
    settings: Settings, *, realm: str, clock: Clock
) -> AsyncIterator[tuple[Registrations, RealmStores]]:
    """Open the registered clients of one realm for the command line, whether or not a server is running.

    Raises:
        MasterKeyError, StoreUnavailableError: with what to do.

    """
    async with _stores_beside(settings, realm=realm, clock=clock) as (stores, sealer):
        yield Registrations(realm=realm, store=stores.registered_clients, sealer=sealer), stores


@contextlib.asynccontextmanager
async def keys_beside(
    settings: Settings, *, realm: str, clock: Clock, random: RandomBytes
) -> AsyncIterator[tuple[KeptKeys, RealmStores]]:
    """Open the keys of one realm for the command line, whether or not a server is running.

    Raises:
        MasterKeyError, StoreUnavailableError: with what to do.

    """
    async with _stores_beside(settings, realm=realm, clock=clock) as (stores, sealer):
        yield KeptKeys(stores.secrets, sealer, realm=realm, clock=clock, random=random), stores


@contextlib.asynccontextmanager
async def versions_beside(
    settings: Settings, *, realm: str, clock: Clock
) -> AsyncIterator[tuple[RealmHistory, RealmStores]]:
    """Open the versions of one realm for the command line, whether or not a server is running.

    Raises:
        MasterKeyError, StoreUnavailableError: with what to do.

    """
    async with _stores_beside(settings, realm=realm, clock=clock) as (stores, sealer):
        yield RealmHistory(realm=realm, versions=stores.versions, sealer=sealer, clock=clock), stores


class Exporting(Frozen, frozen=True, kw_only=True):
    """What an export of one realm reads."""

    history: RealmHistory
    stores: RealmStores
    sealer: Sealer
    keys: KeptKeys

    async def fingerprint_key(self) -> bytes:
        """Return what fingerprints of secrets are keyed with: the realm's own key for as long as it lives."""
        return await self.keys.code_key()


@contextlib.asynccontextmanager
async def export_beside(
    settings: Settings, *, realm: str, clock: Clock, random: RandomBytes
) -> AsyncIterator[Exporting]:
    """Open one realm for an export, whether or not a server is running.

    Raises:
        MasterKeyError, StoreUnavailableError: with what to do.

    """
    async with _stores_beside(settings, realm=realm, clock=clock) as (stores, sealer):
        yield Exporting(
            history=RealmHistory(realm=realm, versions=stores.versions, sealer=sealer, clock=clock),
            stores=stores,
            sealer=sealer,
            keys=KeptKeys(stores.secrets, sealer, realm=realm, clock=clock, random=random),
        )


@contextlib.asynccontextmanager
async def store_beside(settings: Settings, *, clock: Clock) -> AsyncIterator[Store]:
    """Open the store for the command line, whether or not a server is running; without keys, what is sealed stays so.

    Raises:
        StoreUnavailableError: with what to do.

    """
    store = await open_store(settings.store, clock=clock, use="beside")
    try:
        yield store
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def _stores_beside(
    settings: Settings, *, realm: str, clock: Clock
) -> AsyncIterator[tuple[RealmStores, AesGcmSealer]]:
    sealer = AesGcmSealer(read_master_keys([Path(name) for name in settings.secrets.master_key_files]))
    async with store_beside(settings, clock=clock) as store:
        yield store.realm(realm), sealer
