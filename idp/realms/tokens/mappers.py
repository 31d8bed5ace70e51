"""Protocol mappers of a realm file → typed mappers, with a finding for each that has no effect, and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import get_args

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
    Into,
    JsonType,
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
from idp.model.finding import Finding
from idp.model.struct import Frozen
from idp.realms.representation.access import ProtocolMapper
from idp.realms.values import warning

_UNESCAPED_DOT = re.compile(r"(?<!\\)\.")
_LONGEST_PATH = 16
_ADDRESS = {
    "formatted": "formatted",
    "street_address": "street",
    "locality": "locality",
    "region": "region",
    "postal_code": "postal_code",
    "country": "country",
}
# What these write (sub, acr) stands in every token here, whether or not a client has the mapper.
_ALWAYS_DONE = frozenset({"oidc-sub-mapper", "oidc-acr-mapper"})


class Known(Frozen, frozen=True, kw_only=True):
    """What a mapper may refer to."""

    roles: frozenset[RoleName]
    clients: frozenset[str]


class _Wrong(Exception):  # noqa: N818 - not an error of the program: a mapper without effect
    def __init__(self, key: str, problem: str, repair: str) -> None:
        super().__init__(problem)
        self.key, self.problem, self.repair = key, problem, repair


class _Config:
    """The config of one mapper, read; raises `_Wrong`."""

    def __init__(self, config: Mapping[str, str], known: Known) -> None:
        self._config = config
        self._known = known

    def text(self, key: str) -> str:
        return self._config.get(key, "")

    def required(self, key: str) -> str:
        value = self.text(key)
        if not value:
            raise _Wrong(key, f"{key} is missing.", "Add it.")
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self.text(key) or str(default).lower()
        if value not in {"true", "false"}:
            raise _Wrong(key, f"{key} is “{value}”, which is neither true nor false.", "Write true or false.")
        return value == "true"

    def into(self, *, access: bool = False) -> Into:
        """Read where to; Keycloak's older exports say nothing of introspection and mean the access token's."""
        in_access = self.flag("access.token.claim", default=access)
        in_id = self.flag("id.token.claim")
        return Into(
            access=in_access,
            id=in_id,
            userinfo=self.flag("userinfo.token.claim", default=in_id),
            introspection=self.flag("introspection.token.claim", default=in_access),
            lightweight=self.flag("lightweight.claim"),
        )

    def claim(self, default: str = "") -> ClaimName:
        name = self.text("claim.name") or default or self.required("claim.name")
        path = tuple(part.replace("\\.", ".") for part in _UNESCAPED_DOT.split(name))
        if not all(path) or len(path) > _LONGEST_PATH:
            raise _Wrong("claim.name", f"claim.name “{name}” is no path of names.", "Write names separated by dots.")
        return ClaimName(path=path, json_type=self._json_type(), multivalued=self.flag("multivalued"))

    def _json_type(self) -> JsonType:
        value = self.text("jsonType.label") or "String"
        choices: tuple[JsonType, ...] = get_args(JsonType)
        for choice in choices:
            if choice == value:
                return choice
        raise _Wrong("jsonType.label", f"“{value}” is no type of a claim.", f"Use one of: {', '.join(choices)}.")

    def role(self, key: str) -> RoleName:
        """Read `role` or `client.role`; a client's id may have dots itself."""
        role = self.name_of_role(key)
        if role not in self._known.roles:
            raise _Wrong(key, f"There is no role “{self.text(key)}”.", "Name a role of the realm, or client.role.")
        return role

    def name_of_role(self, key: str) -> RoleName:
        value = self.required(key)
        if RoleName(name=value) in self._known.roles:
            return RoleName(name=value)
        client, _, name = value.rpartition(".") if value.count(".") == 1 else self._longest_client(value)
        return RoleName(name=name, client=client)

    def _longest_client(self, value: str) -> tuple[str, str, str]:
        for client in sorted(self._known.clients, key=len, reverse=True):
            if value.startswith(f"{client}."):
                return client, ".", value[len(client) + 1 :]
        return "", "", value

    def client(self, key: str) -> str:
        value = self.text(key)
        if value and value not in self._known.clients:
            raise _Wrong(key, f"There is no client “{value}”.", "Name a client of this realm.")
        return value


def mapper_of(found: ProtocolMapper, known: Known, pointer: str, findings: list[Finding]) -> Mapper | None:
    """Read a mapper; None if it writes nothing here (with a finding, unless that is as it should be)."""
    if found.consent_required:
        problem = f"Mapper “{found.name}” wants a consent of its own; people are asked about scopes only."
        repair = "Put the mapper into a scope that is shown on the consent page, and write false."
        findings.append(warning("M-CONSENT", f"{pointer}/consentRequired", problem, repair))
    if found.protocol != "openid-connect" or found.protocol_mapper in _ALWAYS_DONE:
        return None
    reader = _READERS.get(found.protocol_mapper)
    if reader is None:
        problem = f"Mapper “{found.name}”: type “{found.protocol_mapper}” does not exist here; its claim is missing."
        findings.append(warning("M-TYPE", f"{pointer}/protocolMapper", problem, "Use another type, or remove it."))
        return None
    try:
        mapper = reader(_Config(found.config, known))
    except _Wrong as wrong:
        key = wrong.key.replace("~", "~0").replace("/", "~1")
        problem = f"Mapper “{found.name}” has no effect: {wrong.problem}"
        findings.append(warning("M-CONFIG", f"{pointer}/config/{key}", problem, wrong.repair))
        return None
    if mapper is not None and _takes_over(mapper):
        problem = f"Mapper “{found.name}” has no effect: “{found.config.get('claim.name')}” is a claim of the protocol."
        findings.append(warning("M-PROTECTED", f"{pointer}/config/claim.name", problem, "Choose another claim.name."))
        return None
    return mapper


