"""Rules about protected answers: an encryption without a key, an ID token that nobody has signed."""

from __future__ import annotations

from collections.abc import Iterator

from idp.crypto.public_keys import KeyRefusedError, read_certificate, read_key_set
from idp.model.client import Client
from idp.model.finding import Finding
from idp.realms.clients.protection import AUTHORIZATION_RESPONSE, ID_TOKEN, INTROSPECTION, USERINFO
from idp.realms.representation import realm as file
from idp.realms.values import error, warning


def protection_findings(written: file.Client, client: Client, pointer: str) -> Iterator[Finding]:
    """Yield what is wrong with how a client's answers are signed and encrypted."""
    if not client.enabled:
        return
    if client.id_token.signed == "none":
        yield _unsigned(written, client, f"{pointer}/attributes/{ID_TOKEN.signed}")
    for names, protection in (
        (ID_TOKEN, client.id_token),
        (USERINFO, client.userinfo),
        (INTROSPECTION, client.introspection),
        (AUTHORIZATION_RESPONSE, client.authorization_response),
    ):
        if protection.encrypted is not None and not _may_have_key(client, protection.encrypted):
            problem = f"“{client.client_id}” has no public key for {protection.encrypted}: it would get no answer."
            repair = "Register a key for encryption (jwks.url or jwks.string), or remove the attribute."
            yield error("C-ENCRYPTION", f"{pointer}/attributes/{names.encrypted}", problem, repair)


def _unsigned(written: file.Client, client: Client, pointer: str) -> Finding:
    if written.implicit_flow_enabled:
        problem = f"“{client.client_id}” would get unsigned ID tokens through the browser (OpenID Connect Core §2)."
        return error("C-UNSIGNED", pointer, problem, "Set a signature algorithm, or implicitFlowEnabled to false.")
    problem = f"ID tokens of “{client.client_id}” are not signed: whoever is between can change them (RFC 8725 §3.2)."
    return warning("C-UNSIGNED", pointer, problem, "Set ES256 or PS256.")


def _may_have_key(client: Client, algorithm: str) -> bool:
    """Tell whether a key fits; what is at an address is not known here."""
    source = client.keys
    if source.jwks_url or not source:
        return bool(source.jwks_url)
    try:
        keys = read_key_set(source.jwks.encode()) if source.jwks else read_certificate(source.certificate)
    except KeyRefusedError:
        return False
    return keys.recipient(algorithm) is not None
