"""Conditions about who the user is: roles and attributes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import msgspec

from idp.flows.condition import Surroundings
from idp.flows.facts import USER_ATTRIBUTES, USER_ROLES, Facts
from idp.flows.tree import Subflow
from idp.model.claims.mapper import RoleName
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User
from idp.realms.patterns import whole
from idp.realms.tokens.roles import RoleBook


class RoleConfig(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`condUserRole` is a role of the realm, or `client.role`; `negate` turns the answer round."""

    role: str = msgspec.field(name="condUserRole")
    negate: bool = False


class UserRole:
    """`conditional-user-role`: the user has a role, by themselves, by a group, or as part of another role."""

    needs_user: ClassVar[bool] = True
    depends_on: ClassVar[frozenset[str]] = frozenset({USER_ROLES})
    config_type: ClassVar[type[RoleConfig]] = RoleConfig

    def __init__(self, config: RoleConfig, *, surroundings: Surroundings) -> None:
        self._role = _role_named(config.role, surroundings.realm)
        self._negate = config.negate
        self._book = RoleBook(surroundings.realm)

    @staticmethod
    def missing(config: RoleConfig, realm: Realm) -> str | None:
        """Return what the condition names and the realm does not have."""
        return None if _role_named(config.role, realm) else f"the role “{config.role}”"

    def holds(self, facts: Facts, guarded: Subflow) -> bool:
        """Tell whether the sub-flow applies to this user."""
        del guarded
        assert facts.user is not None
        return self._negate != (self._role in self._book.of_user(facts.user))


def _role_named(name: str, realm: Realm) -> RoleName | None:
    """Find a role as Keycloak does: `client.role` with the longest client that there is, else a role of the realm."""
    client, dot, role = name.rpartition(".")
    while dot:
        if client in realm.clients:
            return _known(RoleName(name=role, client=client), realm)
        client, dot, _ = client.rpartition(".")
        role = name[len(client) + 1 :]
    return _known(RoleName(name=name), realm)


def _known(role: RoleName, realm: Realm) -> RoleName | None:
    return role if role in realm.roles else None


class AttributeConfig(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which attribute must have which value; with `regex` the whole value must match the pattern."""

    name: str = msgspec.field(name="attribute_name")
    expected: str = msgspec.field(name="attribute_expected_value", default="")
    include_groups: bool = msgspec.field(name="include_group_attributes", default=False)
    negate: bool = msgspec.field(name="not", default=False)
    regex: bool = False

    def __post_init__(self) -> None:
        """Refuse a pattern that is none."""
        if self.regex:
            whole(self.expected)


class UserAttribute:
    """`conditional-user-attribute`: one of the values of an attribute is, or matches, what is expected."""

    needs_user: ClassVar[bool] = True
    depends_on: ClassVar[frozenset[str]] = frozenset({USER_ATTRIBUTES})
    config_type: ClassVar[type[AttributeConfig]] = AttributeConfig

    def __init__(self, config: AttributeConfig, *, surroundings: Surroundings) -> None:
        self._config = config
        self._fits = whole(config.expected) if config.regex else config.expected.__eq__
        self._book = RoleBook(surroundings.realm)

    @staticmethod
    def missing(config: AttributeConfig, realm: Realm) -> None:
        """Return nothing: it names nothing of the realm."""
        del config, realm

    def holds(self, facts: Facts, guarded: Subflow) -> bool:
        """Tell whether the sub-flow applies to this user."""
        del guarded
        assert facts.user is not None
        found = any(map(self._fits, self._values(facts.user)))
        return self._config.negate != found

    def _values(self, user: User) -> Iterable[str]:
        yield from _own(user, self._config.name)
        if self._config.include_groups:
            for group in self._book.groups_of(user):
                yield from group.attributes.get(self._config.name, ())


def _own(user: User, name: str) -> tuple[str, ...]:
    """Return the values of an attribute; four of Keycloak's attributes are fields of ours."""
    match name:
        case "username":
            return (user.username,)
        case "email":
            return (user.email,) if user.email else ()
        case "firstName":
            return (user.first_name,) if user.first_name else ()
        case "lastName":
            return (user.last_name,) if user.last_name else ()
        case _:
            return user.attributes.get(name, ())
