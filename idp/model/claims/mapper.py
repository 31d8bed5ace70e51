"""Protocol mappers: what puts which claim into which of a client's tokens (Keycloak's types, typed)."""

from __future__ import annotations

from typing import Any, Literal

from idp.model.struct import Frozen

JsonType = Literal["String", "long", "int", "boolean", "JSON"]
UserPropertyName = Literal[
    "id", "username", "email", "firstName", "lastName", "emailVerified", "enabled", "createdTimestamp"
]

_PROTECTED = """
    iss sub aud exp iat nbf jti typ azp sid nonce auth_time acr amr scope client_id cnf act may_act
    authorization_details at_hash c_hash s_hash rt_hash events active token_type username _claim_names _claim_sources
"""
PROTECTED_CLAIMS = frozenset(_PROTECTED.split())
"""Claims that say who, for whom, how long and how proven: no mapper and no user's attribute ever stands in for one."""


class RoleName(Frozen, frozen=True, kw_only=True, order=True):
    """A role: of the realm, or (with `client`) of a client."""

    name: str
    client: str = ""


class Into(Frozen, frozen=True, kw_only=True):
    """Which tokens a mapper writes to. `lightweight`: also the access token of a client that wants a short one."""

    access: bool = True
    id: bool = True
    userinfo: bool = True
    introspection: bool = True
    lightweight: bool = False


class ClaimName(Frozen, frozen=True, kw_only=True):
    """Where a value is written, and as what. `${client_id}` in a path stands for the client whose roles they are."""

    path: tuple[str, ...]
    json_type: JsonType = "String"
    multivalued: bool = False


class UserAttribute(Frozen, frozen=True, kw_only=True):
    """An attribute of the user, or of the groups if the user has none; `aggregate` joins both."""

    attribute: str
    claim: ClaimName
    into: Into
    aggregate: bool = False


class UserProperty(Frozen, frozen=True, kw_only=True):
    """A property of the user, under Keycloak's name for it."""

    name: UserPropertyName
    claim: ClaimName
    into: Into


class FullName(Frozen, frozen=True, kw_only=True):
    """`name`: first and last name."""

    into: Into


class Address(Frozen, frozen=True, kw_only=True):
    """`address` (OpenID Connect Core §5.1.1): the attribute for each of its members."""

    attributes: dict[str, str]
    into: Into


class RealmRoles(Frozen, frozen=True, kw_only=True):
    """The user's roles of the realm that the client may see."""

    claim: ClaimName
    into: Into
    prefix: str = ""


class ClientRoles(Frozen, frozen=True, kw_only=True):
    """The user's roles of one client, or of every client."""

    claim: ClaimName
    into: Into
    client_id: str = ""
    prefix: str = ""


class Groups(Frozen, frozen=True, kw_only=True):
    """The user's groups, by path or by name."""

    claim: ClaimName
    into: Into
    full_path: bool = False


class Audience(Frozen, frozen=True, kw_only=True):
    """One more audience, always."""

    audience: str
    into: Into


class AudienceOfRoles(Frozen, frozen=True, kw_only=True):
    """Every other client of which the token carries a role is an audience of it."""

    into: Into


class AllowedOrigins(Frozen, frozen=True, kw_only=True):
    """`allowed-origins`: where the client's own pages come from."""

    into: Into


class FixedClaim(Frozen, frozen=True, kw_only=True):
    """The same value for everybody."""

    claim: ClaimName
    value: Any
    into: Into


class FixedRole(Frozen, frozen=True, kw_only=True):
    """A role that every token has, whatever the user's are."""

    role: RoleName


class RenamedRole(Frozen, frozen=True, kw_only=True):
    """A role that the client knows under another name."""

    role: RoleName
    successor: RoleName


class LoginFact(Frozen, frozen=True, kw_only=True):
    """Something about the login itself."""

    fact: Literal["auth_time", "amr", "sid"]
    claim: ClaimName
    into: Into


Mapper = (
    UserAttribute
    | UserProperty
    | FullName
    | Address
    | RealmRoles
    | ClientRoles
    | Groups
    | Audience
    | AudienceOfRoles
    | AllowedOrigins
    | FixedClaim
    | FixedRole
    | RenamedRole
    | LoginFact
)


def claim_names(mapper: Mapper) -> tuple[str, ...]:
    """Return the top-level claims that a mapper may write (a placeholder as it is)."""
    match mapper:
        case FullName():
            return ("name",)
        case Address():
            return ("address",)
        case AllowedOrigins():
            return ("allowed-origins",)
        case Audience() | AudienceOfRoles() | FixedRole() | RenamedRole():
            return ()
        case _:
            return (mapper.claim.path[0],)


class ClientScope(Frozen, frozen=True, kw_only=True):
    """A scope with what it releases. Where it has `roles`, only a user with one of them is granted it."""

    name: str
    mappers: tuple[Mapper, ...] = ()
    roles: tuple[RoleName, ...] = ()
    in_token_scope: bool = True
    on_consent_screen: bool = True
    consent_text: str = ""
    gui_order: int | None = None
    in_metadata: bool = True


class Group(Frozen, frozen=True, kw_only=True):
    """A group, by its path; members of a group are members of what stands above it."""

    path: str
    roles: tuple[RoleName, ...] = ()
    attributes: dict[str, tuple[str, ...]] = {}

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]
