"""How a client of a realm file wants its answers signed and encrypted: Keycloak's attributes → model."""

from __future__ import annotations

from collections.abc import Mapping

from idp.model.clients.assertion import PUBLIC_KEY_ALGORITHMS
from idp.model.clients.protection import CONTENT_ENCRYPTION, KEY_MANAGEMENT, ContentEncryption, Protection
from idp.model.finding import Finding
from idp.model.struct import Frozen
from idp.realms.values import choice


class Names(Frozen, frozen=True, kw_only=True):
    """The three attributes of one kind of answer."""

    signed: str
    encrypted: str
    encoding: str


ID_TOKEN = Names(
    signed="id.token.signed.response.alg",
    encrypted="id.token.encrypted.response.alg",
    encoding="id.token.encrypted.response.enc",
)
USERINFO = Names(
    signed="user.info.response.signature.alg",
    encrypted="user.info.encrypted.response.alg",
    encoding="user.info.encrypted.response.enc",
)
AUTHORIZATION_RESPONSE = Names(
    signed="authorization.signed.response.alg",
    encrypted="authorization.encrypted.response.alg",
    encoding="authorization.encrypted.response.enc",
)
# RFC 9701 §6: Keycloak has no attributes of these names; they are its pattern with the names of the registration.
INTROSPECTION = Names(
    signed="introspection.signed.response.alg",
    encrypted="introspection.encrypted.response.alg",
    encoding="introspection.encrypted.response.enc",
)
_UNSIGNED = "none"


def id_token_protection(attributes: Mapping[str, str], pointer: str, findings: list[Finding]) -> Protection:
    """Read the protection of ID tokens; they alone may be unsigned (OpenID Connect Core §2)."""
    if attributes.get(ID_TOKEN.signed) == _UNSIGNED:
        rest = {name: value for name, value in attributes.items() if name != ID_TOKEN.signed}
        read = _protection(rest, ID_TOKEN, pointer, findings)
        return Protection(signed="none", encrypted=read.encrypted, encoding=read.encoding)
    return _protection(attributes, ID_TOKEN, pointer, findings)


def userinfo_protection(attributes: Mapping[str, str], pointer: str, findings: list[Finding]) -> Protection:
    """Read the protection of UserInfo answers (Keycloak writes `unsigned` for plain JSON)."""
    unsigned = attributes.get(USERINFO.signed) == "unsigned"
    kept = {name: value for name, value in attributes.items() if not (unsigned and name == USERINFO.signed)}
    return _protection(kept, USERINFO, pointer, findings)


def introspection_protection(attributes: Mapping[str, str], pointer: str, findings: list[Finding]) -> Protection:
    """Read the protection of introspection answers."""
    return _protection(attributes, INTROSPECTION, pointer, findings)


def authorization_response_protection(
    attributes: Mapping[str, str], pointer: str, findings: list[Finding]
) -> Protection:
    """Read the protection of authorization responses (JARM)."""
    return _protection(attributes, AUTHORIZATION_RESPONSE, pointer, findings)


def _protection(attributes: Mapping[str, str], names: Names, pointer: str, findings: list[Finding]) -> Protection:
    default: ContentEncryption = Protection().encoding
    return Protection(
        signed=choice(attributes, names.signed, PUBLIC_KEY_ALGORITHMS, pointer, findings),
        encrypted=choice(attributes, names.encrypted, KEY_MANAGEMENT, pointer, findings),
        encoding=choice(attributes, names.encoding, CONTENT_ENCRYPTION, pointer, findings) or default,
    )
