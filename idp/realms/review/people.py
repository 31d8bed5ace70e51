"""Rules about who is powerful by the file: administrators, and passwords that somebody has read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from idp.model.finding import Finding
from idp.realms.files.reading import escaped
from idp.realms.representation import realm as file
from idp.realms.representation.access import Group
from idp.realms.values import error, warning

_ADMINISTRATION = "realm-management"
_REALM_WIDE = frozenset({"admin", "create-realm"})


def people_findings(found: file.Realm) -> Iterator[Finding]:
    """Yield what is unwise about the users, default roles and default groups of a file."""
    yield from _everybody(found)
    client_ids = {client.client_id for client in found.clients}
    for position, user in enumerate(found.users):
        place = f"/users/{position}"
        for role in _powers(user.realm_roles or (), user.client_roles, place):
            problem = f"“{user.username}” is made an administrator by the file."
            yield warning("U-ADMIN", role, problem, "Give the role in person, to a named person, by two people.")
        if user.id is not None and user.id in client_ids:
            problem = f"The id of “{user.username}” is the id of a client: a token's subject could be either."
            yield error("U-CLIENT", f"{place}/id", problem, "Give the user another id.")
        for number, credential in enumerate(user.credentials):
            if credential.type == "password" and credential.value:
                problem = f"The password of “{user.username}” stands in the file; whoever reads it can log in."
                repair = "Write its hash (secretData, credentialData), or let a first one be delivered."
                yield warning("U-PASSWORD", f"{place}/credentials/{number}/value", problem, repair)


def _everybody(found: file.Realm) -> Iterator[Finding]:
    problem = "Every user of the realm is made an administrator."
    default = found.default_role.name if found.default_role is not None else f"default-roles-{found.realm}"
    if found.default_role is not None:
        composites = found.default_role.composites
        for place in _powers(composites.realm, composites.client, "/defaultRole/composites", "realm", "client"):
            yield error("U-EVERYBODY", place, problem, "Take the role out of the default role.")
    for position, role in enumerate(found.roles.realm):
        if role.name == default:
            place = f"/roles/realm/{position}/composites"
            for power in _powers(role.composites.realm, role.composites.client, place, "realm", "client"):
                yield error("U-EVERYBODY", power, problem, "Take the role out of the default role.")
    for group, place in _groups(found.groups, "", "/groups"):
        if group[0] in found.default_groups:
            for power in _powers(group[1].realm_roles, group[1].client_roles, place):
                yield error("U-EVERYBODY", power, problem, "Take the role from the default group.")


def _groups(groups: tuple[Group, ...], path: str, place: str) -> Iterator[tuple[tuple[str, Group], str]]:
    for position, group in enumerate(groups):
        own = f"{path}/{group.name}"
        yield (own, group), f"{place}/{position}"
        yield from _groups(group.sub_groups, own, f"{place}/{position}/subGroups")


def _powers(
    realm_roles: tuple[str, ...],
    client_roles: Mapping[str, tuple[str, ...]],
    place: str,
    realm_key: str = "realmRoles",
    client_key: str = "clientRoles",
) -> Iterator[str]:
    """Yield the place of each role that lets its holder change the realm (`query-…` and `view-…` only look)."""
    for position, name in enumerate(realm_roles):
        if name in _REALM_WIDE:
            yield f"{place}/{realm_key}/{position}"
    for client, names in client_roles.items():
        if client != _ADMINISTRATION and not client.endswith("-realm"):
            continue
        for position, name in enumerate(names):
            if not name.startswith(("query-", "view-")):
                yield f"{place}/{client_key}/{escaped(client)}/{position}"
