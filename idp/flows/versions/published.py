"""The published configuration of a realm: the present version, and those that logins in progress still hold on to.

Nothing edits live configuration. A new version is loaded and compiled completely and then swapped in by one assignment;
a login goes on with the version it began with (T-31), also after a restart, since every version stays in the store.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import msgspec

from idp.flows.assembly import AssembledRealm, UnusableRealmError
from idp.flows.step import StepServices
from idp.flows.tree import bare
from idp.flows.versions.runnable import runnable
from idp.model.client import Client
from idp.model.flow_kind import FlowKind
from idp.model.realm import Realm
from idp.model.session import AuthenticationSession
from idp.model.struct import Frozen
from idp.model.version import Publication
from idp.realms.files.placeholders import Surroundings
from idp.realms.history import RealmHistory
from idp.realms.loading import LoadedRealm, RealmUnreadableError, errors, load

_KEPT = 8  # versions kept compiled, beside the present one


class PreparedVersion(Frozen, frozen=True, kw_only=True):
    """The last line of the history, loaded and compiled: nothing is left to do but to swap it in.

    `proving` are the clients through whose login the line can be confirmed, if it waits for that; empty: through any.
    """

    publication: Publication
    loaded: LoadedRealm
    assembled: AssembledRealm
    proving: frozenset[str] = frozenset()


class PublishedRealm:
    """One realm's versions at work."""

    def __init__(
        self,
        *,
        history: RealmHistory,
        services: StepServices,
        surroundings: Surroundings,
        registered: Mapping[str, Client],
    ) -> None:
        """`registered` is the live table of clients that registered themselves; every version has the same."""
        self.history = history
        self._services = services
        self._surroundings = surroundings
        self._registered = registered
        self._present: PreparedVersion | None = None
        self._former: OrderedDict[str, AssembledRealm] = OrderedDict()

    async def prepared(self, *, known: LoadedRealm | None = None) -> PreparedVersion | None:
        """Load and compile the last line of the history; None if that is what is at work already.

        `known` spares the reading, if it is that version.

        Raises:
            UnusableRealmError: it has errors here, though it had none where it was published.

        """
        latest = await self.history.latest()
        present = self._present
        if latest is None or (present is not None and latest.number == present.publication.number):
            return None
        if present is not None and latest.version == present.publication.version:
            loaded, assembled = present.loaded, present.assembled  # the same objects: what was derived stays good
        else:
            usable = known if known is not None and known.realm.version == latest.version else None
            loaded = usable or await loaded_version(self.history, latest.version, self._surroundings)
            assembled = self._assembled(loaded.realm)
        waits = await self.history.waiting() == latest
        proving = await self._proving(latest, assembled) if waits else frozenset()
        return PreparedVersion(publication=latest, loaded=loaded, assembled=assembled, proving=proving)

    def swap(self, version: PreparedVersion) -> None:
        """Make a prepared version the present one. One assignment: whoever asks sees the old one or the new one."""
        self._present = version

    def current(self) -> AssembledRealm:
        """Return the present version."""
        assert self._present is not None, "a realm is published before it is served"
        return self._present.assembled

    def realm(self) -> Realm:
        """Return the configuration of the present version."""
        return self.current().realm

    async def assembled(self, version: str) -> AssembledRealm | None:
        """Return a version, compiled; None if it was never published or cannot run any more."""
        current = self.current()
        if version == current.realm.version:
            return current
        if version not in self._former:
            former = await self._revived(version)
            if former is None:
                return None
            self._former[version] = former
            while len(self._former) > _KEPT:
                self._former.popitem(last=False)
        return self._former[version]

    async def completed(self, login: AuthenticationSession) -> Publication | None:
        """Confirm the present line, if it waits for that and this login came through it; return it then.

        A login that a session answered has shown nothing, nor has one of a client whose flow is as it was.
        """
        present = self._present
        if present is None or present.publication.confirm_by is None or login.sso_sid is not None:
            return None
        line = present.publication
        if login.realm_version != line.version or login.created_at < line.at:
            return None
        if present.proving and login.client_id not in present.proving:
            return None
        return await self.history.confirm(f"login {login.transaction_id}")

    async def _proving(self, latest: Publication, assembled: AssembledRealm) -> frozenset[str]:
        before = await self._revived(latest.parent) if latest.parent is not None else None
        if before is None:
            return frozenset()
        return frozenset(
            client.client_id
            for client in assembled.realm.every_client
            if _login_of(assembled, client) != _login_of(before, client)
        )

    async def _revived(self, version: str) -> AssembledRealm | None:
        document = await self.history.document(version)
        if document is None:
            return None
        try:
            loaded = runnable(load(document.decode(), surroundings=self._surroundings))
            return self._assembled(loaded.realm)
        except (RealmUnreadableError, UnusableRealmError):
            return None  # made by another release; a login of this version begins again on the present one

    def _assembled(self, realm: Realm) -> AssembledRealm:
        return AssembledRealm(msgspec.structs.replace(realm, registered=self._registered), self._services)


async def loaded_version(history: RealmHistory, version: str, surroundings: Surroundings) -> LoadedRealm:
    """Load a version of the history.

    Raises:
        UnusableRealmError: it is not there, or has errors here.

    """
    document = await history.document(version)
    if document is None:
        raise UnusableRealmError(f"The version {version} is not in the store.")
    try:
        loaded = runnable(load(document.decode(), surroundings=surroundings))
    except RealmUnreadableError as error:
        raise UnusableRealmError(str(error)) from None
    if found := errors(loaded.findings):
        raise UnusableRealmError("\n".join(str(finding) for finding in found))
    return loaded


def _login_of(assembled: AssembledRealm, client: Client) -> object:
    """Return what a client's customers go through, wherever it stands in the file."""
    flow = assembled.flow_for(FlowKind.BROWSER, assembled.realm.client(client.client_id))
    return None if flow is None else bare(flow.root)
