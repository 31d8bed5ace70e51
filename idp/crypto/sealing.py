"""Sealing: AES-256-GCM for what must not be readable in a copy of the store (signing keys, seeds, password hashes).

A sealed value is `version (1) ‖ key id (4) ‖ nonce (12) ‖ ciphertext and tag`. Its purpose is authenticated but not
stored, so a value moved to another place (another user's seed, another realm's key) does not open there.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from idp.ports import RandomBytes

_VERSION = b"\x01"
_KEY_SIZE = 32  # bytes
_KEY_ID_SIZE = 4
_NONCE_SIZE = 12
_HEADER_SIZE = len(_VERSION) + _KEY_ID_SIZE + _NONCE_SIZE


class MasterKeyError(Exception):
    """A master key cannot be used; the text says which file and what to do, never what it holds."""


class AesGcmSealer:
    """Implements `ports.Sealer`. The first key seals; all keys open, so that keys can be exchanged without downtime."""

    def __init__(self, keys: Sequence[bytes], *, random: RandomBytes = secrets.token_bytes) -> None:
        if not keys or any(len(key) != _KEY_SIZE for key in keys):
            raise MasterKeyError(f"Sealing needs at least one key, each of exactly {_KEY_SIZE} bytes.")
        # One AESGCM object per key for good: making one costs as much as sealing.
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._current = _key_id(keys[0])
        self._random = random

    def seal(self, plaintext: bytes, *, purpose: str) -> bytes:
        """Encrypt under the first key; `purpose` must be given again to open it."""
        nonce = self._random(_NONCE_SIZE)
        ciphertext = self._ciphers[self._current].encrypt(nonce, plaintext, purpose.encode())
        return _VERSION + self._current + nonce + ciphertext

    def unseal(self, sealed: bytes, *, purpose: str) -> bytes:
        """Decrypt; raises `ValueError` if the value was altered, moved, or sealed with an unknown key."""
        if len(sealed) < _HEADER_SIZE or sealed[:1] != _VERSION:
            raise ValueError("This is not a sealed value of a known version.")
        cipher = self._ciphers.get(sealed[1 : 1 + _KEY_ID_SIZE])
        if cipher is None:
            raise ValueError("The value was sealed with a master key that is not configured.")
        try:
            return cipher.decrypt(sealed[1 + _KEY_ID_SIZE : _HEADER_SIZE], sealed[_HEADER_SIZE:], purpose.encode())
        except InvalidTag:
            raise ValueError("The sealed value was altered, or it belongs somewhere else.") from None


def read_master_keys(paths: Iterable[Path]) -> list[bytes]:
    """Read master keys, the one that seals first; raises `MasterKeyError` with what to do."""
    return [_read_master_key(Path(path)) for path in paths]


def create_master_key(path: Path, *, random: RandomBytes = secrets.token_bytes) -> None:
    """Write a new key that only its owner can read; raises `MasterKeyError` rather than replace an existing one."""
    text = base64.urlsafe_b64encode(random(_KEY_SIZE)).rstrip(b"=") + b"\n"
    try:
        # O_EXCL: two first starts at once must not each seal with a key of which one is then lost.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise MasterKeyError(f"The master key {path} already exists; a key in use is never replaced.") from None
    except OSError as error:
        raise MasterKeyError(f"The master key {path} cannot be created: {error.strerror}.") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """Make the new name itself durable: what was sealed would be lost with the key."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_master_key(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # Of the open file, not of its name, which could be exchanged between the two looks.
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(1024).strip()
    except FileNotFoundError:
        raise MasterKeyError(
            f"The master key {path} is missing. Restore it: nothing sealed opens without it."
        ) from None
    except OSError as error:
        raise MasterKeyError(f"The master key {path} cannot be read: {error.strerror}.") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise MasterKeyError(f"Others than its owner may read the master key {path}. Run: chmod 600 {path}")
    return _decoded(text, path)


def _decoded(text: bytes, path: Path) -> bytes:
    try:
        key = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_SIZE:
        raise MasterKeyError(f"The master key {path} must hold exactly {_KEY_SIZE} bytes as base64url text.")
    return key


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()[:_KEY_ID_SIZE]
