"""Rules about how clients authenticate: keys that cannot verify, addresses that are not called, secrets too short."""

from __future__ import annotations

from collections.abc import Iterator

from idp.crypto.public_keys import KeyRefusedError, read_certificate, read_key_set
from idp.model.client import Client
from idp.model.clients.assertion import HMAC_SIZE, SECRET_ALGORITHMS
from idp.model.finding import Finding
from idp.realms.addresses import Reach, reach
from idp.realms.clients.certificates import certificate_findings
from idp.realms.clients.keys import AUDIENCE, CERTIFICATE, LIFE
from idp.realms.representation import realm as file
from idp.realms.values import error, warning

_LONG_LIFE = 300  # seconds


def authentication_findings(written: file.Client, client: Client, pointer: str) -> Iterator[Finding]:
    """Yield what is wrong with a client's registered method and with its service account."""
    yield from _service_account(written, client, pointer)
    if client.public or not client.enabled or client.authentication == "client-secret":
        return
    place = f"{pointer}/attributes"
    if client.authentication == "client-x509":
        yield from certificate_findings(client, place)
        return
    if client.assertion.longest_life > _LONG_LIFE:
        problem = "Assertions may live longer than five minutes; one that leaks is good until it is used or expires."
        yield warning("C-JWT-LIFE", f"{place}/{LIFE}", problem, "Set 60.")
    if client.assertion.endpoint_audience:
        problem = "Assertions may name an endpoint: another server could have one made for ours (CVE-2025-27370)."
        yield warning("C-JWT-AUDIENCE", f"{place}/{AUDIENCE}", problem, "Set issuer.")
    if client.authentication == "client-secret-jwt":
        yield from _secret(client, pointer)
    else:
        yield from _keys(client, place)


def _service_account(written: file.Client, client: Client, pointer: str) -> Iterator[Finding]:
    place = f"{pointer}/serviceAccountsEnabled"
    if written.service_accounts_enabled and client.public:
        problem = f"“{client.client_id}” proves nothing, so it has no service account (RFC 6749 §4.4)."
        yield error("C-SERVICE-ACCOUNT", place, problem, "Set false, or give the client a way to authenticate.")
    if client.service_account and written.attributes.get("client_credentials.use_refresh_token") == "true":
        problem = "No refresh token is made for client credentials (RFC 6749 §4.4.3)."
        place = f"{pointer}/attributes/client_credentials.use_refresh_token"
        yield warning("C-SERVICE-REFRESH", place, problem, "Set false; the client asks for a new token instead.")


def _secret(client: Client, pointer: str) -> Iterator[Finding]:
    if client.secret is None:
        return  # the rule about missing secrets says so
    shortest, named = next(
        (
            (HMAC_SIZE[algorithm], algorithm)
            for algorithm in SECRET_ALGORITHMS
            if algorithm == client.assertion.algorithm
        ),
        (HMAC_SIZE["HS256"], "HS256"),
    )
    if len(client.secret.reveal().encode()) < shortest:
        problem = f"The secret of “{client.client_id}” is shorter than the {shortest} bytes of {named} (RFC 7518 §3.2)."
        yield error("C-SECRET-SHORT", f"{pointer}/secret", problem, f"Make one of {shortest} random bytes.")


def _keys(client: Client, place: str) -> Iterator[Finding]:
    rules, source = client.assertion, client.keys
    if source.jwks_url:
        yield from _address(source.jwks_url, f"{place}/jwks.url")
        return
    attribute = "jwks.string" if source.jwks else CERTIFICATE
    if not source:
        problem = f"“{client.client_id}” authenticates by private_key_jwt and has no public key."
        repair = "Set use.jwks.url and jwks.url, or use.jwks.string and jwks.string, or import a certificate."
        yield error("C-JWT-KEYS", place, problem, repair)
        return
    try:
        keys = read_key_set(source.jwks.encode()) if source.jwks else read_certificate(source.certificate)
    except KeyRefusedError as refused:
        problem = f"The keys of “{client.client_id}” cannot be used: {refused}."
        yield error("C-JWT-KEYS", f"{place}/{attribute}", problem, "Write public keys for signatures.")
        return
    if not keys.keys:
        problem = f"“{client.client_id}” has keys for encryption only and cannot sign with them."
        yield error("C-JWT-KEYS", f"{place}/{attribute}", problem, "Add a public key for signatures.")
        return
    for reason in keys.refused:
        yield warning("C-JWT-KEYS", f"{place}/{attribute}", f"A key is left out: {reason}.", "Remove or mend it.")
    if rules.algorithm is not None and not any(rules.algorithm in key.algorithms for key in keys.keys):
        problem = f"No key of “{client.client_id}” fits {rules.algorithm}."
        yield error("C-JWT-KEYS", f"{place}/{attribute}", problem, "Register a key of that algorithm.")


def _address(address: str, pointer: str) -> Iterator[Finding]:
    found = reach(address)
    if found is Reach.LOOPBACK:
        problem = "Keys come from a loopback address; it is called only with the test switch outbound.allow_loopback."
        yield warning("C-JWT-ADDRESS", pointer, problem, "Use https.")
    elif found is Reach.NOWHERE:
        yield error("C-JWT-ADDRESS", pointer, "Keys are fetched from an https address only.", "Use https.")
