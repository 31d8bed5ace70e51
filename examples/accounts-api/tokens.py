"""What an access token says, by one of two roads: read here by the provider's public keys, or asked of the provider.

Reading is fast and needs nobody; a token that was revoked lives on until it expires. Asking costs a call and tells the
truth of this moment: FAPI 2.0 §5.3.4 wants revocation to be checked, so money is moved on the second road.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any, Protocol

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from refusals import invalid_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from api_settings import Settings

ALGORITHMS = ["ES256", "ES384", "PS256", "RS256", "EdDSA"]
_AHEAD = 10  # seconds that the provider's clock may be ahead of ours
_PAUSE = 10.0  # seconds between two looks for a key that is not there
_LONGEST = 16 * 1024  # characters of a token


class UnavailableError(Exception):
    """The provider could not be asked; the request is refused with 503, never served unchecked."""


class Tokens(Protocol):
    """A way to learn what a token says."""

    async def claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token that counts; raises `RefusedError` or `UnavailableError`."""


def tokens(settings: Settings, provider: Provider, clock: Callable[[], float]) -> Tokens:
    """Return the road that the settings choose."""
    return Introspected(settings, provider) if settings.check == "introspection" else Signed(settings, provider, clock)


class Provider:
    """The provider's metadata and its calls. Addresses come from its discovery document, once."""

    def __init__(self, settings: Settings) -> None:
        self._issuer = settings.issuer
        self._settings = settings
        self._http: httpx.AsyncClient | None = None
        self._metadata: dict[str, Any] = {}

    async def address(self, name: str) -> str:
        """Return an address of the metadata (RFC 8414 §2)."""
        if not self._metadata:
            found = await self._json("GET", f"{self._issuer}/.well-known/openid-configuration")
            if found.get("issuer") != self._issuer:  # RFC 8414 §3.3
                raise UnavailableError("the discovery document is another issuer's")
            self._metadata = found
        return str(self._metadata[name])

    async def keys(self) -> KeySet:
        """Return the provider's public keys."""
        return KeySet.import_key_set(await self._json("GET", await self.address("jwks_uri")))  # type: ignore[arg-type]  # checked by the library

    async def introspected(self, token: str) -> dict[str, Any]:
        """Ask what a token is worth (RFC 7662 §2.1), as ourselves."""
        credentials = {"client_id": self._settings.client_id, "client_secret": self._settings.secret}
        return await self._json("POST", await self.address("introspection_endpoint"), {"token": token, **credentials})

    async def close(self) -> None:
        """Let go of the connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def _json(self, method: str, address: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        if self._http is None:
            bundle = self._settings.ca_bundle
            verify: ssl.SSLContext | bool = ssl.create_default_context(cafile=bundle) if bundle else True
            self._http = httpx.AsyncClient(timeout=3.0, verify=verify, trust_env=False)
        try:
            answer = await self._http.request(method, address, data=form)
            answer.raise_for_status()
            content = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise UnavailableError(f"{address}: {type(error).__name__}") from None
        if not isinstance(content, dict):
            raise UnavailableError(f"{address}: not a JSON object")
        return content


class Signed:
    """Reads tokens by the provider's public keys (RFC 9068 §4)."""

    def __init__(self, settings: Settings, provider: Provider, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._provider = provider
        self._clock = clock
        self._keys: KeySet | None = None
        self._looked_at = 0.0
        self._turn = asyncio.Lock()

    async def claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims; raises `RefusedError`."""
        if len(token) > _LONGEST:
            raise invalid_token()
        decoded = self._decoded(token, await self._known())
        if decoded is None:
            decoded = self._decoded(token, await self._looked_again())
        if decoded is None:
            raise invalid_token()
        self._check(decoded)
        return decoded.claims

    def _decoded(self, token: str, keys: KeySet) -> jwt.Token | None:
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            return None

    def _check(self, token: jwt.Token) -> None:
        claims, now = token.claims, self._clock()
        # An ID token or a logout token is signed with the same keys: the type tells them apart (RFC 8725 §3.11).
        if str(token.header.get("typ", "")).lower().removeprefix("application/") != "at+jwt":
            raise invalid_token()
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != self._settings.issuer or self._settings.audience not in named:
            raise invalid_token()
        expires_at, issued_at = claims.get("exp"), claims.get("iat")
        if not isinstance(expires_at, int) or not isinstance(issued_at, int):
            raise invalid_token()
        if now >= expires_at or now + _AHEAD < max(issued_at, claims.get("nbf") or 0):
            raise invalid_token()

    async def _known(self) -> KeySet:
        return self._keys if self._keys is not None else await self._looked_again()

    async def _looked_again(self) -> KeySet:
        """Look for new keys: the provider rotates them. Not for every token that a stranger invents."""
        async with self._turn:
            if self._keys is None or self._clock() - self._looked_at > _PAUSE:
                self._looked_at = self._clock()
                self._keys = await self._provider.keys()
            return self._keys


class Introspected:
    """Asks the provider about every token (RFC 7662 §2)."""

    def __init__(self, settings: Settings, provider: Provider) -> None:
        self._settings = settings
        self._provider = provider

    async def claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims; raises `RefusedError`."""
        if len(token) > _LONGEST:
            raise invalid_token()
        claims = await self._provider.introspected(token)
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        # Active alone is not enough: the provider also tells us of tokens that were given to this API as a client.
        if claims.get("active") is not True or self._settings.audience not in named:
            raise invalid_token()
        if claims.get("token_type") not in {"Bearer", "DPoP"}:  # a refresh token is no access token
            raise invalid_token()
        return claims
