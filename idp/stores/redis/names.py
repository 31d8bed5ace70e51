"""How records are called and written in Redis.

A record lies in one of 128 buckets, found by its name, or by its family where kinds change together. The bucket is the
hash tag of the key, so that a Cluster keeps what is changed in one step on one node. The name's parts are quoted: no
realm, kind or key can be spelled to mean another one.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from urllib.parse import quote, unquote

import msgspec

from idp.stores.optimistic import RecordKey, Stamped
from idp.stores.placement import family

BUCKETS = 128
EVERY_RECORD = b"hyrja:{*}:*:*:*:*"
"""A pattern of Redis (glob) for every record, and no marker."""
STAMP = 8  # bytes, in front of every value: what a script compares without decoding

_Body = tuple[float | None, str | None, bytes]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Body).decode


def bucket_of(name: RecordKey) -> int:
    """Return the bucket of a record."""
    together = family(name.kind)
    tag = "\n".join(name) if together is None else f"{together}\n{name.realm}"
    return zlib.crc32(tag.encode()) % BUCKETS


def marker_key(bucket: int) -> bytes:
    """Return the key of a bucket's marker (`idp.stores.redis.epochs`)."""
    return b"hyrja:{%d}:epoch" % bucket


def record_key(bucket: int, epoch: bytes, name: RecordKey) -> bytes:
    """Return the key of a record: `hyrja:{bucket}:epoch:kind:realm:key`."""
    return b"hyrja:{%d}:%s:%s%s" % (bucket, epoch, _shelf(name.kind, name.realm), quote(name.key, safe="").encode())


def shelf_pattern(kind: str, realm: str, prefix: str) -> bytes:
    """Return a pattern of Redis (glob) for every key of a kind in a realm; quoting leaves nothing special in it."""
    return b"hyrja:{*}:*:%s%s*" % (_shelf(kind, realm), quote(prefix, safe="").encode())


def epoch_in(key: bytes) -> tuple[int, bytes]:
    """Return the bucket and the epoch of a record's key."""
    _, tag, epoch, _ = key.split(b":", 3)
    return int(tag[1:-1]), epoch


def name_in(key: bytes) -> str:
    """Return the last part of a record's key, as it was before quoting."""
    return unquote(key.rpartition(b":")[2].decode())


def record_name(key: bytes) -> RecordKey:
    """Return which record a key belongs to."""
    kind, realm, last = (unquote(part) for part in key.decode().rsplit(":", 3)[1:])
    return RecordKey(kind, realm, last)


def written(record: Stamped) -> bytes:
    """Return a record as Redis keeps it."""
    return record.stamp + _encode((record.expires_at, record.owner, record.value))


def read(value: bytes | None) -> Stamped | None:
    """Return what Redis keeps as a record."""
    if value is None:
        return None
    expires_at, owner, body = _decode(memoryview(value)[STAMP:])
    return Stamped(stamp=value[:STAMP], value=body, expires_at=expires_at, owner=owner)


@lru_cache(maxsize=1024)
def _shelf(kind: str, realm: str) -> bytes:
    return f"{quote(kind, safe='')}:{quote(realm, safe='')}:".encode()
