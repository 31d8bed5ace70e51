"""Server-side sessions: the browser holds a random number, the bank holds everything else.

    cookie token --digest--> row of the store --opened with a key made from the token--> request.session

Starlette's own SessionMiddleware keeps the whole session in the cookie, where tokens have no business to be.
This one gives Authlib the same `request.session` dictionary, from SQLite. The row is sealed with a key that
only the browser's cookie yields, so a stolen database file holds no token that can be used.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakValueDictionary

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Clock: TypeAlias = Callable[[], float]
Session: TypeAlias = dict[str, object]

LIFETIME = 3600
"""Seconds a row lives without being written: long enough to enrol a token in the middle of a login."""

_NEW_ID = "bank.session.new_id"
_NONCE_BYTES = 12

_SCHEMA = """
CREATE TABLE IF NOT EXISTS session (digest BLOB PRIMARY KEY, sealed BLOB NOT NULL, expires REAL NOT NULL)
WITHOUT ROWID
"""


class SessionStore:
    """Sessions in one SQLite file (or in memory), found by the digest of the cookie's token."""

    def __init__(self, path: str) -> None:
        if path != ":memory:":
            # Created before SQLite does, so that nobody else can read it even for a moment.
            Path(path).touch(mode=0o600)
        # One connection, used by the event loop's thread alone; that thread need not be the one that opens it.
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(_SCHEMA)

    def find(self, token: str, *, now: float) -> Session | None:
        """The session of this token; None if it is unknown, expired or does not open."""
        row = self._database.execute(
            "SELECT sealed FROM session WHERE digest = ? AND expires > ?", (_digest(token), now)
        ).fetchone()
        return _open(token, row[0]) if row else None

    def save(self, token: str, session: Session, *, now: float) -> None:
        """Write the session, and forget those that nobody came back for."""
        self._database.execute("DELETE FROM session WHERE expires <= ?", (now,))
        self._database.execute(
            "INSERT OR REPLACE INTO session VALUES (?, ?, ?)",
            (_digest(token), _seal(token, session), now + LIFETIME),
        )

    def remove(self, token: str) -> None:
        """Forget the session; nothing happens if there is none."""
        self._database.execute("DELETE FROM session WHERE digest = ?", (_digest(token),))

    def close(self) -> None:
        """Close the file; the store is not used afterwards."""
        self._database.close()


class Sessions:
    """Pure-ASGI middleware: `scope["session"]` on the way in, the store and the cookie on the way out."""

    def __init__(self, app: ASGIApp, *, store: SessionStore, cookie: str, secure: bool, clock: Clock) -> None:
        self._app = app
        self._store = store
        self._cookie = cookie
        self._secure = secure
        self._clock = clock
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; the requests of one session are served one after the other."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        token = HTTPConnection(scope).cookies.get(self._cookie)
        async with self._turn(token):
            await self._serve(scope, receive, send, token=token)

    def _turn(self, token: str | None) -> contextlib.AbstractAsyncContextManager[object]:
        # Two tabs at once would spend the same refresh token twice, and the provider would rightly take that
        # for theft (RFC 9700 §4.14.2) and end the login.
        if token is None:
            return contextlib.nullcontext()
        return self._locks.setdefault(_digest(token), asyncio.Lock())

    async def _serve(self, scope: Scope, receive: Receive, send: Send, *, token: str | None) -> None:
        found = self._store.find(token, now=self._clock()) if token else None
        before = msgspec.json.encode(found or {})
        session: Session = found or {}
        scope["session"] = session
        known = token if found is not None else None

        async def keep_then_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                cookie = self._keep(
                    session, known=known, changed=msgspec.json.encode(session) != before, new=_NEW_ID in scope
                )
                if cookie is not None:
                    MutableHeaders(scope=message).append("set-cookie", cookie)
            await send(message)

        await self._app(scope, receive, keep_then_send)

    def _keep(self, session: Session, *, known: str | None, changed: bool, new: bool) -> str | None:
        """Write what the request left behind; answers the `Set-Cookie` value, if the browser needs one."""
        if not session:
            if known is None:
                return None
            self._store.remove(known)
            return self._set_cookie("", "; Max-Age=0")
        if known is not None and not new:
            if changed:
                self._store.save(known, session, now=self._clock())
            return None
        if known is not None:
            self._store.remove(known)
        # Always a number of our own: one that the browser brought along may have been planted (fixation).
        fresh = secrets.token_urlsafe(32)
        self._store.save(fresh, session, now=self._clock())
        return self._set_cookie(fresh, "")

    def _set_cookie(self, value: str, more: str) -> str:
        # SameSite=Lax, not Strict: the callback is a navigation that begins at the provider's site.
        secure = "; Secure" if self._secure else ""
        return f"{self._cookie}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}"


def give_new_id(scope: Scope) -> None:
    """Let this request's session go on under a new number: whoever knew the old one knows nothing now."""
    scope[_NEW_ID] = True


def _digest(token: str) -> bytes:
    return hashlib.sha256(b"find:" + token.encode()).digest()


def _key(token: str) -> bytes:
    # The token has 256 random bits, so one HMAC is a sound key derivation, and the digest says nothing of it.
    return hmac.digest(token.encode(), b"seal", "sha256")


def _seal(token: str, session: Session) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(_key(token)).encrypt(nonce, msgspec.json.encode(session), _digest(token))


def _open(token: str, sealed: bytes) -> Session | None:
    nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        opened = AESGCM(_key(token)).decrypt(nonce, text, _digest(token))
    except InvalidTag:
        return None
    return msgspec.json.decode(opened, type=dict[str, object])
