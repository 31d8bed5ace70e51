"""What the realm's protocol mappers put into a client's tokens (keycloak.md 3.5, OpenID Connect Core §5.4).

The mappers of a client and its scopes are compiled once per version of the realm into plain functions, kept in a
bounded table; a token then costs a call for each claim. Whoever mints puts the protocol's own claims *over* what comes
from here, and no protected name ever comes from here, present or not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from idp.model.claims.mapper import (
    PROTECTED_CLAIMS,
    Audience,
    AudienceOfRoles,
    FixedRole,
    Into,
    LoginFact,
    Mapper,
    RenamedRole,
    RoleName,
    claim_names,
)
from idp.model.client import Client
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User
from idp.oidc.claims import writers as claim_writers
from idp.oidc.claims.writers import Claims, Facts, Subject, Writer
from idp.oidc.provider import Provider
from idp.realms.tokens.roles import RoleBook

TokenKind = Literal["access", "id", "userinfo", "introspection"]
_KINDS: tuple[TokenKind, ...] = ("access", "id", "userinfo", "introspection")
_MOST_KEPT = 2048  # pairs of a client and a set of scopes, compiled


class _Compiled(Frozen, frozen=True, kw_only=True):
    """The mappers of one client with one set of scopes. Kinds that say the same have the same tuple of writers."""

    client: Client
    writers: dict[TokenKind, tuple[Writer, ...]]
    by_name: dict[str, tuple[Writer, ...]]
    audiences: dict[TokenKind, tuple[str, ...]]
    audience_of_roles: frozenset[TokenKind]
    visible: frozenset[RoleName] | None
    fixed_roles: frozenset[RoleName]
    renamed: tuple[RenamedRole, ...]


class Released:
    """What one client is told about one user, for each kind of token."""

    def __init__(self, compiled: _Compiled, subject: Subject) -> None:
        self._compiled = compiled
        self._subject = subject
        self._kept: dict[int, Claims] = {}

    def claims(self, kind: TokenKind) -> Claims:
        """Return the mapped claims, to be read only; none of them has a protected name."""
        writers = self._compiled.writers[kind]
        claims = self._kept.get(id(writers))
        if claims is None:
            claims = self._kept[id(writers)] = {}
            for write in writers:
                write(self._subject, claims)
        return claims

    def audience(self, kind: TokenKind) -> tuple[str, ...]:
        """Return the audiences beside the client itself, each once."""
        found = self._compiled.audiences[kind]
        own = self._compiled.client.client_id
        if kind in self._compiled.audience_of_roles:
            found += tuple(sorted({role.client for role in self._subject.roles if role.client}))
        return tuple(audience for audience in dict.fromkeys(found) if audience != own)


class ClaimBook:
    """The compiled mappers of one version of a realm."""

    def __init__(self, realm: Realm) -> None:
        self.roles = RoleBook(realm)
        self._realm = realm
        self._kept: dict[tuple[str, tuple[str, ...]], _Compiled] = {}

    def released(self, client: Client, scope: tuple[str, ...], user: User, facts: Facts) -> Released:
        """Return what the scopes release of the user to the client."""
        compiled = self._compiled(client, self.roles.permitted(user, scope))
        return Released(compiled, Subject(user, facts, self.roles, lambda: self._roles(compiled, user)))

    def asked(self, client: Client, names: Collection[str], user: User, facts: Facts) -> Claims:
        """Return single claims of the user that the client asked for by name, out of all its scopes (Core §5.5).

        What only holders of a role may have stays with them.
        """
        if not names:  # nearly every request
            return {}
        compiled = self._compiled(client, self.roles.permitted(user, _every_scope(client)))
        subject = Subject(user, facts, self.roles, lambda: self._roles(compiled, user))
        claims: Claims = {}
        for name in names:
            for write in compiled.by_name.get(name, ()):
                write(subject, claims)
        return claims

    def askable(self, client: Client) -> frozenset[str]:
        """Return the claims that a client may ask for by name."""
        return frozenset(self._compiled(client, _every_scope(client)).by_name)

    def said(self, scope: Iterable[str]) -> str:
        """Return the scope as tokens say it: without scopes that are nobody's business (`include.in.token.scope`)."""
        return " ".join(name for name in scope if self.is_said(name))

    def is_said(self, name: str) -> bool:
        """Tell whether tokens name the scope."""
        scope = self._realm.client_scopes.get(name)
        return scope is None or scope.in_token_scope

    def in_effect(self, client: Client, said: str, granted: Iterable[str] = ()) -> tuple[str, ...]:
        """Return the scopes that a token's own words stand for: what it says, and what goes without saying."""
        unsaid = (name for name in (*client.default_scopes, *granted) if not self.is_said(name))
        return tuple(dict.fromkeys((*said.split(), *unsaid)))

    def _roles(self, compiled: _Compiled, user: User) -> frozenset[RoleName]:
        held = self.roles.of_user(user)
        roles = (held if compiled.visible is None else held & compiled.visible) | compiled.fixed_roles
        for rename in compiled.renamed:
            if rename.role in roles:
                roles = (roles - {rename.role}) | {rename.successor}
        return roles

    def _compiled(self, client: Client, scope: tuple[str, ...]) -> _Compiled:
        key = client.client_id, scope
        compiled = self._kept.get(key)
        if compiled is None or compiled.client is not client:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()  # scopes are asked for by strangers: the table must not grow with their questions
            compiled = self._kept[key] = self._compile(client, scope)
        return compiled

    def _compile(self, client: Client, scope: tuple[str, ...]) -> _Compiled:
        scopes = [self._realm.client_scopes[name] for name in scope if name in self._realm.client_scopes]
        mappers = [*client.mappers, *(mapper for one in scopes for mapper in one.mappers)]
        fixed = (mapper.role for mapper in mappers if isinstance(mapper, FixedRole))
        return _Compiled(
            client=client,
            writers=_writers(mappers, client),
            by_name=_by_name(mappers, client),
            audiences={kind: tuple(_audiences(mappers, kind)) for kind in _KINDS},
            audience_of_roles=frozenset(
                kind
                for kind in _KINDS
                for mapper in mappers
                if isinstance(mapper, AudienceOfRoles) and getattr(mapper.into, kind)
            ),
            visible=self.roles.visible(client, scope),
            fixed_roles=self.roles.expanded(fixed),
            renamed=tuple(mapper for mapper in mappers if isinstance(mapper, RenamedRole)),
        )


