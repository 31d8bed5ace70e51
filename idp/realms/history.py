"""A realm's configuration over time: what is published, from which version, by whom and why; drafts; ways back.

A version is a canonical document without users, named by its SHA-256. Whoever publishes says from which version they
started, and is refused if somebody else was first. Whether a document may be published at all (its findings, its flows)
is judged before, by `idp.flows.versions.publishing`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from idp.model.struct import Frozen
from idp.model.version import Confirmation, Draft, Publication, VersionSource
from idp.ports import Clock, RealmVersions, Sealer

SHORTEST_REFERENCE = 4
"""Characters of a version's id that name it, if no other version begins so."""

REVERTER = "hyrja"
"""Who goes back to the version before, when nobody has confirmed in time."""


class HistoryRefusedError(Exception):
    """The history does not take this; the text says why and what to do."""


class Authorship(Frozen, frozen=True, kw_only=True):
    """Who changes a realm, and why."""

    author: str
    reason: str


def version_of(document: bytes) -> str:
    """Return the id of the version that a canonical document is."""
    return hashlib.sha256(document).hexdigest()


class RealmHistory:
    """The history of one realm in the store, for the server and for the command line beside it."""

    def __init__(self, *, realm: str, versions: RealmVersions, sealer: Sealer, clock: Clock) -> None:
        self.realm = realm
        self._versions = versions
        self._sealer = sealer
        self._clock = clock

    async def latest(self) -> Publication | None:
        """Return what is present now; None if nothing was ever published."""
        return await self._versions.latest()

    async def log(self) -> Sequence[Publication]:
        """Return the whole history, the newest line first."""
        return await self._versions.log()

    async def confirmations(self) -> Mapping[int, Confirmation]:
        """Return who confirmed which line, by its number."""
        return {confirmation.number: confirmation for confirmation in await self._versions.confirmations()}

    async def waiting(self) -> Publication | None:
        """Return the present line, if it is undone unless somebody confirms it."""
        latest = await self.latest()
        if latest is None or latest.confirm_by is None or latest.number in await self.confirmations():
            return None
        return latest

    async def document(self, version: str) -> bytes | None:
        """Return the canonical document of a version; None if it was never published.

        Raises `ValueError` if what is kept is not that version, or does not open.
        """
        sealed = await self._versions.get(version)
        return None if sealed is None else self._opened(sealed, self._purpose(version), version)

    async def found(self, reference: str) -> str:
        """Return the version that a reference means: its id, or the beginning of it. Raises `HistoryRefusedError`."""
        versions = {line.version for line in await self.log()}
        meant = sorted(version for version in versions if version.startswith(reference.lower()))
        if reference.lower() in versions:
            return reference.lower()
        if len(meant) == 1 and len(reference) >= SHORTEST_REFERENCE:
            return meant[0]
        if len(meant) > 1:
            raise HistoryRefusedError(f"“{reference}” is the beginning of {len(meant)} versions: give more of it.")
        raise HistoryRefusedError(f"The realm “{self.realm}” has no version “{reference}”: see idp realm log.")

    async def publish(
        self,
        document: bytes,
        authorship: Authorship,
        *,
        base: str | None,
        source: VersionSource = VersionSource.PUBLISH,
        confirm_within: int | None = None,
    ) -> Publication:
        """Make a canonical document the present version, if the present one is `base` (None: there is none).

        With `confirm_within` (seconds) it is undone then, unless it is confirmed.

        Raises:
            HistoryRefusedError: somebody else was first, it is what is present already, or another one still waits.

        """
        latest = await self.latest()
        present = None if latest is None else latest.version
        if present != base:
            raise self._overtaken(latest)
        if version_of(document) == present:
            raise HistoryRefusedError(f"This is what the realm “{self.realm}” is already: nothing to publish.")
        await self._refuse_waiting()
        return await self._added(latest, document, authorship, source=source, confirm_within=confirm_within)

    async def rollback(self, version: str, authorship: Authorship) -> Publication:
        """Go back to a version that was published before. A line that waits for confirmation ends by this.

        Raises:
            HistoryRefusedError: it is the present version, was never published, or somebody else was first.

        """
        latest, document = await self.latest(), await self.document(version)
        if document is None:
            raise HistoryRefusedError(f"The realm “{self.realm}” has no version “{version}”: see idp realm log.")
        if latest is not None and latest.version == version:
            raise HistoryRefusedError(f"The realm “{self.realm}” is at this version already.")
        return await self._added(latest, document, authorship, source=VersionSource.ROLLBACK)

    async def taken_from_file(self, document: bytes, authorship: Authorship, *, alone: bool) -> Publication | None:
        """Publish what the realm file says, if that is news since it was last taken; None if it is not.

        The file counts when it changes, and only then: what was published since stays, also over a restart. Where a
        node is not `alone` with its store, a file that says what was superseded may be that of a node with yesterday's
        configuration: it undoes nothing either, and to go back is somebody's decision (`rollback`).
        """
        version = version_of(document)
        lines = await self.log()
        taken = next((line.version for line in lines if line.source is VersionSource.FILE), None)
        latest = lines[0] if lines else None
        if taken == version or (not alone and latest is not None and _is_superseded(version, latest, lines)):
            return None
        return await self._added(latest, document, authorship, source=VersionSource.FILE)

    async def confirm(self, by: str) -> Publication | None:
        """Let the present line stay for good; None if none waits, or its time is over."""
        waiting = await self.waiting()
        if waiting is None:
            return None
        confirmed = await self._versions.confirm(Confirmation(number=waiting.number, by=by, at=self._now()))
        return waiting if confirmed else None

    async def reverted(self) -> Publication | None:
        """Go back to the version before, if the present line's time to be confirmed is over; return the new line.

        Whichever process looks first does it, a server that starts among them; the others find it done.
        """
        waiting = await self.waiting()
        if waiting is None or waiting.confirm_by is None or self._now() < waiting.confirm_by or waiting.parent is None:
            return None
        line = Publication(
            number=waiting.number + 1,
            version=waiting.parent,
            parent=waiting.version,
            author=REVERTER,
            at=self._now(),
            reason=f"Nobody confirmed {waiting.version[:12]} in time.",
            source=VersionSource.REVERT,
        )
        return line if await self._versions.revert(line) else None

    async def drafts(self) -> Sequence[Draft]:
        """Return every draft, by name."""
        return await self._versions.drafts()

    async def draft(self, name: str) -> Draft:
        """Return a draft. Raises `HistoryRefusedError`: there is none of that name."""
        draft = await self._versions.draft(name)
        if draft is None:
            raise HistoryRefusedError(f"The realm “{self.realm}” has no draft “{name}”: see idp realm draft.")
        return draft

    def drafted(self, draft: Draft) -> bytes:
        """Return the canonical document of a draft. Raises `ValueError` if it does not open."""
        return self._opened(draft.sealed, self._draft_purpose(draft.name), draft.version)

    async def keep_draft(self, name: str, document: bytes, *, base: str, author: str) -> Draft:
        """Keep a canonical document as a draft that was made from the version `base`, in place of one of that name.

        Raises `HistoryRefusedError` if somebody else changes the draft at the same time.
        """
        former = await self._versions.draft(name)
        draft = Draft(
            name=name,
            version=version_of(document),
            base=base,
            author=author,
            at=self._now(),
            sealed=self._sealer.seal(document, purpose=self._draft_purpose(name)),
            revision=0 if former is None else former.revision,
        )
        if not await self._versions.keep_draft(draft):
            raise HistoryRefusedError(f"Somebody else changes the draft “{name}” now: look at it and try again.")
        return draft

    async def drop_draft(self, name: str) -> bool:
        """Remove a draft; true for the caller that did."""
        return await self._versions.drop_draft(name)

    async def _added(
        self,
        latest: Publication | None,
        document: bytes,
        authorship: Authorship,
        *,
        source: VersionSource,
        confirm_within: int | None = None,
    ) -> Publication:
        version, now = version_of(document), self._now()
        line = Publication(
            number=1 if latest is None else latest.number + 1,
            version=version,
            parent=None if latest is None else latest.version,
            author=authorship.author,
            at=now,
            reason=authorship.reason,
            source=source,
            confirm_by=None if confirm_within is None else now + confirm_within,
        )
        sealed = self._sealer.seal(document, purpose=self._purpose(version))
        if not await self._versions.publish(line, sealed):
            raise self._overtaken(await self.latest())
        return line

    async def _refuse_waiting(self) -> None:
        waiting = await self.waiting()
        if waiting is not None:
            raise HistoryRefusedError(
                f"The version {waiting.version[:12]} by {waiting.author} still waits for its confirmation: "
                "confirm it (idp realm confirm) or go back (idp realm rollback) first."
            )

    def _overtaken(self, latest: Publication | None) -> HistoryRefusedError:
        if latest is None:
            return HistoryRefusedError(f"The realm “{self.realm}” has no history yet.")
        return HistoryRefusedError(
            f"The realm “{self.realm}” is {latest.version[:12]} now, published by {latest.author} "
            f"(“{latest.reason}”), and not the version this change was made from: compare with live and make it anew."
        )

    def _opened(self, sealed: bytes, purpose: str, version: str) -> bytes:
        document = self._sealer.unseal(sealed, purpose=purpose)
        if version_of(document) != version:
            raise ValueError(f"what is kept as the version {version[:12]} is another document")
        return document

    def _purpose(self, version: str) -> str:
        return f"realm-version|{self.realm}|{version}"

    def _draft_purpose(self, name: str) -> str:
        return f"realm-draft|{self.realm}|{name}"

    def _now(self) -> int:
        return int(self._clock())


def _is_superseded(version: str, latest: Publication, lines: Sequence[Publication]) -> bool:
    return latest.version != version and any(line.version == version for line in lines)
