"""Clients' JWK sets by address: fetched when needed, kept for a while, asked for again when a key is unknown.

Whoever names a client can make us look for its keys, before anything is proven. So an address is never called more
than once in `_PAUSE` seconds for an unknown key or after a failure, one call serves all who wait for it, and the number
of sets kept is bounded.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from idp.crypto.public_keys import LARGEST_SET, KeyRefusedError, KeySet, read_key_set
from idp.ports import Clock, Documents, UnfetchableError

_KEPT = 300.0  # seconds: how long a key that its owner has withdrawn may still count
_PAUSE = 10.0  # seconds
_MOST_SETS = 1000


class _Kept:
    """What is known of one address."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.keys: KeySet | None = None
        self.fetched_at = 0.0
        self.paused_until = 0.0


class RemoteKeySets:
    """The key sets of one realm's clients, by address."""

    def __init__(self, outbound: Documents | None, clock: Clock) -> None:
        self._outbound = outbound
        self._clock = clock
        self._sets: OrderedDict[str, _Kept] = OrderedDict()

    async def find(self, address: str, *, kid: str | None, algorithm: str) -> KeySet:
        """Return the set at the address, fetched anew if it is old or does not have the key that is meant.

        Raises:
            KeyRefusedError: there is no usable set; the text says why.

        """
        kept = self._place(address)
        if (known := self._fresh(kept)) is not None and known.has(kid, algorithm):
            return known  # without waiting for a call that somebody's unknown key has caused
        async with kept.turn:
            now, known = self._clock(), self._fresh(kept)
            if known is not None and known.has(kid, algorithm):
                return known
            fresh = known is not None
            if now >= kept.paused_until:
                # A first fetch is followed by no pause: a client may change its keys right after it.
                kept.paused_until = now + _PAUSE if fresh else 0.0
                await self._fetch(kept, address, fresh=fresh)
            elif not fresh:
                raise KeyRefusedError("the address failed a moment ago")
            assert kept.keys is not None, "a failed fetch of a stale set raises"
            return kept.keys

    def _fresh(self, kept: _Kept) -> KeySet | None:
        return kept.keys if self._clock() < kept.fetched_at + _KEPT else None

    def _place(self, address: str) -> _Kept:
        kept = self._sets.setdefault(address, _Kept())
        self._sets.move_to_end(address)
        while len(self._sets) > _MOST_SETS:
            self._sets.popitem(last=False)
        return kept

    async def _document(self, address: str) -> bytes:
        if self._outbound is None:
            raise UnfetchableError("no address is ever called here")
        return await self._outbound.fetch(address, largest=LARGEST_SET)

    async def _fetch(self, kept: _Kept, address: str, *, fresh: bool) -> None:
        """Put the set in its place. A failure costs a fresh set nothing; a stale one does not outlive it."""
        try:
            keys = read_key_set(await self._document(address))
        except (UnfetchableError, KeyRefusedError) as error:
            kept.paused_until = self._clock() + _PAUSE
            if fresh:
                return
            kept.keys = None
            raise KeyRefusedError(str(error)) from None
        kept.keys, kept.fetched_at = keys, self._clock()
