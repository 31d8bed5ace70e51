"""The user profile of a realm file: a component whose configuration is JSON text, as Keycloak writes it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from idp.model.finding import Finding
from idp.model.policies.profile import KEYCLOAK_PROFILE, ProfileAttribute, ProfilePolicy, Validation
from idp.realms.patterns import whole
from idp.realms.representation import realm as file
from idp.realms.values import error, warning

PROVIDER = "org.keycloak.userprofile.UserProfileProvider"
_TEXT = "kc.user.profile.config"
_LABEL = re.compile(r"\$\{(?:profile\.attributes\.)?(?P<key>[^}]+)\}")
VALIDATORS = frozenset(
    {
        "length",
        "integer",
        "double",
        "pattern",
        "email",
        "uri",
        "local-date",
        "iso-date",
        "options",
        "multivalued",
        "person-name-prohibited-characters",
        "username-prohibited-characters",
        "up-username-not-idn-homograph",
    }
)
_NUMBERS = ("min", "max")
Table = dict[str, Any]


class _Permissions(msgspec.Struct, frozen=True):
    view: tuple[str, ...] = ()
    edit: tuple[str, ...] = ()


class _Required(msgspec.Struct, frozen=True):
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


class _Attribute(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    display_name: str | None = None
    validations: dict[str, Table | None] | None = None
    permissions: _Permissions | None = None
    required: _Required | None = None
    multivalued: bool = False


class _Profile(msgspec.Struct, frozen=True):
    attributes: tuple[_Attribute, ...] = ()


def user_profile(found: file.Realm, findings: list[Finding]) -> ProfilePolicy | None:
    """Return the profile that the file writes down; None where it has no such component (Keycloak's own counts)."""
    components = found.components.get(PROVIDER)
    if not isinstance(components, list):
        return None
    for position, component in enumerate(components):
        text = _text_of(component)
        if text:
            return _read(text, f"/components/{PROVIDER}/{position}/config/{_TEXT}/0", findings)
    return KEYCLOAK_PROFILE if components else None


def _text_of(component: Any) -> str:
    config = component.get("config") if isinstance(component, Mapping) else None
    texts = config.get(_TEXT) if isinstance(config, Mapping) else None
    return texts[0] if isinstance(texts, list) and texts and isinstance(texts[0], str) else ""


def _read(text: str, pointer: str, findings: list[Finding]) -> ProfilePolicy | None:
    try:
        profile = msgspec.convert(json.loads(text), _Profile, strict=False)
    except (ValueError, RecursionError) as wrong:
        problem = f"The user profile cannot be read: {wrong}."
        findings.append(error("R-PROFILE", pointer, problem, "Write the JSON text that Keycloak's console shows."))
        return None
    findings.extend(_unknown(profile, pointer))
    return tuple(_attribute(one) for one in profile.attributes)


def _attribute(found: _Attribute) -> ProfileAttribute:
    permissions = found.permissions or _Permissions()
    view = "user" in permissions.view
    required = found.required
    # Required for nobody in particular is required for everybody; a scope narrows it, which we do not follow: the
    # attribute is then never demanded.
    of_people = required is not None and not required.scopes and (not required.roles or "user" in required.roles)
    label = found.display_name or found.name
    key = _LABEL.fullmatch(label)
    return ProfileAttribute(
        name=found.name,
        label=key["key"] if key else label,
        required=of_people,
        view=view,
        edit=view and "user" in permissions.edit,
        multivalued=found.multivalued,
        validations=tuple(
            Validation(name=name, config=config or {})
            for name, config in (found.validations or {}).items()
            if name in VALIDATORS and not _wrong(name, config or {})
        ),
    )


def _unknown(profile: _Profile, pointer: str) -> Iterator[Finding]:
    for one in profile.attributes:
        for name, config in (one.validations or {}).items():
            wrong = f"There is no validator “{name}”" if name not in VALIDATORS else _wrong(name, config or {})
            if wrong:
                problem = f"{wrong}; values of “{one.name}” are not checked by it."
                yield warning("R-PROFILE-CHECK", pointer, problem, f"Use one of: {', '.join(sorted(VALIDATORS))}.")


def _wrong(name: str, config: Table) -> str:
    """Say what keeps a validator from being applied."""
    if any(key in config and not _is_number(config[key]) for key in _NUMBERS):
        return f"The bounds of the validator “{name}” are no numbers"
    if name == "options" and not isinstance(config.get("options"), list):
        return "The validator “options” has no list of options"
    if name == "pattern":
        pattern = config.get("pattern", "")
        try:
            whole(pattern if isinstance(pattern, str) else "(")
        except ValueError:
            return "The pattern of the validator “pattern” is not valid"
    return ""


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
