"""node-oidc-provider in memory, asked for the same things in the same run: a ratio says more than a number.

Its packages come with `npm ci` in `tests/peers`; without them, or without Node, the comparison is left out and said so.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import quote_plus

from benchmarks.deployment import ROOT, free_port
from benchmarks.scenarios import Scenario, Settle
from benchmarks.server import Running, StartFailedError
from benchmarks.wire import Journey, UnexpectedAnswerError, expect, get, post
from idp.model.struct import Frozen

PREFIX = "node-oidc-provider: "
_FOLDER = ROOT / "tests" / "peers"
_SECRET = "a secret of thirty-two characters"


def missing() -> str | None:
    """Return why there is nothing to compare with, or None."""
    if shutil.which("node") is None:
        return "Node.js is not installed"
    if not (_FOLDER / "node_modules" / "oidc-provider").is_dir():
        return "its packages are missing (npm ci in tests/peers)"
    return None


class Peer(Frozen, frozen=True, kw_only=True):
    """What its clients know of it."""

    port: int
    token: str
    """An access token of a person."""

    @property
    def host(self) -> str:
        """Name and port, as a `Host` header has them."""
        return f"localhost:{self.port}"

    def fetched(self, path: str) -> Journey:
        """Get a public document."""
        expect((yield get(self.host, path)), 200)

    def own_token(self, algorithm: str) -> Journey:
        """Get a client's own token."""
        answer = yield self._post("/token", {"grant_type": "client_credentials", "scope": "accounts"}, algorithm)
        if not json.loads(expect(answer, 200).body)["access_token"].startswith("eyJ"):
            raise UnexpectedAnswerError("The token is no JWT.")

    def asked_who(self) -> Journey:
        """Ask for the user's claims."""
        expect((yield get(self.host, "/me", {"authorization": f"Bearer {self.token}"})), 200)

    def introspected(self) -> Journey:
        """Ask whether the access token counts."""
        answer = yield self._post("/token/introspection", {"token": self.token}, "ES256")
        if not json.loads(expect(answer, 200).body)["active"]:
            raise UnexpectedAnswerError("The token is not active.")

    def _post(self, path: str, form: dict[str, str], algorithm: str) -> bytes:
        credentials = f"app-{algorithm}:{quote_plus(_SECRET)}"
        basic = base64.b64encode(credentials.encode()).decode()
        return post(self.host, path, form, {"authorization": f"Basic {basic}"})


@contextmanager
def peer() -> Iterator[tuple[Running, Peer]]:
    """Serve it."""
    port = free_port()
    command = ["node", str(_FOLDER / "oidc_provider.mjs"), str(port)]
    process = subprocess.Popen(  # the project's own script
        command, cwd=_FOLDER, env=None, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise StartFailedError("node-oidc-provider did not start.")
        yield Running(pid=process.pid, port=port, started_in=0.0), Peer(port=port, token=json.loads(line)["token"])
    finally:
        process.terminate()
        process.communicate()


def _many(journey: Callable[[Peer], Journey]) -> Callable[[Peer, Settle, int], Sequence[Journey]]:
    def prepare(peer: Peer, settle: Settle, count: int) -> Sequence[Journey]:
        del settle
        return [journey(peer) for _ in range(count)]

    return prepare


PEER_SCENARIOS: tuple[Scenario[Peer], ...] = tuple(
    Scenario(name=PREFIX + name, prepare=_many(journey))
    for name, journey in {
        "client credentials, ES256": lambda peer: peer.own_token("ES256"),
        "client credentials, RS256": lambda peer: peer.own_token("RS256"),
        "userinfo": Peer.asked_who,
        "introspection": Peer.introspected,
        "discovery": lambda peer: peer.fetched("/.well-known/openid-configuration"),
        "JWKS": lambda peer: peer.fetched("/jwks"),
    }.items()
)
