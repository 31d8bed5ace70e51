"""How a client proves itself by a signed assertion (RFC 7523), and where its public keys are."""

from __future__ import annotations

from typing import Literal, get_args

from idp.model.struct import Frozen

ClientAuthenticator = Literal["client-secret", "client-jwt", "client-secret-jwt", "client-x509"]
"""Keycloak's `clientAuthenticatorType`. `client-secret` is client_secret_basic and client_secret_post alike;
`client-x509` is tls_client_auth, or self_signed_tls_client_auth where the client's `CertificateRules` say so."""

AUTHENTICATORS: tuple[ClientAuthenticator, ...] = get_args(ClientAuthenticator)

SecretMethod = Literal["client_secret_basic", "client_secret_post"]

PublicKeyAlgorithm = Literal["ES256", "ES384", "PS256", "RS256", "EdDSA"]
SecretAlgorithm = Literal["HS256", "HS384", "HS512"]
PUBLIC_KEY_ALGORITHMS: tuple[PublicKeyAlgorithm, ...] = get_args(PublicKeyAlgorithm)
SECRET_ALGORITHMS: tuple[SecretAlgorithm, ...] = get_args(SecretAlgorithm)
HMAC_SIZE: dict[SecretAlgorithm, int] = {"HS256": 32, "HS384": 48, "HS512": 64}
"""Bytes of each HMAC, and so of the shortest key that it may have (RFC 7518 §3.2)."""


class AssertionRules(Frozen, frozen=True, kw_only=True):
    """What an assertion of one client must be like."""

    algorithm: PublicKeyAlgorithm | SecretAlgorithm | None = None
    """The only algorithm (`token.endpoint.auth.signing.alg`); None: any that fits the method."""
    longest_life: int = 60
    """Seconds from `iat` to `exp` (`token.endpoint.auth.signing.max.exp`, whose default is Keycloak's)."""
    endpoint_audience: bool = False
    """`aud` may be the address of an endpoint, as in OpenID Connect Core §9; otherwise only the issuer (RFC 10070)."""


class KeySource(Frozen, frozen=True, kw_only=True):
    """Where a client's public keys are: for its signatures, and for what is encrypted to it. One of the three at most.

    Empty for a client without keys of its own.
    """

    jwks: str = ""
    """A JWK set as JSON text."""
    jwks_url: str = ""
    """The address of a JWK set."""
    certificate: str = ""
    """An X.509 certificate: base64 of its DER, without the lines of PEM."""

    def __bool__(self) -> bool:
        """Tell whether there is a source."""
        return bool(self.jwks or self.jwks_url or self.certificate)
