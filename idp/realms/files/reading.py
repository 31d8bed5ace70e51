"""JSON → representation, collecting *every* problem with its JSON pointer instead of stopping at the first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import Enum, EnumType
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from idp.model.finding import Finding, Severity
from idp.realms.effects import effect

R = TypeVar("R", bound=msgspec.Struct)


class RealmFileError(Exception):
    """The file is not JSON that could be a realm; the message says where and what to do."""


def parse(text: str) -> Any:
    """Parse JSON, refusing keys that appear twice in one object: one of the two would silently win."""
    try:
        document = json.loads(text, object_pairs_hook=_unique)
        # What cannot be written again cannot be kept as a version: half a character, a number without bounds.
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except json.JSONDecodeError as error:
        raise RealmFileError(f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from None
    except ValueError:
        raise RealmFileError("is not JSON: it has a number or a character that JSON cannot carry.") from None
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise RealmFileError(f"is ambiguous: the key “{key}” appears twice in one object; remove one of them.")
        found[key] = value
    return found


def read(value: Any, kind: type[R], findings: list[Finding], pointer: str = "") -> R | None:
    """Read an object as `kind`. None (with findings) if it cannot be one; wrong optional fields keep their default."""
    if not isinstance(value, Mapping):
        findings.append(_wrong(pointer, f"an object is expected here, not {_noun(value)}.", "Write { … }."))
        return None
    types = get_type_hints(kind)
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    findings.extend(_unknown(kind, value, set(fields), pointer))
    given: dict[str, Any] = {}
    complete = True
    for name, field in fields.items():
        place = f"{pointer}/{escaped(name)}"
        if value.get(name) is None:  # Keycloak ignores an explicit null
            if field.required:
                findings.append(_wrong(place, f"“{name}” is missing.", "Add it."))
                complete = False
            continue
        found = _field(value[name], types[field.name], findings, place)
        if found is not msgspec.UNSET:
            given[field.name] = found
        elif field.required:
            complete = False
    return kind(**given) if complete else None


def _field(value: Any, kind: Any, findings: list[Finding], pointer: str, *, in_table: bool = False) -> Any:
    """Read one field; UNSET (with findings) if it cannot be read."""
    if get_origin(kind) is tuple:
        # Keycloak writes the one value of a user's attribute without a list, too.
        value = [value] if in_table and isinstance(value, str) else value
        return _list(value, get_args(kind)[0], findings, pointer)
    if get_origin(kind) is dict:
        return _table(value, get_args(kind)[1], findings, pointer)
    part = _part_of(kind)
    if part is not None:
        found = read(value, part, findings, pointer)
        return msgspec.UNSET if found is None else found
    return _plain(value, kind, findings, pointer)


def _part_of(kind: Any) -> type[msgspec.Struct] | None:
    """Return the part of a representation that a field holds: `Roles`, or the `Role` of `Role | None`."""
    for one in get_args(kind) if get_origin(kind) is UnionType else (kind,):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return one
    return None


def _list(value: Any, kind: Any, findings: list[Finding], pointer: str) -> Any:
    if not isinstance(value, list):
        findings.append(_wrong(pointer, f"a list is expected here, not {_noun(value)}.", "Write [ … ]."))
        return msgspec.UNSET
    one = read if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else _field
    items = (one(item, kind, findings, f"{pointer}/{position}") for position, item in enumerate(value))
    return tuple(item for item in items if item is not None and item is not msgspec.UNSET)


def _table(value: Any, kind: Any, findings: list[Finding], pointer: str) -> Any:
    """Read an object with free keys, such as `attributes` and `config`; Keycloak writes every scalar there as text."""
    if not isinstance(value, Mapping):
        findings.append(_wrong(pointer, f"an object is expected here, not {_noun(value)}.", "Write { … }."))
        return msgspec.UNSET
    items = {
        key: _field(_as_text(item) if kind is str else item, kind, findings, f"{pointer}/{escaped(key)}", in_table=True)
        for key, item in value.items()
        if item is not None
    }
    return {key: item for key, item in items.items() if item is not msgspec.UNSET}


def _as_text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, bool | int | float) else value


def _plain(value: Any, kind: Any, findings: list[Finding], pointer: str) -> Any:
    try:
        # Not strict: exports write some numbers and booleans as text.
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        findings.append(_wrong(pointer, f"{error}.", _choices(kind)))
        return msgspec.UNSET


def _choices(kind: Any) -> str:
    if isinstance(kind, EnumType):
        members: list[Enum] = list(kind)
        return f"Use one of: {', '.join(str(member.value) for member in members)}."
    if get_origin(kind) is UnionType:
        return f"Expected {kind}."
    return "Mend the value."


def escaped(key: str) -> str:
    """Return a key as a reference token of a JSON pointer (RFC 6901 §3)."""
    return key.replace("~", "~0").replace("/", "~1")


def _noun(value: Any) -> str:
    nouns = {list: "a list", str: "text", int: "a number", float: "a number", bool: "true or false", dict: "an object"}
    return nouns.get(type(value), "null")


def _wrong(pointer: str, problem: str, repair: str) -> Finding:
    problem = problem[0].upper() + problem[1:]
    return Finding(rule="R-SHAPE", severity=Severity.ERROR, pointer=pointer, problem=problem, repair=repair)


def _unknown(kind: type[msgspec.Struct], value: Mapping[str, Any], known: set[str], pointer: str) -> Iterator[Finding]:
    for key in value:
        told = None if key in known else effect(kind.__name__, key, value[key])
        if told is not None:
            yield Finding(
                rule="R-UNKNOWN-KEY",
                severity=Severity.WARNING,
                pointer=f"{pointer}/{escaped(key)}",
                problem=f"“{key}” is not honoured here.",
                repair=f"{told} The key is kept." if told else "Check the spelling: Keycloak does not have it either.",
            )
