"""Client scopes, roles and groups of a realm file → model; absent sections mean Keycloak's (keycloak.md 3.1 rule 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from idp.model.claims.built_in_scopes import BUILT_IN_SCOPES, DEFAULT_SCOPES, OPTIONAL_SCOPES
from idp.model.claims.mapper import ClientScope, Group, Mapper, RoleName
from idp.model.client import Client
from idp.model.finding import Finding
from idp.model.realm import Realm
from idp.realms.clients.subject import PAIRWISE_MAPPER
from idp.realms.representation import access as part
from idp.realms.representation import realm as file
from idp.realms.tokens.mappers import Known, mapper_of
from idp.realms.values import warning

_NEW_USERS_MAY = ("offline_access", "uma_authorization")
Roles = dict[RoleName, tuple[RoleName, ...]]


def with_access(realm: Realm, found: file.Realm, findings: list[Finding]) -> Realm:
    """Return the realm with what decides about its tokens; a reference to nothing is a finding and has no effect."""
    reading = _Reading(found, findings)
    default_role = RoleName(name=found.default_role.name if found.default_role else f"default-roles-{found.realm}")
    roles = reading.roles(default_role)
    known = Known(roles=frozenset(roles), clients=frozenset(client.client_id for client in found.clients))
    scopes = reading.scopes(known)
    groups = reading.groups(known)
    reading.users(known, groups)
    reading.realm_defaults(scopes)
    return msgspec.structs.replace(
        realm,
        roles=roles,
        default_role=default_role,
        groups=groups,
        default_groups=tuple(reading.known_groups(found.default_groups, groups, "/defaultGroups")),
        client_scopes=scopes,
        clients=reading.clients(realm.clients, scopes, known),
    )


def scopes_of_realm(found: file.Realm, scopes: Mapping[str, ClientScope]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the default and optional scopes of a client that names neither."""
    default, optional = found.default_default_client_scopes, found.default_optional_client_scopes
    return (
        tuple(name for name in (DEFAULT_SCOPES if default is None else default) if name in scopes),
        tuple(name for name in (OPTIONAL_SCOPES if optional is None else optional) if name in scopes),
    )


