"""Compares a realm with what another provider made of the same file: by what it means, not by how it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from idp.model.realm import Realm

# Where something stands in a file, or what it is called there, says nothing of what it does.
_OF_THE_FILE = frozenset({"version", "pointer", "description", "locales"})
_NOT_OURS = "organization"
"""A client scope of every new realm of Keycloak: there are no organizations here."""
_IN_ANY_ORDER = frozenset({"default_scopes", "optional_scopes", "mappers"})

KEYCLOAKS_OWN = (
    # Keycloak writes its defaults into an export; what we do where a file is silent is documented with each of them.
    "webauthn.rp_name",
    "webauthn_passwordless.rp_name",
    "brute_force.quick_login_check",
    "registration.anonymous",
    "registration.authenticated",
    # One line that says the same: a form flow needs no authenticator here.
    "flows[registration].executions[0].authenticator",
    # Every new customer may use Keycloak's account pages.
    "roles[RoleName(name='default-roles-",
    # auth_time stands in every token here, and everybody has the role offline_access.
    "client_scopes[basic].mappers",
    "client_scopes[offline_access].roles",
    # Files from before version 24 have no profile of attributes; Keycloak gives them the one of a new realm.
    "profile: None became",
    # Removed by its migrations, and bound nowhere.
    "flows[http challenge]: gone",
)
"""Where a realm that went through Keycloak may differ: beginnings of what `differences` yields."""


def surprises(ours: Realm, theirs: Realm) -> list[str]:
    """Return the differences that nobody has explained."""
    return [one for one in differences(ours, theirs) if not one.startswith(KEYCLOAKS_OWN)]


def differences(ours: Realm, theirs: Realm) -> list[str]:
    """Return where the second realm says something else than the first; what it says in addition does not count."""
    return list(_compared(ours, theirs, ""))


def _compared(one: Any, other: Any, place: str) -> Iterator[str]:
    if isinstance(one, msgspec.Struct) and type(one) is type(other):
        for name in one.__struct_fields__:
            if name not in _OF_THE_FILE:
                here, there = _ordered(name, getattr(one, name)), _ordered(name, getattr(other, name))
                yield from _compared(here, there, f"{place}.{name}".lstrip("."))
    elif isinstance(one, dict) and isinstance(other, dict):
        for key, value in one.items():
            if key in other:
                yield from _compared(value, other[key], f"{place}[{key}]")
            else:
                yield f"{place}[{key}]: gone"
    elif isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)) and len(one) == len(other):
        for position, (here, there) in enumerate(zip(one, other, strict=True)):
            yield from _compared(here, there, f"{place}[{position}]")
    elif one != other and repr(one) != repr(other):
        yield f"{place}: {one!r} became {other!r}"


def _ordered(name: str, value: Any) -> Any:
    if name == "required_actions":
        return {action.alias: msgspec.structs.replace(action, name="") for action in value}
    if name not in _IN_ANY_ORDER or not isinstance(value, tuple):
        return value
    return sorted((one for one in value if one != _NOT_OURS), key=repr)
