"""What a realm's configuration was and is, over a kernel: a history that only grows, and drafts."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from idp.model.version import Confirmation, Draft, Publication
from idp.stores.kernel import Kernel, Transaction
from idp.stores.verbs.shelf import Shelf

_LATEST = ""
_EVERY_REALM = ""  # no realm's name is empty


async def realms_with_history(kernel: Kernel) -> Sequence[str]:
    """Return the names of the realms for which something was published, in order."""
    return list(await _named().every(kernel))


def _named() -> Shelf[bool]:
    return Shelf("realm-with-history", _EVERY_REALM, bool)


class KernelRealmVersions:
    """Implements `idp.ports.RealmVersions`."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self._kernel = kernel
        self._realm = realm
        self._documents = Shelf("realm-version", realm, bytes)
        self._lines = Shelf("realm-publication", realm, Publication)
        self._present = Shelf("latest-realm-publication", realm, Publication)
        self._confirmations = Shelf("realm-confirmation", realm, Confirmation)
        self._drafts = Shelf("realm-draft", realm, Draft)

    async def latest(self) -> Publication | None:
        """Return the last line of the history."""
        return await self._present.find(self._kernel, _LATEST)

    async def log(self) -> Sequence[Publication]:
        """Return the whole history, the newest line first."""
        return list((await self._lines.every(self._kernel)).values())[::-1]

    async def get(self, version: str) -> bytes | None:
        """Return the sealed document of a version."""
        return await self._documents.find(self._kernel, version)

    async def publish(self, publication: Publication, sealed: bytes) -> bool:
        """Add a line and its document, if its number follows the last one's.

        A version that was published before keeps its document: logins that began on it finish on it.
        """

        def work(tx: Transaction) -> bool:
            if not self._follows(tx, publication):
                return False
            self._documents.add(tx, publication.version, sealed)
            self._append(tx, publication)
            return True

        return await self._kernel.transact(work)

    async def revert(self, publication: Publication) -> bool:
        """Add a line in the place of one that nobody has confirmed."""

        def work(tx: Transaction) -> bool:
            if not self._follows(tx, publication) or self._waiting(tx) is None:
                return False
            self._append(tx, publication)
            return True

        return await self._kernel.transact(work)

    async def confirm(self, confirmation: Confirmation) -> bool:
        """Confirm the last line, while its time lasts."""

        def work(tx: Transaction) -> bool:
            waiting = self._waiting(tx)
            if waiting is None or waiting.number != confirmation.number or waiting.confirm_by is None:
                return False
            if waiting.confirm_by <= tx.now:
                return False
            return self._confirmations.add(tx, _key(confirmation.number), confirmation)

        return await self._kernel.transact(work)

    async def confirmations(self) -> Sequence[Confirmation]:
        """Return every confirmation there was, by number."""
        return list((await self._confirmations.every(self._kernel)).values())

    async def drafts(self) -> Sequence[Draft]:
        """Return every draft, by name."""
        return list((await self._drafts.every(self._kernel)).values())

    async def draft(self, name: str) -> Draft | None:
        """Return the draft of that name."""
        return await self._drafts.find(self._kernel, name)

    async def keep_draft(self, draft: Draft) -> bool:
        """Compare and set on `revision`."""

        def work(tx: Transaction) -> bool:
            kept = self._drafts.get(tx, draft.name)
            if (0 if kept is None else kept.revision) != draft.revision:
                return False
            self._drafts.put(tx, draft.name, msgspec.structs.replace(draft, revision=draft.revision + 1))
            return True

        return await self._kernel.transact(work)

    async def drop_draft(self, name: str) -> bool:
        """Remove a draft; true for the caller that did."""
        return await self._kernel.transact(lambda tx: self._drafts.delete(tx, name))

    def _follows(self, tx: Transaction, publication: Publication) -> bool:
        latest = self._present.get(tx, _LATEST)
        return publication.number == (0 if latest is None else latest.number) + 1

    def _waiting(self, tx: Transaction) -> Publication | None:
        """Return the last line, if it is one that must be confirmed and is not yet."""
        latest = self._present.get(tx, _LATEST)
        if latest is None or latest.confirm_by is None:
            return None
        return latest if self._confirmations.get(tx, _key(latest.number)) is None else None

    def _append(self, tx: Transaction, publication: Publication) -> None:
        self._lines.create(tx, _key(publication.number), publication)
        self._present.put(tx, _LATEST, publication)
        _named().put(tx, self._realm, True)


def _key(number: int) -> str:
    """Return a number as a key that is in order among the others."""
    return f"{number:012d}"
