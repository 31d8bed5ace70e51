"""Versions of a realm's configuration: what was published when, by whom and why, and what waits as a draft."""

from __future__ import annotations

from enum import Enum

from idp.model.struct import Frozen


class VersionSource(Enum):
    """How a version came to be the present one."""

    FILE = "file"
    """The realm file of the settings was new or had changed at a start."""
    IMPORT = "import"
    PUBLISH = "publish"
    ROLLBACK = "rollback"
    """Somebody went back to a version that had been published before."""
    REVERT = "revert"
    """Nobody confirmed a version in time; the one before it came back by itself."""


class Publication(Frozen, frozen=True, kw_only=True):
    """One line of a realm's history: since `at` (epoch seconds) the realm is `version`. It never changes.

    `version` is the SHA-256 of the canonical document, in hexadecimal: what it names cannot be something else. The same
    version may be published again, so a line is found by its `number` (1 for the first one). `parent` is the version
    that was present before. With `confirm_by` (epoch seconds) the line is undone then, unless it is confirmed before.
    """

    number: int
    version: str
    author: str
    at: int
    reason: str
    source: VersionSource
    parent: str | None = None
    confirm_by: int | None = None


class Confirmation(Frozen, frozen=True, kw_only=True):
    """Publication `number` stays: somebody has come through a login of it, or said that it shall."""

    number: int
    by: str
    at: int


class Draft(Frozen, frozen=True, kw_only=True):
    """A configuration that nobody is served yet. `base` is the version it was made from; `sealed` is its document.

    `version` is what it will be called when it is published as it is. `revision` is the store's compare-and-set number.
    """

    name: str
    version: str
    base: str
    author: str
    at: int
    sealed: bytes
    revision: int = 0


def publication_detail(line: Publication) -> dict[str, str]:
    """Return what an event says of a line of the history."""
    detail = {
        "number": str(line.number),
        "version": line.version,
        "parent": line.parent or "",
        "source": line.source.value,
        "author": line.author,
        "reason": line.reason,
    }
    return detail if line.confirm_by is None else {**detail, "confirm_by": str(line.confirm_by)}
