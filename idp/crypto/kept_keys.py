"""A realm's keys in the store: opened, rotated, disabled, and followed while others change them.

All of them are one sealed document (`key_ring`), replaced by compare-and-set: of several who change it at a time one
wins and the others look again, and a process killed anywhere leaves the old document or the new one.
"""

from __future__ import annotations

import asyncio
import math
from typing import get_args

import msgspec

from idp.crypto import key_pairs, key_ring
from idp.crypto.decryption_keys import DecryptionKey
from idp.crypto.key_ring import KeptKey, KeyRefusedError, Ring
from idp.crypto.signing_keys import SYMMETRIC_SIZE, SigningKey, SigningKeys, SymmetricKey
from idp.model.client import SigningAlgorithm
from idp.model.policies.keys import ENCRYPTION_FAMILIES, EncryptionFamily, KeyAlgorithm, KeyPolicy
from idp.model.struct import Frozen
from idp.ports import Clock, KeptSecrets, RandomBytes, Sealer

_RING = "key-ring"
_RING_ID = "ring"
_SYMMETRIC = "symmetric-keys"
_CODE_KEY = "code-1"
# Where the first version kept its keys, one a record.
_FORMER = "signing-keys"
_FORMER_REFRESH_KEY = "refresh-1"

_SIGNING: tuple[SigningAlgorithm, ...] = get_args(SigningAlgorithm)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Ring).decode


class _FormerKey(Frozen, frozen=True, kw_only=True):
    algorithm: SigningAlgorithm
    pkcs8: bytes
    created_at: int


