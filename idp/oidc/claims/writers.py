"""One mapper → one function that writes its claim, or leaves it out where there is no value (§5.3.2).

A value that cannot be what the mapper's `jsonType.label` says is left out as well: a token is never refused for it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any, assert_never

from idp.model.claims.mapper import (
    PROTECTED_CLAIMS,
    Address,
    AllowedOrigins,
    Audience,
    AudienceOfRoles,
    ClaimName,
    ClientRoles,
    FixedClaim,
    FixedRole,
    FullName,
    Groups,
    LoginFact,
    Mapper,
    RealmRoles,
    RenamedRole,
    RoleName,
    UserAttribute,
    UserProperty,
    UserPropertyName,
)
from idp.model.claims.value import converted
from idp.model.client import Client
from idp.model.struct import Frozen
from idp.model.user import User
from idp.oidc.cors import origins_of
from idp.realms.tokens.roles import RoleBook

Claims = dict[str, Any]
_CLIENT_ID = "${client_id}"


class Facts(Frozen, frozen=True, kw_only=True):
    """What tokens may say about the login."""

    sid: str = ""
    auth_time: int | None = None
    amr: tuple[str, ...] = ()


class Subject:
    """Whom tokens are about; the roles that the client may see are worked out when the first mapper asks."""

    __slots__ = ("_roles", "_work_out", "book", "facts", "user")

    def __init__(self, user: User, facts: Facts, book: RoleBook, roles: Callable[[], frozenset[RoleName]]) -> None:
        self.user = user
        self.facts = facts
        self.book = book
        self._work_out = roles
        self._roles: frozenset[RoleName] | None = None

    @property
    def roles(self) -> frozenset[RoleName]:
        """The roles in the token."""
        if self._roles is None:
            self._roles = self._work_out()
        return self._roles


Writer = Callable[[Subject, Claims], None]
Source = Callable[[Subject], Iterable[str]]

_PROPERTIES: dict[UserPropertyName, Callable[[User], str]] = {
    "id": attrgetter("id"),
    "username": attrgetter("username"),
    "email": attrgetter("email"),
    "firstName": attrgetter("first_name"),
    "lastName": attrgetter("last_name"),
    "emailVerified": lambda user: str(user.email_verified).lower(),
    "enabled": lambda user: str(user.enabled).lower(),
    "createdTimestamp": lambda user: str(user.created_at * 1000),
}
# Keycloak keeps these beside the attributes and answers to both questions.
_ALSO_ATTRIBUTES: tuple[UserPropertyName, ...] = ("username", "email", "firstName", "lastName")
_ATTRIBUTES: dict[str, Callable[[User], str]] = {name: _PROPERTIES[name] for name in _ALSO_ATTRIBUTES}


def writer(mapper: Mapper, client: Client) -> Writer | None:
    """Return the function of a mapper; None if it writes no claim (audiences and roles are no claims)."""
    match mapper:
        case UserAttribute() if _is_text(mapper.claim):
            return _put(mapper.claim.path, _first_text(mapper))
        case UserProperty() if _is_text(mapper.claim):
            named = _PROPERTIES[mapper.name]
            return _put(mapper.claim.path, lambda subject: named(subject.user) or None)
        case UserAttribute():
            return _valued(mapper.claim, _attribute(mapper))
        case UserProperty():
            read = _PROPERTIES[mapper.name]
            return _valued(mapper.claim, lambda subject: (read(subject.user),))
        case FullName():
            return _full_name
        case Address():
            return _address(mapper)
        case AllowedOrigins():
            return _allowed_origins(client)
        case FixedClaim():
            return _put(mapper.claim.path, lambda _: copy.deepcopy(mapper.value))
        case LoginFact():
            return _login_fact(mapper)
        case _:
            return _of_membership(mapper)


def _of_membership(
    mapper: RealmRoles | ClientRoles | Groups | Audience | AudienceOfRoles | FixedRole | RenamedRole,
) -> Writer | None:
    match mapper:
        case RealmRoles():
            return _realm_roles(mapper)
        case ClientRoles():
            return _client_roles(mapper)
        case Groups():
            return _groups(mapper)
        case Audience() | AudienceOfRoles() | FixedRole() | RenamedRole():
            return None
        case _:
            assert_never(mapper)


def _valued(claim: ClaimName, source: Source) -> Writer:
    kind, multivalued = claim.json_type, claim.multivalued

    def value(subject: Subject) -> Any:
        if multivalued:
            found = [converted(text, kind) for text in source(subject)]
            return [one for one in found if one is not None] or None
        first = next(iter(source(subject)), None)
        return None if first is None else converted(first, kind)

    return _put(claim.path, value)


def _is_text(claim: ClaimName) -> bool:
    """Tell whether a claim is one text: nearly every one is, and each token runs a dozen of them."""
    return claim.json_type == "String" and not claim.multivalued


def _first_text(mapper: UserAttribute) -> Callable[[Subject], str | None]:
    """Return what `_attribute` has first, in as few calls as it takes."""
    name, otherwise = mapper.attribute, _attribute(mapper)
    read = _ATTRIBUTES.get(name)
    if read is not None:
        return lambda subject: read(subject.user) or None

    def text(subject: Subject) -> str | None:
        own = subject.user.attributes.get(name)
        if own:
            return own[0] or None
        return next(iter(otherwise(subject)), None) or None if subject.user.groups else None

    return text


def _attribute(mapper: UserAttribute) -> Source:
    name, aggregate = mapper.attribute, mapper.aggregate
    read = _ATTRIBUTES.get(name)

    def source(subject: Subject) -> Iterable[str]:
        own = (read(subject.user),) if read is not None else subject.user.attributes.get(name, ())
        if not subject.user.groups or (own and not aggregate):
            return own
        inherited = [
            group.attributes[name] for group in subject.book.groups_of(subject.user) if name in group.attributes
        ]
        if not aggregate:
            return inherited[0] if inherited else ()
        return dict.fromkeys((*own, *(value for values in inherited for value in values)))

    return source


def _full_name(subject: Subject, claims: Claims) -> None:
    name = f"{subject.user.first_name} {subject.user.last_name}".strip()
    if name:
        claims["name"] = name


def _address(mapper: Address) -> Writer:
    def write(subject: Subject, claims: Claims) -> None:
        found = {member: subject.user.attribute(attribute) for member, attribute in mapper.attributes.items()}
        address = {member: value for member, value in found.items() if value}
        if address:
            claims["address"] = address

    return write


def _realm_roles(mapper: RealmRoles) -> Writer:
    def value(subject: Subject) -> Any:
        return _listed((role.name for role in subject.roles if not role.client), mapper.prefix, mapper.claim)

    return _put(mapper.claim.path, value)


def _client_roles(mapper: ClientRoles) -> Writer:
    def write(subject: Subject, claims: Claims) -> None:
        by_client: dict[str, list[str]] = {}
        for role in subject.roles:
            if role.client and mapper.client_id in {"", role.client}:
                by_client.setdefault(role.client, []).append(role.name)
        for client_id in sorted(by_client):
            path = tuple(part.replace(_CLIENT_ID, client_id) for part in mapper.claim.path)
            # A client may be called as a claim is: its name never makes a protected one.
            if path[0] not in PROTECTED_CLAIMS:
                _written(claims, path, _listed(by_client[client_id], mapper.prefix, mapper.claim))

    return write


def _listed(roles: Iterable[str], prefix: str, claim: ClaimName) -> Any:
    """Return role names in order; Keycloak writes a list that may not be one as the text of it."""
    found = sorted(prefix + role for role in roles)
    if not found:
        return None
    return found if claim.multivalued else f"[{', '.join(found)}]"


def _groups(mapper: Groups) -> Writer:
    def value(subject: Subject) -> Any:
        own = [group for group in subject.book.groups_of(subject.user) if group.path in subject.user.groups]
        return [group.path if mapper.full_path else group.name for group in own] or None

    return _put(mapper.claim.path, value)


def _allowed_origins(client: Client) -> Writer:
    origins = sorted(origins_of(client))
    return _put(("allowed-origins",), lambda _: list(origins) or None)


def _login_fact(mapper: LoginFact) -> Writer:
    def value(subject: Subject) -> Any:
        match mapper.fact:
            case "auth_time":
                return subject.facts.auth_time
            case "amr":
                return list(subject.facts.amr) or None
            case "sid":
                return subject.facts.sid or None

    return _put(mapper.claim.path, value)


def _put(path: tuple[str, ...], value: Callable[[Subject], Any]) -> Writer:
    if len(path) == 1:
        name = path[0]

        def write_plainly(subject: Subject, claims: Claims) -> None:
            found = value(subject)
            if found is not None:
                if name in claims:
                    _written(claims, path, found)
                else:
                    claims[name] = found

        return write_plainly

    def write(subject: Subject, claims: Claims) -> None:
        _written(claims, path, value(subject))

    return write


def _written(claims: Claims, path: tuple[str, ...], value: Any) -> None:
    """Write a value at its place. Two lists become one; what is no object is not made one."""
    if value is None:
        return
    inner = claims
    for part in path[:-1]:
        inner = inner.setdefault(part, {})
        if not isinstance(inner, dict):
            return
    last, present = path[-1], inner.get(path[-1])
    if isinstance(present, list) and isinstance(value, list):
        value = list(_joined(present, value))
    inner[last] = value


def _joined(present: list[Any], added: list[Any]) -> Iterator[Any]:
    yield from present
    yield from (value for value in added if value not in present)
