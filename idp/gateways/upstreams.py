"""Logging people in at other OpenID providers: Authlib's relying party, behind our own guard and our own door.

Authlib writes the requests and judges the claims of ID tokens; calls go through the address guard, and signatures
through the strict door for foreign tokens, with keys that the realm file names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from idp.crypto.foreign import proves_by_key, read_foreign
from idp.crypto.jose import TokenError
from idp.crypto.public_keys import KeyRefusedError, KeySet, read_key_set
from idp.model.trusted.upstream import UpstreamProvider
from idp.oidc.clients.remote_keys import RemoteKeySets
from idp.ports import Clock, Exchanges, UnfetchableError, UpstreamRefusedError

_LARGEST_ANSWER = 64 * 1024  # bytes
_LARGEST_TOKEN = 16 * 1024  # characters
_LEEWAY = 30  # seconds: how far the other clock may be from ours
_OLDEST = 300  # seconds: an ID token that was made for this very login is young
_OK = 200
_OF_THE_BODY = frozenset({"content-type", "content-length"})
_FORM = "application/x-www-form-urlencoded"


class OpenIdUpstreams:
    """Implements `idp.ports.Upstreams`."""

    def __init__(self, outbound: Exchanges, *, clock: Clock) -> None:
        self._outbound = outbound
        self._clock = clock
        self._keys = RemoteKeySets(outbound, clock)

    def request(
        self, upstream: UpstreamProvider, *, redirect_uri: str, nonce: str, verifier: str, login_hint: str, locale: str
    ) -> str:
        """Return the authorization request, with PKCE whatever the other side asks for (RFC 9700 §2.1.1)."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # noqa: PLC0415 - loaded where it is used
        from authlib.oauth2.rfc7636 import create_s256_code_challenge  # noqa: PLC0415 - as above

        more = {"nonce": nonce, "code_challenge_method": "S256", "ui_locales": locale}
        if upstream.prompt:
            more["prompt"] = upstream.prompt
        if upstream.passes_login_hint and login_hint:
            more["login_hint"] = login_hint
        address: str = prepare_grant_uri(
            upstream.authorization_url,
            upstream.client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=" ".join(upstream.scope),
            code_challenge=create_s256_code_challenge(verifier),
            **more,
        )
        return address

    async def redeemed(
        self, upstream: UpstreamProvider, *, code: str, redirect_uri: str, nonce: str, verifier: str
    ) -> Mapping[str, Any]:
        """Redeem the code and return the claims of the ID token (OpenID Connect Core §3.1.3.3, §3.1.3.7)."""
        answer = await self._token_answer(upstream, code=code, redirect_uri=redirect_uri, verifier=verifier)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise UpstreamRefusedError("the answer has no ID token")
        try:
            unproven = read_foreign(token, largest=_LARGEST_TOKEN, ignored=frozenset({"x5t", "x5t#S256"}))
            if unproven.algorithm not in upstream.algorithms:
                raise UpstreamRefusedError("the ID token is signed by an algorithm that is not accepted")
            keys = await self._keys_of(upstream, unproven.kid, unproven.algorithm)
            if not proves_by_key(unproven, keys):
                raise UpstreamRefusedError("the signature of the ID token is wrong")
        except (TokenError, KeyRefusedError) as error:
            raise UpstreamRefusedError(f"the ID token is not accepted: {error}") from None
        access_token = answer.get("access_token")
        self._check(upstream, unproven.claims, unproven.algorithm, nonce=nonce, access_token=access_token)
        return unproven.claims

    async def _token_answer(
        self, upstream: UpstreamProvider, *, code: str, redirect_uri: str, verifier: str
    ) -> Mapping[str, Any]:
        from authlib.oauth2.auth import ClientAuth  # noqa: PLC0415 - loaded where it is used
        from authlib.oauth2.rfc6749.parameters import prepare_token_request  # noqa: PLC0415 - as above

        body = prepare_token_request("authorization_code", redirect_uri=redirect_uri, code=code, code_verifier=verifier)
        proof = ClientAuth(upstream.client_id, upstream.client_secret.reveal(), upstream.secret_method)
        _, headers, body = proof.prepare("POST", upstream.token_url, {"accept": "application/json"}, body)
        plain = {
            name: value for name, value in headers.items() if name.lower() not in {"content-type", "content-length"}
        }
        try:
            answer = await self._outbound.ask(
                upstream.token_url, body=body.encode(), content_type=_FORM, headers=plain, largest=_LARGEST_ANSWER
            )
        except UnfetchableError as error:
            raise UpstreamRefusedError(f"the token endpoint cannot be asked: {error}") from None
        if answer.status != _OK:
            # Its body may repeat what was sent; the log gets the status alone.
            raise UpstreamRefusedError(f"the token endpoint answered {answer.status}")
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise UpstreamRefusedError("the token endpoint's answer is no JSON object")
        return found

    async def _keys_of(self, upstream: UpstreamProvider, kid: str | None, algorithm: str) -> KeySet:
        if upstream.keys.jwks_url:
            return await self._keys.find(upstream.keys.jwks_url, kid=kid, algorithm=algorithm)
        return read_key_set(upstream.keys.jwks.encode())

    def _check(
        self, upstream: UpstreamProvider, claims: Mapping[str, Any], algorithm: str, *, nonce: str, access_token: object
    ) -> None:
        """Judge the claims: iss, aud, azp, exp, iat, nonce, at_hash (OpenID Connect Core §3.1.3.7)."""
        from authlib.oidc.core import CodeIDToken  # noqa: PLC0415 - loaded where it is used
        from joserfc.errors import JoseError  # noqa: PLC0415 - as above

        parameters = {"nonce": nonce, "client_id": upstream.client_id}
        if isinstance(access_token, str):
            parameters["access_token"] = access_token
        wanted = {
            "iss": {"essential": True, "value": upstream.issuer},
            "aud": {"essential": True, "value": upstream.client_id},
        }
        now = int(self._clock())
        try:
            CodeIDToken(dict(claims), {"alg": algorithm}, options=wanted, params=parameters).validate(now, _LEEWAY)
        except (JoseError, ValueError, TypeError) as error:
            raise UpstreamRefusedError(f"the ID token's claims are not right: {type(error).__name__} {error}") from None
        issued_at, subject = claims.get("iat"), claims.get("sub")
        if not isinstance(issued_at, int) or now - issued_at > _OLDEST:
            raise UpstreamRefusedError("the ID token is old")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:  # noqa: PLR2004 - OpenID Connect Core §2, `sub`
            raise UpstreamRefusedError("the ID token names nobody")
