"""Logging in at another provider: what is sent there, and what of the answer counts here. Pure.

What binds an answer to its request (PKCE's verifier, the nonce) is derived from the tab and never stored: a copy of
the store redeems nothing, and a reload asks for the same.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from idp.crypto.base64url import base64url
from idp.flows.credentials.held import STRONG
from idp.flows.customers.profile import written
from idp.flows.step import CredentialChange, Factor, Login
from idp.model.flow import Category
from idp.model.realm import Realm
from idp.model.trusted.upstream import Arrival, FederatedIdentity, UpstreamMapper, UpstreamProvider
from idp.model.user import User

REDIRECTOR = "identity-provider-redirector"
FACTOR = Factor(name="federated", category=Category.KNOWLEDGE, channel="upstream", amr=())
"""What a login elsewhere proves: one element, by another house's word."""
CHANGE = CredentialChange(credential=FACTOR.name, guarded_by=STRONG)
"""Linking gives somebody else's login the user's account: whoever holds a strong factor proves it before."""
_LONGEST = 255  # characters of what is taken over
_MOST_VALUES = 20
_NEVER_WRITTEN = frozenset({"username", "email", "phoneNumber", "phoneNumberVerified", "locale"})
_TEMPLATE = re.compile(r"\$\{(?:CLAIM\.(?P<claim>[^}|]+)|(?P<alias>ALIAS))(?:\s*\|\s*\w+)?\}")


def secrets_of(login: Login, alias: str, key: bytes) -> tuple[str, str]:
    """Return nonce and PKCE verifier of one visit (43 characters each, RFC 7636 §4.1)."""
    place = (login.realm.name, login.ceremony, login.execution, alias)
    nonce, verifier = (
        base64url(hmac.digest(key, "|".join(("upstream", what, *place)).encode(), "sha256"))
        for what in ("nonce", "verifier")
    )
    return nonce, verifier


def arrival(upstream: UpstreamProvider, claims: Mapping[str, Any], *, execution: str, now: int) -> Arrival:
    """Return who came, as far as it counts here."""
    read = {mapper.claim for mapper in upstream.mappers if mapper.claim} | set(_claims_of(upstream.mappers))
    texts = {name: _texts(_at(claims, name)) for name in read}
    name = _text(claims.get("preferred_username"))
    return Arrival(
        identity=FederatedIdentity(alias=upstream.alias, subject=claims["sub"], username=name),
        execution=execution,
        at=now,
        email=_text(claims.get("email")),
        email_verified=upstream.trusts_email and claims.get("email_verified") is True,
        first_name=_text(claims.get("given_name")),
        last_name=_text(claims.get("family_name")),
        claims=texts,
    )


def taken_over(realm: Realm, upstream: UpstreamProvider, user: User, came: Arrival, *, first: bool) -> User:
    """Return the user after the provider's mappers; at a later login only those that run every time."""
    for mapper in upstream.mappers:
        if first or mapper.every_time:
            user = _mapped(realm, user, mapper, came)
    return user


def linked(user: User, came: Arrival) -> User:
    """Return the user with the identity, in place of a former one at the same provider."""
    others = tuple(one for one in user.identities if one.alias != came.identity.alias)
    return msgspec.structs.replace(user, identities=(*others, came.identity))


def user_name(upstream: UpstreamProvider, came: Arrival) -> str:
    """Return the user name of an account that is made for who came."""
    template = next((mapper.value for mapper in upstream.mappers if mapper.kind == "username"), "")
    if not template:
        return came.identity.username or came.email or f"{came.identity.alias}.{came.identity.subject}"[:_LONGEST]

    def filled(found: re.Match[str]) -> str:
        return came.identity.alias if found["alias"] else "".join(came.claims.get(found["claim"].strip(), ())[:1])

    return _TEMPLATE.sub(filled, template).strip()[:_LONGEST]


def _mapped(realm: Realm, user: User, mapper: UpstreamMapper, came: Arrival) -> User:
    values = came.claims.get(mapper.claim, ())
    match mapper.kind:
        case "attribute":
            return _with(user, mapper.target, values)
        case "hardcoded-attribute":
            return _with(user, mapper.target, (mapper.value,))
        case "role":
            return _with_role(realm, user, mapper.target, given=mapper.value in values)
        case "hardcoded-role":
            return _with_role(realm, user, mapper.target, given=True)
        case "username":
            return user


def _with(user: User, name: str, values: tuple[str, ...]) -> User:
    """Write an attribute; never one by which a user is named or reached: the flow asks for those, and checks them."""
    return user if name in _NEVER_WRITTEN else written(user, {name: values})


def _with_role(realm: Realm, user: User, name: str, *, given: bool) -> User:
    """Give or take a role, in Keycloak's spelling `client.role`; a role that the realm does not have is none."""
    client, dot, role = name.partition(".")
    if dot and realm.clients.get(client) is not None:
        roles = tuple(one for one in user.client_roles.get(client, ()) if one != role)
        of_client = (*roles, role) if given else roles
        return msgspec.structs.replace(user, client_roles={**user.client_roles, client: of_client})
    others = tuple(one for one in user.realm_roles if one != name)
    return msgspec.structs.replace(user, realm_roles=(*others, name) if given else others)


def _claims_of(mappers: Iterable[UpstreamMapper]) -> Iterable[str]:
    return (found["claim"].strip() for m in mappers for found in _TEMPLATE.finditer(m.value) if found["claim"])


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """Return a claim; `address.locality` is one within another, unless there is a claim of that very name."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(text for one in values[:_MOST_VALUES] if (text := _text(one)))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value) if isinstance(value, str | int) else ""
    return text if len(text) <= _LONGEST and text.isprintable() else ""
