"""Types of authorization details (RFC 9396): `hyrja.authorizationDetailsTypes`, JSON text of a JSON Schema for each.

Keycloak has no place for them, so they stand in an attribute of the realm, which Keycloak keeps as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from idp.crypto.jose import TokenError, json_object
from idp.model.finding import Finding
from idp.realms.values import error

ATTRIBUTE = "hyrja.authorizationDetailsTypes"
_POINTER = f"/attributes/{ATTRIBUTE}"
Schema = dict[str, Any]


def authorization_details_types(attributes: dict[str, str], findings: list[Finding]) -> dict[str, Schema]:
    """Return the schemas by type; one that cannot be used is a finding and left out."""
    text = attributes.get(ATTRIBUTE, "")
    if not text:
        return {}
    try:
        found = json_object(text.encode())
    except (TokenError, UnicodeEncodeError) as refused:
        problem = f"The types of authorization details cannot be read: {refused}."
        findings.append(error("R-DETAILS", _POINTER, problem, 'Write "{\\"payment\\": {a JSON Schema}}".'))
        return {}
    usable: dict[str, Schema] = {}
    for name, schema in found.items():
        reason = _problem(name, schema)
        if reason is None:
            usable[name] = schema
        else:
            said = f"The schema of “{name}” cannot be used: {reason}."
            findings.append(error("R-DETAILS", _POINTER, said, "Write a JSON Schema (2020-12) of an object."))
    return usable


def validator_of(name: str, schema: Schema) -> Draft202012Validator:
    """Return what judges details of a type.

    The schema is closed unless it says otherwise: an unknown field is refused (RFC 9396 §5), since nobody would show
    it to the person who is asked. No schema is ever fetched: the registry is empty.
    """
    closed = {
        "unevaluatedProperties": False,
        **schema,
        "type": "object",
        "properties": {**schema.get("properties", {}), "type": {"const": name}},
        "required": sorted({*schema.get("required", ()), "type"}),
    }
    return Draft202012Validator(closed, registry=Registry())


def _problem(name: str, schema: Any) -> str | None:
    if not isinstance(schema, dict) or not name:
        return "it is not an object"
    try:
        Draft202012Validator.check_schema(schema)
        resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver()
        for reference in _references(schema):
            resolver.lookup(reference)
    except SchemaError as refused:
        return f"{refused.json_path}: {refused.message}"
    except Unresolvable as refused:
        return f"the reference {refused.ref} leads nowhere"
    return None


def _references(schema: Any) -> Iterator[str]:
    members = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    if isinstance(schema, dict):
        yield from (schema[name] for name in ("$ref", "$dynamicRef") if isinstance(schema.get(name), str))
    for member in members:
        yield from _references(member)
