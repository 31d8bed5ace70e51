"""Password hashing: argon2id off the event loop, and every hash that Keycloak may have left behind.

A hash is a JSON document with the fields of Keycloak's stored credential (`algorithm`, `value`, `salt`,
`hashIterations`, `additionalParameters`), so an imported one verifies as it is and is replaced at the next login.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import secrets
import sys
import threading
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Literal, TypeVar

import msgspec
from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw

from idp.model.struct import Frozen
from idp.ports import Observer, OverloadedError, RandomBytes, Unobserved

_LONGEST_PASSWORD = 1024  # characters
_SALT_SIZE = 16  # bytes
_HASH_SIZE = 32  # bytes
_NORMAL_FORM: Literal["NFKC"] = "NFKC"
_ARGON2_TYPES = {"id": Type.ID, "i": Type.I, "d": Type.D}
_ARGON2_VERSIONS = {"1.3": 0x13, "1.0": 0x10}
_PBKDF2_DIGESTS = {"pbkdf2": "sha1", "pbkdf2-sha256": "sha256", "pbkdf2-sha512": "sha512"}
# An imported hash must not be able to occupy a worker for minutes or exhaust the memory (CVE-2026-4634).
_MOST_MEMORY_KIB = 1024 * 1024
_MOST_ARGON2_ITERATIONS = 100
_MOST_PBKDF2_ITERATIONS = 10_000_000
_NICENESS = 5

R = TypeVar("R")


class _StoredHash(Frozen, frozen=True, kw_only=True, rename="camel"):
    algorithm: str
    value: str
    salt: str
    hash_iterations: int
    additional_parameters: dict[str, list[str] | str] = {}

    def parameter(self, name: str, default: str) -> str:
        """Keycloak writes each parameter as a list of one."""
        value = self.additional_parameters.get(name, default)
        if isinstance(value, str):
            return value
        return value[0] if value else default

    @property
    def normalises(self) -> bool:
        """Keycloak hashes what was typed; hashes we make are of the normal form, so that any keyboard works."""
        return self.parameter("normalisation", "") == _NORMAL_FORM


class Argon2Passwords:
    """Implements `ports.Passwords` on `workers` threads of its own.

    With all workers busy and `queue` callers waiting, another one gets `OverloadedError` at once: a queue that grows
    without end answers nobody in time. Half of it is the most that one subscriber can fill.
    """

    def __init__(
        self,
        *,
        workers: int,
        queue: int,
        memory_kib: int = 19456,
        iterations: int = 2,
        parallelism: int = 1,
        random: RandomBytes = secrets.token_bytes,
        observer: Observer | None = None,
    ) -> None:
        self._observer = observer or Unobserved()
        self._executor = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="passwords", initializer=_give_way)
        self._room = self._all_room = workers + queue
        self._lock = threading.Lock()
        self._shares: Counter[str] = Counter()
        self._random = random
        self._today = _todays_parameters(memory_kib=memory_kib, iterations=iterations, parallelism=parallelism)
        self._iterations = iterations
        self._dummy = self._made(bytes(_SALT_SIZE), b"")

    @property
    def queued(self) -> int:
        """How many passwords wait for a worker or are being hashed."""
        return self._all_room - self._room

    @contextmanager
    def share(self, subscriber: str) -> Iterator[None]:
        """Hold one of the places that one subscriber may have."""
        if self._shares[subscriber] >= max(1, self._all_room // 2):
            raise OverloadedError
        self._shares[subscriber] += 1
        try:
            yield
        finally:
            self._shares[subscriber] -= 1
            if not self._shares[subscriber]:
                del self._shares[subscriber]

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place; the `verify` that is called right after the block finds it free, for nothing ran between."""
        self._take_room()
        try:
            yield
        finally:
            self._give_room()

    async def hash(self, password: str) -> bytes:
        """Return hash values to be sealed into a credential; raises `ValueError` if it is over 1024 characters."""
        if len(password) > _LONGEST_PASSWORD:
            raise ValueError("The password is too long.")
        salt = self._random(_SALT_SIZE)
        value = await self._off_loop(lambda: _argon2(_normal(password), self._made(salt, b"")))
        return msgspec.json.encode(self._made(salt, value))

    async def verify(self, password: str, hashed: bytes | None) -> bool:
        """Tell whether the password is right; a missing or unreadable hash costs the same time and is never right."""
        stored = None if hashed is None or len(password) > _LONGEST_PASSWORD else _parsed(hashed)
        if stored is None:
            # Hash even when there is no such user, so both answers take the same time.
            await self._off_loop(lambda: _argon2(b"dummy", self._dummy))
            return False
        return await self._off_loop(lambda: _verifies(password, stored))

    def outdated(self, hashed: bytes) -> bool:
        """Tell whether the hash was made with other parameters than today's."""
        stored = _parsed(hashed)
        return stored is None or (stored.algorithm, stored.hash_iterations, stored.additional_parameters) != (
            "argon2",
            self._iterations,
            self._today,
        )

    def close(self) -> None:
        """Let the running hashes finish and end the threads."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _made(self, salt: bytes, value: bytes) -> _StoredHash:
        return _StoredHash(
            algorithm="argon2",
            value=base64.b64encode(value).decode(),
            salt=base64.b64encode(salt).decode(),
            hash_iterations=self._iterations,
            additional_parameters=self._today,
        )

    async def _off_loop(self, work: Callable[[], R]) -> R:
        self._take_room()
        asked = time.perf_counter()
        future = self._executor.submit(lambda: (time.perf_counter(), work(), time.perf_counter()))
        # When the work is really over, not when the caller went away: a cancelled request still occupies its worker.
        future.add_done_callback(lambda _: self._give_room())
        began, result, ended = await asyncio.wrap_future(future)
        self._observer.hashed(began - asked, ended - began)
        return result

    def _take_room(self) -> None:
        with self._lock:
            if self._room <= 0:
                raise OverloadedError
            self._room -= 1

    def _give_room(self) -> None:
        with self._lock:
            self._room += 1


def _give_way() -> None:
    """Let everything else of this process go first on a busy core: a login can wait a moment, whoever has one cannot.

    On Linux alone, where each thread has a niceness of its own.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox that does not allow it: then all are equal
            ours = os.getpriority(os.PRIO_PROCESS, 0)  # a process may itself have been started to give way
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), ours + _NICENESS)


