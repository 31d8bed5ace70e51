"""What somebody means by `live`, `4f2a…`, `draft:sms` or `realm.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from idp.model.struct import Frozen
from idp.realms.exchange.merging import with_kept_secrets
from idp.realms.files.documents import documents, name_of
from idp.realms.files.placeholders import Surroundings
from idp.realms.files.reading import RealmFileError
from idp.realms.history import HistoryRefusedError, RealmHistory
from idp.realms.loading import LoadedRealm, load

LIVE = "live"
_DRAFT = "draft:"


class Side(Frozen, frozen=True, kw_only=True):
    """One configuration that can be shown, compared or published; `label` is what it is called."""

    label: str
    loaded: LoadedRealm
    users: int = 0

    @property
    def document(self) -> Any:
        """The document, as a new value."""
        return json.loads(self.loaded.document)


class Sides:
    """Finds the sides of one realm."""

    def __init__(self, history: RealmHistory, surroundings: Surroundings) -> None:
        self._history = history
        self._surroundings = surroundings

    async def meant(self, reference: str) -> Side:
        """Return what a reference means.

        Raises:
            HistoryRefusedError: there is no such thing.
            RealmUnreadableError: it is a file that is no realm.

        """
        if reference == LIVE:
            return await self.live()
        if reference.startswith(_DRAFT):
            return await self.draft(reference.removeprefix(_DRAFT))
        if reference.endswith(".json") or "/" in reference:
            return await self.file(Path(reference))
        return await self.version(await self._history.found(reference))

    async def live(self) -> Side:
        """Return the present version."""
        latest = await self._history.latest()
        if latest is None:
            raise HistoryRefusedError(f"There is no realm “{self._history.realm}” in this store: nothing is live.")
        return await self.version(latest.version, label=f"live, {latest.version[:12]}")

    async def version(self, version: str, *, label: str = "") -> Side:
        """Return a version, by its whole id."""
        document = await self._history.document(version)
        if document is None:
            raise HistoryRefusedError(f"The realm “{self._history.realm}” has no version “{version}”.")
        return self._side(document, label or f"version {version[:12]}")

    async def draft(self, name: str) -> Side:
        """Return a draft."""
        draft = await self._history.draft(name)
        return self._side(self._history.drafted(draft), f"draft {name}")

    async def file(self, path: Path) -> Side:
        """Return the realm of that name in a file; where it has masks, the secrets of the present version count."""
        try:
            found = [one for one in documents(path) if name_of(one) == self._history.realm]
        except RealmFileError as error:
            raise HistoryRefusedError(f"{path} {error}") from None
        if len(found) != 1:
            raise HistoryRefusedError(f"{path} holds {len(found)} realms of the name “{self._history.realm}”.")
        latest = await self._history.latest()
        live = await self._history.document(latest.version) if latest is not None else None
        written = {key: value for key, value in found[0].items() if key != "users"}
        document, unknown = with_kept_secrets(written, None if live is None else json.loads(live))
        if unknown:
            places = ", ".join(unknown)
            raise HistoryRefusedError(f"{path} has masks for which the present version has no secret: {places}")
        users = found[0].get("users")
        side = self._side(json.dumps(document).encode(), str(path))
        return Side(label=side.label, loaded=side.loaded, users=len(users) if isinstance(users, list) else 0)

    def _side(self, document: bytes, label: str) -> Side:
        return Side(label=label, loaded=load(document.decode(), surroundings=self._surroundings))
