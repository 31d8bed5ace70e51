"""Public documents: the same bytes for everybody, answered before anything else is asked about the request.

Every application fetches metadata and keys, some at every login. What the rest of the house would do for such a request
(look for a certificate, a proxy's word, a body, an endpoint; put headers together) comes to the same each time, so it
is done once for each version of a document. Whatever is not the plain question goes the long way and is answered there:
another method or host, a request with a body. A test holds both ways against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from idp.model.struct import Frozen
from idp.web.http import Application, Header, Receive, Reply, Scope, Send, whole_headers
from idp.web.middleware import ANNOUNCES_BODY, named_host, secured_headers

Documents = Mapping[str, Callable[[], Reply | None]]
"""By path, a function that returns the document as it is now: the same object for as long as it is the same. None where
it is not to be had at this moment."""


class _Ready(Frozen, frozen=True):
    reply: Reply
    headers: list[Header]


class PublicDocuments:
    """Answers a plain GET of a public document, and passes everything else on."""

    def __init__(self, app: Application, documents: Documents, *, hosts: Sequence[str], https: bool) -> None:
        self._app = app
        self._documents = documents
        self._hosts = frozenset(host.lower() for host in hosts)
        self._https = https
        self._ready: dict[str, _Ready] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        ready = self._asked_for(scope)
        if ready is None:
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": ready.reply.status, "headers": ready.headers})
        await send({"type": "http.response.body", "body": ready.reply.body})

    def _asked_for(self, scope: Scope) -> _Ready | None:
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        path: str = scope["path"]
        document = self._documents.get(path)
        if document is None or not self._plain(scope["headers"]):
            return None
        reply = document()
        ready = self._ready.get(path)
        if reply is None or (ready is not None and ready.reply is reply):
            return ready if reply is not None else None
        self._ready[path] = ready = _Ready(reply, secured_headers(whole_headers(reply), https=self._https))
        return ready

    def _plain(self, headers: Sequence[Header]) -> bool:
        """Tell whether the request is for one host, which is ours, and announces no body (RFC 9112 §3.2, §6)."""
        host: bytes | None = None
        for name, value in headers:
            if name == b"host":
                host = value if host is None else b""
            elif name in ANNOUNCES_BODY:
                return False
        return named_host(host or b"") in self._hosts