def claim_book(provider: Provider) -> ClaimBook:
    """Return the compiled mappers of the provider's realm; to be kept by `Provider.derived`."""
    return ClaimBook(provider.realm())


def audience_of(client: Client, others: tuple[str, ...]) -> str | list[str]:
    """Return an `aud`: the client first; a single one as plain text (RFC 7519 §4.1.3)."""
    return [client.client_id, *others] if others else client.client_id


def claims_supported(realm: Realm) -> list[str]:
    """Return the claims that the realm's scopes release to applications (Discovery §3)."""
    scopes = (scope for scope in realm.client_scopes.values() if scope.in_metadata)
    names = (
        name
        for scope in scopes
        for mapper in scope.mappers
        for name in claim_names(mapper)
        if _writes(mapper, "id") or _writes(mapper, "userinfo")
    )
    return [name for name in dict.fromkeys(names) if name not in PROTECTED_CLAIMS]


def _writers(mappers: Iterable[Mapper], client: Client) -> dict[TokenKind, tuple[Writer, ...]]:
    made = [(_into(mapper), claim_writers.writer(mapper, client)) for mapper in mappers if _is_harmless(mapper)]
    found: dict[TokenKind, tuple[Writer, ...]] = {}
    same: dict[tuple[Writer, ...], tuple[Writer, ...]] = {}
    for kind in _KINDS:
        flag = "lightweight" if kind == "access" and client.lightweight_access_token else kind
        writers = tuple(write for into, write in made if into is not None and write is not None and getattr(into, flag))
        found[kind] = same.setdefault(writers, writers)
    return found


def _by_name(mappers: Iterable[Mapper], client: Client) -> dict[str, tuple[Writer, ...]]:
    """Return the writers of each claim, whichever tokens they write to by themselves."""
    found: dict[str, tuple[Writer, ...]] = {}
    for mapper in mappers:
        write = claim_writers.writer(mapper, client)
        if write is not None and _is_harmless(mapper):
            found |= {name: (*found.get(name, ()), write) for name in claim_names(mapper)}
    return found


def _every_scope(client: Client) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*client.default_scopes, *client.optional_scopes)))


def _is_harmless(mapper: Mapper) -> bool:
    """Tell whether the mapper leaves the protected claims alone, or writes one as the fact that it is."""
    names = claim_names(mapper)
    return PROTECTED_CLAIMS.isdisjoint(names) or (isinstance(mapper, LoginFact) and names == (mapper.fact,))


def _audiences(mappers: Iterable[Mapper], kind: TokenKind) -> Iterable[str]:
    # Also in a lightweight token: one that does not say whom it is for would be good everywhere (RFC 9068 §4).
    return (mapper.audience for mapper in mappers if isinstance(mapper, Audience) and getattr(mapper.into, kind))


def _into(mapper: Mapper) -> Into | None:
    return None if isinstance(mapper, FixedRole | RenamedRole) else mapper.into


def _writes(mapper: Mapper, kind: TokenKind) -> bool:
    into = _into(mapper)
    return into is not None and bool(getattr(into, kind))
