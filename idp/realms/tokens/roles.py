"""Which roles a token carries: what the user has, as far as the client may see it (keycloak.md 3.5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from idp.model.claims.mapper import Group, RoleName
from idp.model.client import Client
from idp.model.realm import Realm
from idp.model.user import User


class RoleBook:
    """The roles and groups of one version of a realm. A name that the realm does not have means nothing."""

    def __init__(self, realm: Realm) -> None:
        self._realm = realm
        self._restricted = frozenset(name for name, scope in realm.client_scopes.items() if scope.roles)
        self._expanded: dict[RoleName, frozenset[RoleName]] = {}

    def expanded(self, roles: Iterable[RoleName]) -> frozenset[RoleName]:
        """Return the roles with all that they are composed of."""
        return frozenset().union(*(self._closure(role) for role in roles))

    def of_user(self, user: User) -> frozenset[RoleName]:
        """Return every role of the user: own, of the groups, and what these are composed of."""
        own = [RoleName(name=name) for name in user.realm_roles]
        own += [RoleName(name=name, client=client) for client, names in user.client_roles.items() for name in names]
        return self.expanded([*own, *(role for group in self.groups_of(user) for role in group.roles)])

    def visible(self, client: Client, scopes: Iterable[str]) -> frozenset[RoleName] | None:
        """Return the roles that the client's tokens may carry; None means all (`fullScopeAllowed`)."""
        if client.full_scope_allowed:
            return None
        own = [role for role in self._realm.roles if role.client == client.client_id]
        named = (self._realm.client_scopes.get(scope) for scope in scopes)
        of_scopes = [role for scope in named if scope is not None for role in scope.roles]
        return self.expanded([*own, *client.scope_roles, *of_scopes])

    def groups_of(self, user: User) -> Iterator[Group]:
        """Yield the user's groups and what stands above them, each once, the nearest first."""
        paths: dict[str, None] = {}
        for path in user.groups:
            above = path
            while above:
                paths[above] = None
                above = above.rpartition("/")[0]
        yield from (self._realm.groups[path] for path in paths if path in self._realm.groups)

    def permitted(self, user: User, scopes: tuple[str, ...]) -> tuple[str, ...]:
        """Leave out the scopes that are for holders of a role only, where the user has none of their roles."""
        if self._restricted.isdisjoint(scopes):
            return scopes
        known, held = self._realm.client_scopes, self.of_user(user)
        return tuple(s for s in scopes if s not in known or not known[s].roles or held & self.expanded(known[s].roles))

    def _closure(self, role: RoleName) -> frozenset[RoleName]:
        if role not in self._expanded:
            found: set[RoleName] = set()
            waiting = [role]
            while waiting:  # composites may be composed of each other: each is visited once
                one = waiting.pop()
                if one not in found and one in self._realm.roles:
                    found.add(one)
                    waiting.extend(self._realm.roles[one])
            if role not in self._realm.roles:
                return frozenset()  # not kept: a user may have any number of names that mean nothing
            self._expanded[role] = frozenset(found)
        return self._expanded[role]