class _Reading:
    """One realm file being read."""

    def __init__(self, found: file.Realm, findings: list[Finding]) -> None:
        self._found = found
        self._findings = findings
        self._saml = {scope.name for scope in found.client_scopes if scope.protocol != "openid-connect"}

    def roles(self, default_role: RoleName) -> Roles:
        """Return every role with what it is directly composed of."""
        written = self._found.roles
        places = {RoleName(name=role.name): (role, f"/roles/realm/{n}") for n, role in enumerate(written.realm)}
        for client, roles in written.client.items():
            for n, role in enumerate(roles):
                places[RoleName(name=role.name, client=client)] = (role, f"/roles/client/{_escaped(client)}/{n}")
        if default_role not in places:
            return self._with_default(default_role, places)
        return {name: tuple(self._composites(role, places, place)) for name, (role, place) in places.items()}

    def _with_default(self, default_role: RoleName, places: Mapping[RoleName, tuple[part.Role, str]]) -> Roles:
        """Add the role that Keycloak makes for a new realm, and what it is composed of."""
        members = tuple(RoleName(name=name) for name in _NEW_USERS_MAY)
        made: Roles = dict.fromkeys(members, ())
        every = {**made, **dict.fromkeys(places, ())}
        read = {name: tuple(self._composites(role, every, place)) for name, (role, place) in places.items()}
        return {**made, **read, default_role: members}

    def _composites(self, role: part.Role, known: Iterable[RoleName], place: str) -> Iterable[RoleName]:
        pointer = f"{place}/composites"
        yield from self.known_roles(role.composites.realm, "", frozenset(known), f"{pointer}/realm")
        for client, names in role.composites.client.items():
            yield from self.known_roles(names, client, frozenset(known), f"{pointer}/client/{_escaped(client)}")

    def known_roles(
        self, names: Iterable[str], client: str, known: frozenset[RoleName], pointer: str
    ) -> Iterable[RoleName]:
        """Yield the roles that exist."""
        for position, name in enumerate(names):
            role = RoleName(name=name, client=client)
            if role in known:
                yield role
            else:
                of = f" of client “{client}”" if client else ""
                self._unknown("R-ROLE", f"{pointer}/{position}", f"There is no role “{name}”{of}.")

    def roles_given(
        self, realm: Iterable[str], client: Mapping[str, tuple[str, ...]], known: frozenset[RoleName], pointer: str
    ) -> Iterable[RoleName]:
        """Yield the existing roles of `realmRoles` and `clientRoles`."""
        yield from self.known_roles(realm, "", known, f"{pointer}/realmRoles")
        for client_id, names in client.items():
            yield from self.known_roles(names, client_id, known, f"{pointer}/clientRoles/{_escaped(client_id)}")

    def groups(self, known: Known) -> dict[str, Group]:
        """Return every group by its path."""
        groups: dict[str, Group] = {}
        waiting = [(group, "", f"/groups/{n}") for n, group in enumerate(self._found.groups)]
        while waiting:
            group, above, pointer = waiting.pop()
            if "/" in group.name or not group.name:
                problem = f"A group cannot be called “{group.name}”: its path would mean another."
                self._findings.append(warning("R-GROUP", f"{pointer}/name", problem, "Give it a name without a /."))
                continue
            path = f"{above}/{group.name}"
            roles = tuple(self.roles_given(group.realm_roles, group.client_roles, known.roles, pointer))
            groups[path] = Group(path=path, roles=roles, attributes=group.attributes)
            waiting += [(below, path, f"{pointer}/subGroups/{n}") for n, below in enumerate(group.sub_groups)]
        return groups

    def known_groups(self, paths: Iterable[str], groups: Mapping[str, Group], pointer: str) -> Iterable[str]:
        """Yield the paths of groups that exist."""
        for position, path in enumerate(paths):
            if path in groups:
                yield path
            else:
                self._unknown("R-GROUP", f"{pointer}/{position}", f"There is no group “{path}”.")

    def users(self, known: Known, groups: Mapping[str, Group]) -> None:
        """Find the roles and groups of users that do not exist; the names are kept, and mean nothing."""
        for n, user in enumerate(self._found.users):
            list(self.roles_given(user.realm_roles or (), user.client_roles, known.roles, f"/users/{n}"))
            list(self.known_groups(user.groups or (), groups, f"/users/{n}/groups"))

    def scopes(self, known: Known) -> dict[str, ClientScope]:
        """Return the realm's client scopes, or Keycloak's."""
        scopes = dict(BUILT_IN_SCOPES)
        if self._found.client_scopes:
            scopes = {
                scope.name: self._scope(scope, known, f"/clientScopes/{n}")
                for n, scope in enumerate(self._found.client_scopes)
                if scope.name not in self._saml
            }
        for name, roles in self._mapped("client_scope", scopes, known).items():
            scopes[name] = msgspec.structs.replace(scopes[name], roles=roles)
        return scopes

    def _scope(self, scope: part.ClientScope, known: Known, pointer: str) -> ClientScope:
        attributes = scope.attributes
        text = attributes.get("consent.screen.text", "")
        order = attributes.get("gui.order", "")
        if order and not (order.isascii() and order.isdigit() and len(order) < 10):  # noqa: PLR2004 - digits
            problem, repair = f"gui.order “{order}” is no number.", "Write a number, or nothing."
            self._findings.append(warning("C-SCOPE", f"{pointer}/attributes/gui.order", problem, repair))
            order = ""
        return ClientScope(
            name=scope.name,
            mappers=self._mappers(scope.protocol_mappers, known, f"{pointer}/protocolMappers"),
            in_token_scope=attributes.get("include.in.token.scope", "true") == "true",
            on_consent_screen=attributes.get("display.on.consent.screen", "true") == "true",
            consent_text="" if text.startswith("${") else text,  # a key of Keycloak's own texts: we have ours
            gui_order=int(order) if order else None,
            in_metadata=attributes.get("include.in.openid.provider.metadata", "true") == "true",
        )

    def _mappers(self, found: Iterable[part.ProtocolMapper], known: Known, pointer: str) -> tuple[Mapper, ...]:
        read = (
            mapper_of(mapper, known, f"{pointer}/{n}", self._findings)
            for n, mapper in enumerate(found)
            # Of a client, it says who the tokens are about (`client_subject`); in a scope it is unknown.
            if not (mapper.protocol_mapper == PAIRWISE_MAPPER and pointer.startswith("/clients/"))
        )
        return tuple(mapper for mapper in read if mapper is not None)

    def clients(
        self, clients: Mapping[str, Client], scopes: Mapping[str, ClientScope], known: Known
    ) -> dict[str, Client]:
        """Return the clients with their scopes, mappers and roles."""
        mapped = self._mapped("client", clients, known)
        found = dict(clients)
        for n, written in enumerate(self._found.clients):
            pointer = f"/clients/{n}"
            default, optional = self._scopes_of(written, scopes, pointer)
            found[written.client_id] = msgspec.structs.replace(
                clients[written.client_id],
                default_scopes=default,
                optional_scopes=optional,
                mappers=self._mappers(written.protocol_mappers, known, f"{pointer}/protocolMappers"),
                full_scope_allowed=written.full_scope_allowed,
                scope_roles=mapped.get(written.client_id, ()),
                lightweight_access_token=written.attributes.get("client.use.lightweight.access.token.enabled")
                == "true",
            )
        return found

    def _scopes_of(
        self, written: file.Client, scopes: Mapping[str, ClientScope], pointer: str
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return default and optional scopes; a client that names neither has those of the realm (Keycloak's rule)."""
        default, optional = written.default_client_scopes, written.optional_client_scopes
        if written.protocol != "openid-connect":
            return (), ()
        if default is None and optional is None:
            return scopes_of_realm(self._found, scopes)
        return (
            tuple(self._known_scopes(default or (), scopes, f"{pointer}/defaultClientScopes")),
            tuple(self._known_scopes(optional or (), scopes, f"{pointer}/optionalClientScopes")),
        )

    def _known_scopes(self, names: Iterable[str], scopes: Mapping[str, ClientScope], pointer: str) -> Iterable[str]:
        for position, name in enumerate(names):
            if name in scopes:
                yield name
            elif name not in self._saml:
                self._unknown("C-SCOPE", f"{pointer}/{position}", f"There is no client scope “{name}”.")

    def realm_defaults(self, scopes: Mapping[str, ClientScope]) -> None:
        """Find the names of scopes that do not exist among the realm's defaults."""
        list(self._known_scopes(self._found.default_default_client_scopes or (), scopes, "/defaultDefaultClientScopes"))
        list(
            self._known_scopes(self._found.default_optional_client_scopes or (), scopes, "/defaultOptionalClientScopes")
        )

    def _mapped(self, kind: str, holders: Mapping[str, object], known: Known) -> dict[str, tuple[RoleName, ...]]:
        """Return the roles that `scopeMappings` and `clientScopeMappings` give to clients, or to client scopes."""
        found: dict[str, tuple[RoleName, ...]] = {}
        lists = {"": ("/scopeMappings", self._found.scope_mappings)}
        for client, mappings in self._found.client_scope_mappings.items():
            lists[client] = (f"/clientScopeMappings/{_escaped(client)}", mappings)
        for client, (pointer, mappings) in lists.items():
            for n, mapping in enumerate(mappings):
                holder = mapping.client_scope if kind == "client_scope" else mapping.client
                if holder is None:
                    continue
                if holder not in holders:
                    noun = "client scope" if kind == "client_scope" else "client"
                    self._unknown("R-SCOPE-MAPPING", f"{pointer}/{n}", f"There is no {noun} “{holder}”.")
                    continue
                list(self.known_roles(mapping.roles, client, known.roles, f"{pointer}/{n}/roles"))
                # Also those that do not exist: a scope for holders of a role that nobody has is for nobody.
                named = tuple(RoleName(name=name, client=client) for name in mapping.roles)
                found[holder] = (*found.get(holder, ()), *named)
        return found

    def _unknown(self, rule: str, pointer: str, problem: str) -> None:
        self._findings.append(warning(rule, pointer, f"{problem} It has no effect.", "Add it, or remove the name."))


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
