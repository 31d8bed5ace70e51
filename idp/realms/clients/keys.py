"""How a client of a realm file authenticates: Keycloak's `clientAuthenticatorType` and its attributes → model."""

from __future__ import annotations

from typing import get_args

from idp.model.clients.assertion import (
    AUTHENTICATORS,
    PUBLIC_KEY_ALGORITHMS,
    SECRET_ALGORITHMS,
    AssertionRules,
    ClientAuthenticator,
    KeySource,
    PublicKeyAlgorithm,
    SecretAlgorithm,
    SecretMethod,
)
from idp.model.finding import Finding
from idp.realms.representation import realm as file
from idp.realms.values import choice, error, one_of, whole_number

SECRETLESS = frozenset({"client-jwt", "client-x509"})
"""Methods that prove a key of the client's own."""
ALGORITHM = "token.endpoint.auth.signing.alg"
SECRET_METHOD = "hyrja.tokenEndpointAuthMethod"  # noqa: S105 - the name of an attribute, not a secret
LIFE = "token.endpoint.auth.signing.max.exp"
CERTIFICATE = "jwt.credential.certificate"
AUDIENCE = "hyrja.assertion.audience"
_LONGEST_LIFE = 3600  # seconds


def authenticator(client: file.Client, pointer: str, findings: list[Finding]) -> ClientAuthenticator:
    """Return the method a client is registered with; one that is not offered here is an error."""
    for known in AUTHENTICATORS:
        if client.client_authenticator_type == known:
            return known
    if not client.public_client and not client.bearer_only:
        problem = f"“{client.client_authenticator_type}” is not supported here."
        place = f"{pointer}/clientAuthenticatorType"
        findings.append(error("C-AUTHENTICATOR", place, problem, f"Use one of: {', '.join(AUTHENTICATORS)}."))
    return "client-secret"


def secret_method(client: file.Client, pointer: str, findings: list[Finding]) -> SecretMethod | None:
    """Return the only way in which a client sends its secret; None: by header or in the form."""
    return choice(client.attributes, SECRET_METHOD, get_args(SecretMethod), pointer, findings)


def assertion_rules(found: file.Realm, client: file.Client, pointer: str, findings: list[Finding]) -> AssertionRules:
    """Return what is registered about a client's assertions."""
    kind, attributes = client.client_authenticator_type, client.attributes
    if kind not in {"client-jwt", "client-secret-jwt"} or client.public_client:
        return AssertionRules()
    place = f"{pointer}/attributes"
    algorithm, default = _algorithm(client, place, findings), AssertionRules().longest_life
    life = whole_number(
        attributes.get(LIFE, ""), default, f"{place}/{LIFE}", findings, rule="C-JWT-LIFE", most=_LONGEST_LIFE
    )
    by_endpoint = _endpoint_audience(found, client, place, findings)
    return AssertionRules(algorithm=algorithm, longest_life=life, endpoint_audience=by_endpoint)


def key_source(client: file.Client, pointer: str, findings: list[Finding]) -> KeySource:
    """Return where a client's public keys are; they serve for more than its authentication."""
    attributes, place = client.attributes, f"{pointer}/attributes"
    by_address, by_value = attributes.get("use.jwks.url") == "true", attributes.get("use.jwks.string") == "true"
    if by_address and by_value:
        problem = "Keys come both by address and by value; only one can count."
        findings.append(error("C-JWT-KEYS", f"{place}/use.jwks.string", problem, "Set one of the two to false."))
    return KeySource(
        jwks_url=attributes.get("jwks.url", "") if by_address else "",
        jwks=attributes.get("jwks.string", "") if by_value and not by_address else "",
        certificate="" if by_address or by_value else attributes.get(CERTIFICATE, ""),
    )


def _endpoint_audience(found: file.Realm, client: file.Client, place: str, findings: list[Finding]) -> bool:
    """Tell whether an assertion may name an endpoint: as the client says, else as the realm says for all of them."""
    own = client.attributes.get(AUDIENCE)
    written, place = (
        (own, f"{place}/{AUDIENCE}") if own else (found.attributes.get(AUDIENCE), f"/attributes/{AUDIENCE}")
    )
    return one_of(written or "issuer", ("issuer", "endpoint"), place, findings) == "endpoint"


def _algorithm(client: file.Client, place: str, findings: list[Finding]) -> PublicKeyAlgorithm | SecretAlgorithm | None:
    written = client.attributes.get(ALGORITHM, "")
    by_secret = client.client_authenticator_type == "client-secret-jwt"
    known: tuple[PublicKeyAlgorithm | SecretAlgorithm, ...] = SECRET_ALGORITHMS if by_secret else PUBLIC_KEY_ALGORITHMS
    for algorithm in known:
        if algorithm == written:
            return algorithm
    if written and written != "any":
        problem = f"“{written}” cannot sign assertions of the method {client.client_authenticator_type}."
        findings.append(error("C-JWT-ALG", f"{place}/{ALGORITHM}", problem, f"Use one of: {', '.join(known)}."))
    return None
