"""What a realm keeps about its users, and what each of it may be (Keycloak's declarative user profile)."""

from __future__ import annotations

from typing import Any

from idp.model.struct import Frozen


class Validation(Frozen, frozen=True, kw_only=True):
    """One of Keycloak's validators, by its name there, with its configuration as the file has it."""

    name: str
    config: dict[str, Any] = {}


class ProfileAttribute(Frozen, frozen=True, kw_only=True):
    """One attribute of a user's profile. What a person does not `view` they cannot `edit` either."""

    name: str
    label: str
    """A key of the catalogue, or the realm's own words."""
    required: bool = False
    """A person must have it; where only an administrator must, it is not asked for."""
    view: bool = False
    edit: bool = False
    multivalued: bool = False
    validations: tuple[Validation, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        """The only values that it may have; empty if any will do."""
        chosen = (v.config.get("options", ()) for v in self.validations if v.name == "options")
        return tuple(str(option) for options in chosen for option in options)


ProfilePolicy = tuple[ProfileAttribute, ...]
"""The attributes, in the order in which pages show them."""

_A_LINE = Validation(name="length", config={"max": 255})
_A_NAME = Validation(name="person-name-prohibited-characters")
KEYCLOAK_PROFILE: ProfilePolicy = (
    ProfileAttribute(
        name="username",
        label="username",
        view=True,
        edit=True,
        validations=(
            Validation(name="length", config={"min": 3, "max": 255}),
            Validation(name="username-prohibited-characters"),
            Validation(name="up-username-not-idn-homograph"),
        ),
    ),
    ProfileAttribute(
        name="email",
        label="email",
        required=True,
        view=True,
        edit=True,
        validations=(Validation(name="email"), _A_LINE),
    ),
    ProfileAttribute(
        name="firstName", label="firstName", required=True, view=True, edit=True, validations=(_A_LINE, _A_NAME)
    ),
    ProfileAttribute(
        name="lastName", label="lastName", required=True, view=True, edit=True, validations=(_A_LINE, _A_NAME)
    ),
)
"""What a realm has that says nothing of its own."""

BANK_PROFILE: ProfilePolicy = (
    *(one for one in KEYCLOAK_PROFILE if one.name != "email"),
    ProfileAttribute(name="company", label="company", view=True),
    *(one for one in KEYCLOAK_PROFILE if one.name == "email"),
    ProfileAttribute(name="phoneNumber", label="phoneNumber", view=True),
)
"""What the pages of a realm without a profile of its own show."""
