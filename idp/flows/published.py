"""The published configuration of a realm: the present version, and those that logins in progress still hold on to.

Nothing edits live configuration. Publishing compiles a new version completely and then swaps one reference; a login
goes on with the version it began with (T-31), also after a restart, since every version stays in the store.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import msgspec

from idp.flows.assembly import AssembledRealm, UnusableRealmError
from idp.flows.step import StepServices
from idp.model.client import Client
from idp.model.realm import Realm
from idp.ports import RealmVersions, Sealer
from idp.realms.loading import LoadedRealm, RealmUnreadableError, load
from idp.realms.placeholders import Surroundings

_KEPT = 8  # versions kept compiled, beside the present one


class PublishedRealm:
    """One realm's versions at work."""

    def __init__(
        self,
        *,
        name: str,
        versions: RealmVersions,
        sealer: Sealer,
        services: StepServices,
        surroundings: Surroundings,
        registered: Mapping[str, Client],
    ) -> None:
        """`registered` is the live table of clients that registered themselves; every version has the same."""
        self._name = name
        self._versions = versions
        self._sealer = sealer
        self._services = services
        self._surroundings = surroundings
        self._registered = registered
        self._current: AssembledRealm | None = None
        self._former: OrderedDict[str, AssembledRealm] = OrderedDict()

    async def publish(self, loaded: LoadedRealm) -> bool:
        """Make a checked realm file the present version; false if it already was.

        Raises:
            UnusableRealmError: the flows of the file do not compile.

        """
        assembled = self._assembled(loaded.realm)
        present = await self._versions.current()
        if present != loaded.realm.version:
            sealed = self._sealer.seal(loaded.document, purpose=self._purpose(loaded.realm.version))
            await self._versions.publish(loaded.realm.version, sealed, expected=present)
        self._current = assembled
        return present != loaded.realm.version

    def current(self) -> AssembledRealm:
        """Return the present version."""
        assert self._current is not None, "a realm is published before it is served"
        return self._current

    def realm(self) -> Realm:
        """Return the configuration of the present version."""
        return self.current().realm

    async def assembled(self, version: str) -> AssembledRealm | None:
        """Return a version, compiled; None if it was never published or cannot run any more."""
        current = self.current()
        if version == current.realm.version:
            return current
        if version not in self._former:
            sealed = await self._versions.get(version)
            former = self._revived(version, sealed) if sealed is not None else None
            if former is None:
                return None
            self._former[version] = former
            while len(self._former) > _KEPT:
                self._former.popitem(last=False)
        return self._former[version]

    def _revived(self, version: str, sealed: bytes) -> AssembledRealm | None:
        document = self._sealer.unseal(sealed, purpose=self._purpose(version))
        try:
            former = load(document.decode(), surroundings=self._surroundings).realm
            return self._assembled(former)
        except (RealmUnreadableError, UnusableRealmError):
            return None  # made by another release; a login of this version begins again on the present one

    def _assembled(self, realm: Realm) -> AssembledRealm:
        return AssembledRealm(msgspec.structs.replace(realm, registered=self._registered), self._services)

    def _purpose(self, version: str) -> str:
        return f"realm-version|{self._name}|{version}"
