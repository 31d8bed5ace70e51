"""Is whoever sent the token the one it was given to? The key in `cnf` decides how that is shown (RFC 7800 §3).

- `jkt`: by a DPoP proof, made for this very request and token (RFC 9449 §7).
- `x5t#S256`: by the certificate of the TLS connection (RFC 8705 §3).
- neither: a bearer token; whoever has it may use it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from collections import OrderedDict
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, OctKey
from refusals import DPOP_ALGORITHMS, invalid_proof, invalid_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from api_settings import Settings
    from starlette.requests import Request

_OLDEST, _AHEAD = 60, 10  # seconds of a proof's `iat`
_MOST_PROOFS = 100_000
_LONGEST = 8 * 1024  # characters of a proof


class Possession:
    """Checks proofs, and remembers each until it could not be used again anyway.

    The memory is this process's: with several processes, keep it where all of them see it.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()

    def check(self, request: Request, *, scheme: str, token: str, claims: Mapping[str, Any]) -> None:
        """Refuse a token that the sender has not proven to be theirs; raises `RefusedError`."""
        confirmation = claims.get("cnf") or {}
        thumbprint, certificate = confirmation.get("jkt"), confirmation.get("x5t#S256")
        # RFC 9449 §7.2: a bound token must never pass as a bearer token, nor a bearer token with a proof beside it.
        if (thumbprint is not None) != (scheme == "dpop"):
            raise invalid_token(scheme="DPoP" if thumbprint is not None else "Bearer")
        if thumbprint is not None:
            self._check_proof(request, token, thumbprint)
        if certificate is not None and not _same(certificate, self._thumbprint_of_connection(request)):
            raise invalid_token()

    def _check_proof(self, request: Request, token: str, thumbprint: str) -> None:
        """RFC 9449 §4.3, in its order."""
        proofs = request.headers.getlist("dpop")
        if len(proofs) != 1 or len(proofs[0]) > _LONGEST:
            raise invalid_proof()
        key, claims = _opened(proofs[0])
        now, issued_at, proof_id = self._clock(), claims.get("iat"), claims.get("jti")
        if claims.get("htm") != request.method or not self._is_ours(claims.get("htu"), request):
            raise invalid_proof()
        if type(issued_at) is not int or not now - _OLDEST <= issued_at <= now + _AHEAD:
            raise invalid_proof()
        if not _same(claims.get("ath"), _base64url(hashlib.sha256(token.encode()).digest())):
            raise invalid_proof()
        if not _same(thumbprint, key.thumbprint()):
            raise invalid_token(scheme="DPoP")
        if not isinstance(proof_id, str) or not self._first_use(f"{thumbprint} {proof_id}", now):
            raise invalid_proof()

    def _is_ours(self, target: object, request: Request) -> bool:
        """Tell whether the proof was made for this address, without query and fragment (RFC 9449 §4.3 point 9)."""
        if not isinstance(target, str):
            return False
        parts = urlsplit(target)
        named = f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path}"
        return any(named == f"{url}{request.scope['path']}" for url in self._settings.urls)

    def _first_use(self, proof: str, now: float) -> bool:
        while self._seen and next(iter(self._seen.values())) < now:
            self._seen.popitem(last=False)
        if proof in self._seen or len(self._seen) >= _MOST_PROOFS:
            return False  # a full memory refuses: forgetting would let old proofs in again
        self._seen[proof] = now + _OLDEST + 2 * _AHEAD
        return True

    def _thumbprint_of_connection(self, request: Request) -> str | None:
        certificate = self._certificate(request)
        return None if certificate is None else _base64url(hashlib.sha256(certificate).digest())

    def _certificate(self, request: Request) -> bytes | None:
        """Return the client's certificate (DER): of this TLS connection, or as a trusted proxy saw it (RFC 9440 §2)."""
        chain = request.scope.get("extensions", {}).get("tls", {}).get("client_cert_chain") or ()
        if chain:
            return x509.load_pem_x509_certificate(chain[0].encode()).public_bytes(Encoding.DER)
        header = request.headers.get("client-cert")
        if header is None or not self._is_proxy(request):
            return None
        try:
            return base64.b64decode(header.strip().removeprefix(":").removesuffix(":"), validate=True)
        except ValueError:
            return None

    def _is_proxy(self, request: Request) -> bool:
        if request.client is None:
            return False
        try:
            sender = ipaddress.ip_address(request.client.host)
        except ValueError:
            return False
        return any(sender in ipaddress.ip_network(network) for network in self._settings.trusted_proxies)


def _opened(proof: str) -> tuple[Key, dict[str, Any]]:
    """Return the key that a proof names and was signed with, and its claims (RFC 9449 §4.3 points 4 to 7)."""
    try:
        header = jws.extract_compact(proof.encode()).headers()
        member = header.get("jwk")
        if header["typ"] != "dpop+jwt" or header["alg"] not in DPOP_ALGORITHMS:
            raise invalid_proof()
        # RFC 7515 §4: members that are unknown here are ignored, unless they must be understood.
        if "crit" in header or not isinstance(member, dict):
            raise invalid_proof()
        key = JWKRegistry.import_key(member)
        if isinstance(key, OctKey) or key.is_private:
            raise invalid_proof()
        # The key stands in the proof itself; it proves nothing but that the sender holds it. `cnf` says whose it is.
        registry = jws.JWSRegistry(algorithms=list(DPOP_ALGORITHMS), strict_check_header=False)
        content = jws.deserialize_compact(proof, key, registry=registry)
        claims = _object(content.payload)
    except (JoseError, ValueError, KeyError, TypeError):
        raise invalid_proof() from None
    return key, claims


def _object(payload: bytes) -> dict[str, Any]:
    import json  # noqa: PLC0415 - only proofs need it

    claims = json.loads(payload)
    if not isinstance(claims, dict):
        raise invalid_proof()
    return claims


def _same(expected: object, given: object) -> bool:
    return (
        isinstance(expected, str) and isinstance(given, str) and hmac.compare_digest(expected.encode(), given.encode())
    )


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
