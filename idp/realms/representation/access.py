"""Keycloak's representation of what decides about tokens: client scopes, protocol mappers, roles, groups."""

from __future__ import annotations

import msgspec


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What these parts of a realm file are made of: camelCase keys."""


class ProtocolMapper(_Part, frozen=True, kw_only=True, rename="camel"):
    """An entry of `protocolMappers`."""

    protocol_mapper: str
    name: str = ""
    id: str | None = None
    protocol: str = "openid-connect"
    consent_required: bool = False
    consent_text: str = ""
    config: dict[str, str] = {}


class ClientScope(_Part, frozen=True, kw_only=True, rename="camel"):
    """An entry of `clientScopes`."""

    name: str
    id: str | None = None
    description: str = ""
    protocol: str = "openid-connect"
    attributes: dict[str, str] = {}
    protocol_mappers: tuple[ProtocolMapper, ...] = ()


class Composites(_Part, frozen=True, kw_only=True, rename="camel"):
    """What a role is composed of."""

    realm: tuple[str, ...] = ()
    client: dict[str, tuple[str, ...]] = {}


class Role(_Part, frozen=True, kw_only=True, rename="camel"):
    """An entry of `roles`, and `defaultRole`."""

    name: str
    id: str | None = None
    description: str = ""
    composite: bool = False
    composites: Composites = Composites()
    client_role: bool = False
    container_id: str = ""
    attributes: dict[str, tuple[str, ...]] = {}
    scope_param_required: bool = False


class Roles(_Part, frozen=True, kw_only=True, rename="camel"):
    """`roles`: the realm's, and each client's."""

    realm: tuple[Role, ...] = ()
    client: dict[str, tuple[Role, ...]] = {}


class Group(_Part, frozen=True, kw_only=True, rename="camel"):
    """A node of the tree `groups`. Its path follows from the names."""

    name: str
    id: str | None = None
    path: str = ""
    parent_id: str | None = None
    description: str = ""
    sub_group_count: int = 0
    attributes: dict[str, tuple[str, ...]] = {}
    realm_roles: tuple[str, ...] = ()
    client_roles: dict[str, tuple[str, ...]] = {}
    sub_groups: tuple[Group, ...] = ()


class ScopeMapping(_Part, frozen=True, kw_only=True, rename="camel"):
    """An entry of `scopeMappings` or `clientScopeMappings`: roles that a client or a client scope may see."""

    client: str | None = None
    client_scope: str | None = None
    roles: tuple[str, ...] = ()