class KeptKeys:
    """The keys of one realm in the store. `tended` serves with them; the rest is for operators."""

    def __init__(self, secrets: KeptSecrets, sealer: Sealer, *, realm: str, clock: Clock, random: RandomBytes) -> None:
        self._secrets = secrets
        self._sealer = sealer
        self._realm = realm
        self._clock = clock
        self._random = random
        self._policy: KeyPolicy | None = None
        self._revision = -1
        self._next_change = -math.inf
        self._code_key: bytes | None = None

    async def open(self, policy: KeyPolicy) -> SigningKeys:
        """Load the realm's keys, making those it needs and does not have, and remember the policy they live by.

        Raises `ValueError` if they do not open: serving on with new keys would silently end every session.
        """
        keys = await self.tended(policy)
        assert keys is not None, "the first look always finds something new"
        return keys

    async def tended(self, policy: KeyPolicy) -> SigningKeys | None:
        """Do what is due (rotation, the end of an overlap); return the keys of now, or None if nothing has changed.

        It is asked twice a second, and most answers cost one small read.
        """
        revision = await self._secrets.revision(_RING)
        if revision == self._revision and policy == self._policy and self._clock() < self._next_change:
            return None
        # The moment of before: what falls due while we work is then ahead, and seen at the next look.
        now = self._now()
        ring, revision = await self._brought_up_to_date(policy)
        keys = await self._at_work(ring)
        self._revision, self._policy = revision, policy
        self._next_change = key_ring.next_change(ring, now=now)
        return keys

    async def ring(self) -> Ring:
        """Return every key there is. Raises `KeyRefusedError` where no server has ever served the realm."""
        return (await self._stored())[1]

    async def rotate(self, algorithm: KeyAlgorithm, *, at_once: bool, unseen: int = 0) -> KeptKey:
        """Give an algorithm a new key; return it. If one waits already, that is the new one.

        It is published now and signs when relying parties have had time to see it, or `at_once`: after `unseen`
        seconds, so that no node is asked for a key that it has not read yet.
        """
        fresh: KeptKey | None = None
        while True:
            sealed, ring = await self._stored()
            now = self._now()
            waiter = key_ring.waiting(ring, algorithm, now=now)
            if waiter is not None and not at_once:
                return waiter
            if waiter is not None:
                changed, kid = key_ring.promoted(ring, waiter, now=now, unseen=unseen), waiter.kid
            else:
                fresh = fresh or await self._made(algorithm)
                changed, kid = key_ring.added(ring, fresh, now=now, at_once=at_once, unseen=unseen), fresh.kid
            if await self._written(sealed, changed):
                return next(key for key in changed.keys if key.kid == kid)

    async def disable(self, kid: str) -> KeptKey:
        """Disable a key: nothing that it signed is accepted any more. Raises `KeyRefusedError`."""
        while True:
            sealed, ring = await self._stored()
            changed = key_ring.disabled(ring, kid, now=self._now())
            if await self._written(sealed, changed):
                return next(key for key in changed.keys if key.kid == kid)

    async def _brought_up_to_date(self, policy: KeyPolicy) -> tuple[Ring, int]:
        """Do what is due; return the ring and its revision.

        A key that was made for nothing, because somebody else was first, never signs. The revision is asked for before
        the ring: should somebody write in between, it is too small, and the next look finds out.
        """
        made: dict[KeyAlgorithm, KeptKey] = {}
        while True:
            revision = await self._secrets.revision(_RING)
            sealed = (await self._secrets.all(_RING)).get(_RING_ID)
            ring = await self._former() if sealed is None else self._opened(sealed)
            now = self._now()
            changed = key_ring.tidied(self._under(ring, policy), now=now)
            due = key_ring.due(changed, now=now)
            # Together: each RSA key is looked for in a thread of its own.
            missing = [algorithm for algorithm in due if algorithm not in made]
            made |= zip(missing, await asyncio.gather(*map(self._made, missing)), strict=True)
            for algorithm in due:
                changed = key_ring.added(changed, made[algorithm], now=now, at_once=False)
            if sealed is not None and changed == ring:
                return ring, revision
            if await self._written(sealed, changed):
                return changed, revision + 1

    def _under(self, ring: Ring, policy: KeyPolicy) -> Ring:
        """Put the ring under our policy when that is news: nodes of two minds must not fight for ever."""
        return ring if policy == self._policy else msgspec.structs.replace(ring, policy=policy)

    async def _at_work(self, ring: Ring) -> SigningKeys:
        now = self._now()
        states = [(key, key_ring.state(ring, key, now=now)) for key in ring.keys]
        living = [(key, state == "active") for key, state in states if state != "disabled"]
        refresh = key_ring.active(ring, "HS256", now=now)
        assert refresh is not None, "no ring is without one"
        return SigningKeys(
            [
                SigningKey(key.algorithm, key_pairs.loaded(key.private), created_at=key.created_at, signs=signs)
                for key, signs in living
                if key.algorithm in _SIGNING
            ],
            decryption=[
                DecryptionKey(key.algorithm, key_pairs.loaded(key.private), published=current)
                for key, current in living
                if key.algorithm in ENCRYPTION_FAMILIES
            ],
            refresh_key=refresh.private,
            other_refresh_keys=[key.private for key, signs in living if key.algorithm == "HS256" and not signs],
            code_key=await self.code_key(),
        )

    async def _made(self, algorithm: KeyAlgorithm) -> KeptKey:
        if algorithm == "HS256":
            return _symmetric(self._random(SYMMETRIC_SIZE), at=self._now())
        private = await key_pairs.generated(algorithm)
        return _pair(algorithm, key_pairs.pkcs8(private), at=self._now())

    async def _former(self) -> Ring:
        """Return the ring that the records of the first version make, so that an upgrade ends no session."""
        documents = [
            msgspec.msgpack.decode(self._unsealed(_FORMER, secret_id, value), type=_FormerKey)
            for secret_id, value in (await self._secrets.all(_FORMER)).items()
        ]
        keys = [_pair(former.algorithm, former.pkcs8, at=former.created_at) for former in documents]
        refresh = (await self._secrets.all(_SYMMETRIC)).get(_FORMER_REFRESH_KEY)
        if refresh is not None:
            keys.append(_symmetric(self._unsealed(_SYMMETRIC, _FORMER_REFRESH_KEY, refresh), at=self._now()))
        return Ring(keys=tuple(keys))

    async def code_key(self) -> bytes:
        """Return the key of one-time codes and nonces; it is for minutes, stays in the house, and does not rotate."""
        if self._code_key is None:
            kept = (await self._secrets.all(_SYMMETRIC)).get(_CODE_KEY)
            if kept is None:
                sealed = self._sealer.seal(self._random(SYMMETRIC_SIZE), purpose=self._purpose(_SYMMETRIC, _CODE_KEY))
                # Another node may be first; its key counts then.
                await self._secrets.keep(_SYMMETRIC, _CODE_KEY, sealed)
                kept = (await self._secrets.all(_SYMMETRIC))[_CODE_KEY]
            self._code_key = self._unsealed(_SYMMETRIC, _CODE_KEY, kept)
        return self._code_key

    async def _stored(self) -> tuple[bytes, Ring]:
        sealed = (await self._secrets.all(_RING)).get(_RING_ID)
        if sealed is None:
            raise KeyRefusedError(f"The realm “{self._realm}” has no keys in this store: no server has served it yet.")
        return sealed, self._opened(sealed)

    async def _written(self, sealed: bytes | None, ring: Ring) -> bool:
        """Put the ring in the place of what was read, if that is still there."""
        if sealed is None:
            return await self._secrets.keep(_RING, _RING_ID, self._sealed(ring))
        return await self._secrets.replace(_RING, _RING_ID, self._sealed(ring), expected=sealed)

    def _sealed(self, ring: Ring) -> bytes:
        return self._sealer.seal(_encode(ring), purpose=self._purpose(_RING, _RING_ID))

    def _opened(self, sealed: bytes) -> Ring:
        return _decode(self._unsealed(_RING, _RING_ID, sealed))

    def _unsealed(self, kind: str, secret_id: str, sealed: bytes) -> bytes:
        return self._sealer.unseal(sealed, purpose=self._purpose(kind, secret_id))

    def _purpose(self, kind: str, secret_id: str) -> str:
        return f"realm/{self._realm}/{kind}/{secret_id}"

    def _now(self) -> int:
        return int(self._clock())


def _pair(algorithm: SigningAlgorithm | EncryptionFamily, pkcs8: bytes, *, at: int) -> KeptKey:
    public = key_pairs.public_members(key_pairs.loaded(pkcs8))
    kid = key_pairs.thumbprint(public)
    return KeptKey(kid=kid, algorithm=algorithm, private=pkcs8, public=public, created_at=at, signs_from=at)


def _symmetric(secret: bytes, *, at: int) -> KeptKey:
    kid = SymmetricKey(secret).kid
    return KeptKey(kid=kid, algorithm="HS256", private=secret, created_at=at, signs_from=at)