def _takes_over(mapper: Mapper) -> bool:
    match mapper:
        case LoginFact(fact=fact, claim=claim) if claim.path == (fact,):
            return False
        case UserAttribute() | UserProperty() | RealmRoles() | ClientRoles() | Groups() | FixedClaim() | LoginFact():
            return mapper.claim.path[0] in PROTECTED_CLAIMS
        case _:
            return False


def _attribute(config: _Config) -> Mapper:
    return UserAttribute(
        attribute=config.required("user.attribute"),
        claim=config.claim(),
        into=config.into(),
        aggregate=config.flag("aggregate.attrs"),
    )


def _property(config: _Config) -> Mapper:
    value = config.required("user.attribute")
    for name in _PROPERTY_NAMES:
        if name == value:
            return UserProperty(name=name, claim=config.claim(), into=config.into())
    problem = f"a user has no property “{value}”."
    raise _Wrong("user.attribute", problem, "Use oidc-usermodel-attribute-mapper for an attribute.")


def _address(config: _Config) -> Mapper:
    keys = {member: f"user.attribute.{name}" for member, name in _ADDRESS.items()}
    return Address(
        attributes={member: config.text(key) or _ADDRESS[member] for member, key in keys.items()}, into=config.into()
    )


def _realm_roles(config: _Config) -> Mapper:
    return RealmRoles(
        claim=config.claim("realm_access.roles"),
        into=config.into(),
        prefix=config.text("usermodel.realmRoleMapping.rolePrefix"),
    )


def _client_roles(config: _Config) -> Mapper:
    return ClientRoles(
        claim=config.claim("resource_access.${client_id}.roles"),
        into=config.into(),
        client_id=config.client("usermodel.clientRoleMapping.clientId"),
        prefix=config.text("usermodel.clientRoleMapping.rolePrefix"),
    )


def _groups(config: _Config) -> Mapper:
    return Groups(claim=config.claim("groups"), into=config.into(), full_path=config.flag("full.path"))


def _audience(config: _Config) -> Mapper:
    audience = config.client("included.client.audience") or config.text("included.custom.audience")
    if not audience:
        problem = "neither included.client.audience nor included.custom.audience is given."
        raise _Wrong("included.client.audience", problem, "Add one of them.")
    return Audience(audience=audience, into=config.into())


def _fixed_claim(config: _Config) -> Mapper:
    claim, value = config.claim(), config.required("claim.value")
    found = converted(value, claim.json_type)
    if found is None:
        problem = f"claim.value is not of the type {claim.json_type}."
        raise _Wrong("claim.value", problem, "Mend the value, or jsonType.label.")
    return FixedClaim(claim=claim, value=found, into=config.into())


def _renamed_role(config: _Config) -> Mapper:
    return RenamedRole(role=config.role("role"), successor=config.name_of_role("new.role.name"))


def _note(config: _Config) -> Mapper | None:
    note, claim = config.required("user.session.note"), config.claim()
    if (note, claim.path) == ("client_id", ("client_id",)):
        return None  # Keycloak's scope service_account: every access token says so here
    if note != "AUTH_TIME":
        problem = f"a session has no note “{note}” here; the claim is missing."
        raise _Wrong("user.session.note", problem, "Only AUTH_TIME is kept; remove the mapper.")
    return LoginFact(fact="auth_time", claim=claim, into=config.into())


_PROPERTY_NAMES: tuple[UserPropertyName, ...] = get_args(UserPropertyName)
_READERS: dict[str, Callable[[_Config], Mapper | None]] = {
    "oidc-usermodel-attribute-mapper": _attribute,
    "oidc-usermodel-property-mapper": _property,
    "oidc-usermodel-realm-role-mapper": _realm_roles,
    "oidc-usermodel-client-role-mapper": _client_roles,
    "oidc-full-name-mapper": lambda config: FullName(into=config.into()),
    "oidc-address-mapper": _address,
    "oidc-audience-mapper": _audience,
    "oidc-audience-resolve-mapper": lambda config: AudienceOfRoles(into=config.into(access=True)),
    "oidc-allowed-origins-mapper": lambda config: AllowedOrigins(into=config.into(access=True)),
    "oidc-hardcoded-claim-mapper": _fixed_claim,
    "oidc-hardcoded-role-mapper": lambda config: FixedRole(role=config.role("role")),
    "oidc-role-name-mapper": _renamed_role,
    "oidc-group-membership-mapper": _groups,
    "oidc-usersessionmodel-note-mapper": _note,
    "oidc-amr-mapper": lambda config: LoginFact(fact="amr", claim=ClaimName(path=("amr",)), into=config.into()),
    "oidc-session-state-mapper": lambda config: LoginFact(
        fact="sid", claim=ClaimName(path=("session_state",)), into=config.into()
    ),
}
