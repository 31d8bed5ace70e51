"""A shelf: the records of one kind in one realm, as typed values.

The kind is fixed when the shelf is made, so a key of one kind can never be taken as another (CVE-2026-4282: one
single-use store for all kinds let a value of one kind be spent as a different one).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from idp.model import folding
from idp.stores.kernel import Kernel, Transaction

T = TypeVar("T")

_encode = msgspec.msgpack.Encoder().encode


class Shelf(Generic[T]):
    """Records of one kind and realm, as they are read from the kernel itself, and read and written in a transaction."""

    __slots__ = ("_decode", "_kind", "_realm")

    def __init__(self, kind: str, realm: str, value: type[T]) -> None:
        self._kind = kind
        self._realm = realm
        self._decode = msgspec.msgpack.Decoder(value).decode

    async def find(self, kernel: Kernel, key: str) -> T | None:
        """Return a live value."""
        value = await kernel.get(self._kind, self._realm, key)
        return None if value is None else self._decode(value)

    async def owned(self, kernel: Kernel, owner: str) -> Sequence[T]:
        """Return every live value of an owner."""
        return [self._decode(value) for value in await kernel.owned(self._kind, self._realm, owner)]

    async def every(self, kernel: Kernel) -> Mapping[str, T]:
        """Return every live value, by key."""
        return {key: self._decode(value) for key, value in (await kernel.every(self._kind, self._realm)).items()}

    async def page(self, kernel: Kernel, *, prefix: str = "", after: str = "", limit: int) -> Mapping[str, T]:
        """Return the first live values, by key, whose keys begin with `prefix` and come behind `after`."""
        found = await kernel.page(self._kind, self._realm, prefix=prefix, after=after, limit=limit)
        return {key: self._decode(value) for key, value in found.items()}

    def get(self, tx: Transaction, key: str) -> T | None:
        """Return a live value, within a transaction."""
        value = tx.get(self._kind, self._realm, key)
        return None if value is None else self._decode(value)

    def put(
        self, tx: Transaction, key: str, value: T, *, expires_at: float | None = None, owner: str | None = None
    ) -> None:
        """Write a value, in place of the one that was there."""
        tx.put(self._kind, self._realm, key, _encode(value), expires_at=expires_at, owner=owner)

    def add(
        self, tx: Transaction, key: str, value: T, *, expires_at: float | None = None, owner: str | None = None
    ) -> bool:
        """Write a value where there is none; false if there is."""
        if tx.get(self._kind, self._realm, key) is not None:
            return False
        self.put(tx, key, value, expires_at=expires_at, owner=owner)
        return True

    def create(
        self, tx: Transaction, key: str, value: T, *, expires_at: float | None = None, owner: str | None = None
    ) -> None:
        """Write a value under a key that was drawn at random.

        Raises `ValueError` if the key is in use: overwriting would bring a taken code back to life.
        """
        if not self.add(tx, key, value, expires_at=expires_at, owner=owner):
            raise ValueError(f"A new record of the kind {self._kind!r} has the key of an existing one.")

    def delete(self, tx: Transaction, key: str) -> bool:
        """Remove a live value; false if there is none."""
        return tx.delete(self._kind, self._realm, key)


def folded(text: str) -> str:
    """Return a name as a key: the same for all its spellings."""
    return storable(folding.folded(text))


def storable(text: str) -> str:
    """Return text from outside as a key; lone surrogates (JSON can carry them) are spelled out, not an error."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
