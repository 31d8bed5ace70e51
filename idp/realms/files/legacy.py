"""Older realm files → what newer ones say: Keycloak's own migrations at import, on the JSON before it is read.

Kept beside the reading, so that the reading knows one shape only. The file itself stays as it was written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Document = dict[str, Any]

# Until Keycloak 20 the providers of these had names of their own (MigrateTo21_0_0).
_ACTIONS = frozenset({"VERIFY_EMAIL", "UPDATE_PROFILE", "CONFIGURE_TOTP", "UPDATE_PASSWORD", "TERMS_AND_CONDITIONS"})
_POST_LOGOUT = "post.logout.redirect.uris"
_SALTED = frozenset({"hashedSaltedValue", "salt", "hashIterations", "algorithm", "counter", "digits", "period"})
_SALTED_CREDENTIALS = ("password", "totp", "hotp")


def modern(document: Any) -> Any:
    """Return a realm as the newest Keycloak would export it; what is not of its shape stays, for the reading to say."""
    if not isinstance(document, Mapping):
        return document
    found = dict(document)
    _replace(found, "authenticationFlows", _flows)
    _replace(found, "requiredActions", lambda actions: [_action(one) for one in actions])
    _replace(found, "users", lambda users: [_user(one) for one in users])
    if isinstance(found.get("keycloakVersion"), str):
        _replace(found, "clients", lambda clients: [_client(one) for one in clients])
    return _with_default_role(found)


def _replace(found: Document, key: str, change: Any) -> None:
    if isinstance(found.get(key), list):
        found[key] = change(found[key])


def _flows(flows: list[Any]) -> list[Any]:
    """Give each OPTIONAL execution a conditional sub-flow of its own (MigrateTo8_0_0)."""
    changed: list[Any] = []
    added: list[Any] = []
    for flow in flows:
        if isinstance(flow, Mapping) and isinstance(flow.get("authenticationExecutions"), list):
            lines = [_execution(flow, line, added) for line in flow["authenticationExecutions"]]
            changed.append({**flow, "authenticationExecutions": lines})
        else:
            changed.append(flow)
    return [*changed, *added]


def _execution(flow: Mapping[str, Any], line: Any, added: list[Any]) -> Any:
    if not isinstance(line, Mapping) or line.get("requirement") != "OPTIONAL":
        return line
    alias = f"{flow.get('alias')} - {line.get('authenticator') or line.get('flowAlias')} - Conditional"
    condition = {"authenticator": "conditional-user-configured", "requirement": "REQUIRED", "priority": 10}
    demanded = {**line, "requirement": "REQUIRED", "priority": 20}
    added.append(
        {
            "alias": alias,
            "providerId": "basic-flow",
            "topLevel": False,
            "builtIn": bool(flow.get("builtIn")),
            "authenticationExecutions": [condition, demanded],
        }
    )
    place = {"requirement": "CONDITIONAL", "priority": line.get("priority", 0)}
    return {**place, "flowAlias": alias, "authenticatorFlow": True}


def _action(action: Any) -> Any:
    if not isinstance(action, Mapping):
        return action
    return {**action, **{key: _name(action[key]) for key in ("alias", "providerId") if key in action}}


def _name(alias: Any) -> Any:
    return alias.upper() if isinstance(alias, str) and alias.upper() in _ACTIONS else alias


def _client(client: Any) -> Any:
    """Let a client return after a logout to where it may after a login, which was so before there was an attribute.

    Only in what Keycloak wrote: whoever writes a file by hand and leaves the attribute out names no address.
    """
    if not isinstance(client, Mapping) or not client.get("redirectUris"):
        return client
    attributes = client.get("attributes") or {}
    if not isinstance(attributes, Mapping) or _POST_LOGOUT in attributes:
        return client
    return {**client, "attributes": {**attributes, _POST_LOGOUT: "+"}}


def _user(user: Any) -> Any:
    if not isinstance(user, Mapping):
        return user
    changed = dict(user)
    _replace(changed, "requiredActions", lambda actions: [_name(one) for one in actions])
    _replace(changed, "credentials", lambda credentials: [_credential(one) for one in credentials])
    return changed


def _credential(credential: Any) -> Any:
    """Give a credential of Keycloak up to 8 (`hashedSaltedValue`) its two fields of JSON text."""
    if not isinstance(credential, Mapping) or credential.get("type") not in _SALTED_CREDENTIALS:
        return credential
    if "hashedSaltedValue" not in credential:
        return credential
    kept = {key: value for key, value in credential.items() if key not in _SALTED and key not in {"config", "device"}}
    if credential["type"] == "password":
        secret = {"value": credential["hashedSaltedValue"], "salt": credential.get("salt")}
        described = {
            "hashIterations": credential.get("hashIterations"),
            # Before Keycloak 3.2 no algorithm was written: there was one.
            "algorithm": credential.get("algorithm") or "pbkdf2",
        }
    else:
        kept["type"] = "otp"
        secret = {"value": credential["hashedSaltedValue"]}
        described = {
            "subType": credential["type"],
            "digits": credential.get("digits") or 6,
            "period": credential.get("period") or 30,
            "counter": credential.get("counter") or 0,
            "algorithm": credential.get("algorithm") or "HmacSHA1",
        }
    return {**kept, "secretData": json.dumps(secret), "credentialData": json.dumps(described)}


def _with_default_role(found: Document) -> Document:
    """Make the lists `defaultRoles` of realm and clients one role (MigrateTo13_0_0)."""
    of_realm = _names(found.pop("defaultRoles", None))
    of_clients: dict[str, list[str]] = {}
    if isinstance(found.get("clients"), list):
        clients = [dict(one) if isinstance(one, Mapping) else one for one in found["clients"]]
        for client in clients:
            names = _names(client.pop("defaultRoles", None)) if isinstance(client, dict) else ()
            if names and isinstance(client.get("clientId"), str):
                of_clients[client["clientId"]] = list(names)
        found["clients"] = clients
    if not (of_realm or of_clients) or found.get("defaultRole") is not None:
        return found
    name = f"default-roles-{found.get('realm')}".lower()
    role = {"name": name, "composite": True, "composites": {"realm": list(of_realm), "client": of_clients}}
    roles: Document = dict(found["roles"]) if isinstance(found.get("roles"), Mapping) else {}
    written: list[Any] = roles["realm"] if isinstance(roles.get("realm"), list) else []
    missing = [{"name": one} for one in of_realm if not _written(written, one)]
    roles["realm"] = [*written, *missing, role]
    return {**found, "roles": roles, "defaultRole": {"name": name}}


def _written(roles: Iterable[Any], name: str) -> bool:
    return any(isinstance(role, Mapping) and role.get("name") == name for role in roles)


def _names(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