def _todays_parameters(*, memory_kib: int, iterations: int, parallelism: int) -> dict[str, list[str] | str]:
    if iterations < 1 or memory_kib < 8 * parallelism:
        raise ValueError("argon2 needs at least one iteration and 8 KiB of memory for each lane.")
    return {
        "hashLength": [str(_HASH_SIZE)],
        "memory": [str(memory_kib)],
        "type": ["id"],
        "version": ["1.3"],
        "parallelism": [str(parallelism)],
        "normalisation": [_NORMAL_FORM],
    }


def _parsed(hashed: bytes) -> _StoredHash | None:
    try:
        stored = msgspec.json.decode(hashed, type=_StoredHash)
        base64.b64decode(stored.salt, validate=True)
        base64.b64decode(stored.value, validate=True)
        return stored if _affordable(stored) else None
    except (ValueError, msgspec.DecodeError):
        return None


def _affordable(stored: _StoredHash) -> bool:
    if stored.algorithm in _PBKDF2_DIGESTS:
        return 1 <= stored.hash_iterations <= _MOST_PBKDF2_ITERATIONS
    return (
        stored.algorithm == "argon2"
        and 1 <= stored.hash_iterations <= _MOST_ARGON2_ITERATIONS
        and int(stored.parameter("memory", "7168")) <= _MOST_MEMORY_KIB
    )


def _verifies(password: str, stored: _StoredHash) -> bool:
    """Run in a worker thread."""
    try:
        typed = _normal(password) if stored.normalises else password.encode()
        computed = _argon2(typed, stored) if stored.algorithm == "argon2" else _pbkdf2(typed, stored)
    except Exception:  # noqa: BLE001 - argon2 rejects parameters in many ways; a hash we cannot compute proves nothing
        return False
    return hmac.compare_digest(computed, base64.b64decode(stored.value))


def _normal(password: str) -> bytes:
    return unicodedata.normalize(_NORMAL_FORM, password).encode()


def _argon2(password: bytes, stored: _StoredHash) -> bytes:
    return hash_secret_raw(
        password,
        base64.b64decode(stored.salt),
        time_cost=stored.hash_iterations,
        memory_cost=int(stored.parameter("memory", "7168")),
        parallelism=int(stored.parameter("parallelism", "1")),
        hash_len=len(base64.b64decode(stored.value)) or _HASH_SIZE,
        type=_ARGON2_TYPES[stored.parameter("type", "id")],
        version=_ARGON2_VERSIONS.get(stored.parameter("version", "1.3"), ARGON2_VERSION),
    )


def _pbkdf2(password: bytes, stored: _StoredHash) -> bytes:
    return hashlib.pbkdf2_hmac(
        _PBKDF2_DIGESTS[stored.algorithm],
        password,
        base64.b64decode(stored.salt),
        stored.hash_iterations,
        dklen=len(base64.b64decode(stored.value)),
    )
