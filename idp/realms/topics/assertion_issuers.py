"""Identity providers of a realm file that issue assertions: Keycloak's `jwt-authorization-grant` → model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from idp.crypto.public_keys import KeyRefusedError, read_key_set
from idp.model.clients.assertion import PUBLIC_KEY_ALGORITHMS, KeySource
from idp.model.finding import Finding
from idp.model.trusted.assertion_issuer import AssertionIssuer, SubjectRule
from idp.realms.addresses import Reach, reach
from idp.realms.representation import realm as file
from idp.realms.topics import upstreams
from idp.realms.values import error, listed, one_of, warning

PROVIDER = "jwt-authorization-grant"
ENABLED, ALLOWED = "oauth2.jwt.authorization.grant.enabled", "oauth2.jwt.authorization.grant.idp"
SUBJECT = "hyrja.subject"
_ALGORITHM = "jwtAuthorizationGrantAssertionSignatureAlg"
_LIFE, _LONGEST = "jwtAuthorizationGrantMaxAllowedAssertionExpiration", 3600


def assertion_issuers(found: file.Realm, findings: list[Finding]) -> dict[str, AssertionIssuer]:
    """Return the trusted issuers of a file by their `iss`; what is missing or double is an error."""
    issuers: dict[str, AssertionIssuer] = {}
    for position, provider in enumerate(found.identity_providers):
        pointer = f"/identityProviders/{position}"
        if provider.provider_id in upstreams.PROVIDERS:
            continue
        if provider.provider_id != PROVIDER:
            problem = f"An identity provider of the kind “{provider.provider_id}” has no effect here."
            findings.append(warning("R-IDENTITY-PROVIDER", pointer, problem, "Use one of oidc, keycloak-oidc."))
        elif provider.enabled:
            issuer = _issuer(provider, pointer, findings)
            if issuer.issuer in issuers:
                problem = f"“{issuer.issuer}” is the issuer of two identity providers."
                findings.append(error("R-ASSERTION-ISSUER", f"{pointer}/config/issuer", problem, "Keep one of them."))
            issuers[issuer.issuer] = issuer
    return issuers


def allowed_issuers(client: file.Client) -> tuple[str, ...]:
    """Return the aliases of the issuers whose assertions a client may bring."""
    if client.attributes.get(ENABLED) != "true" or client.public_client:
        return ()
    return listed(client.attributes.get(ALLOWED, ""))


def _issuer(provider: file.IdentityProvider, pointer: str, findings: list[Finding]) -> AssertionIssuer:
    config, place = provider.config, f"{pointer}/config"
    findings.extend(_problems(config, place))
    algorithm = config.get(_ALGORITHM, "")
    subjects: tuple[SubjectRule, ...] = get_args(SubjectRule)
    by_address = config.get("useJwksUrl", "true") == "true"
    life = config.get(_LIFE, "")
    return AssertionIssuer(
        alias=provider.alias,
        issuer=config.get("issuer", ""),
        keys=KeySource(jwks_url=config.get("jwksUrl", ""))
        if by_address
        else KeySource(jwks=config.get("publicKeySignatureVerifier", "")),
        subject=one_of(config.get(SUBJECT, ""), subjects, f"{place}/{SUBJECT}", findings) or "id",
        algorithm=one_of(algorithm, PUBLIC_KEY_ALGORITHMS, f"{place}/{_ALGORITHM}", findings) if algorithm else None,
        longest_life=min(int(life), _LONGEST) if life.isascii() and life.isdigit() else 300,
    )


def _problems(config: dict[str, str], place: str) -> Iterator[Finding]:
    if not config.get("issuer"):
        yield error("R-ASSERTION-ISSUER", f"{place}/issuer", "The issuer has no name.", "Write its `iss`.")
    if config.get("jwtAuthorizationGrantAssertionReuseAllowed") == "true":
        place_of = f"{place}/jwtAuthorizationGrantAssertionReuseAllowed"
        yield error("R-ASSERTION-ISSUER", place_of, "An assertion is accepted once (RFC 7523 §3).", "Set false.")
    if config.get("useJwksUrl", "true") == "true":
        if reach(config.get("jwksUrl", "")) is Reach.NOWHERE:
            problem = "The issuer's keys are fetched from an https address only."
            yield error("R-ASSERTION-ISSUER", f"{place}/jwksUrl", problem, "Write the address of its JWK set.")
        return
    try:
        read_key_set(config.get("publicKeySignatureVerifier", "").encode())
    except KeyRefusedError as refused:
        place_of = f"{place}/publicKeySignatureVerifier"
        yield error("R-ASSERTION-ISSUER", place_of, f"The keys cannot be used: {refused}.", "Write a JWK set.")
