"""Standard claims of a user by scope (OpenID Connect Core §5.1 and §5.4)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from idp.model.user import User

CLAIMS_BY_SCOPE: dict[str, tuple[str, ...]] = {
    "profile": ("name", "given_name", "family_name", "preferred_username", "locale"),
    "email": ("email", "email_verified"),
    "phone": ("phone_number", "phone_number_verified"),
}


def claims_of(user: User, scope: Collection[str]) -> dict[str, Any]:
    """Return the claims that the scopes release; a claim without a value is left out (§5.3.2)."""
    claims: dict[str, Any] = {}
    if "profile" in scope:
        claims |= {
            "name": user.full_name,
            "given_name": user.first_name,
            "family_name": user.last_name,
            "preferred_username": user.username,
            "locale": user.attribute("locale"),
        }
    if "email" in scope and user.email:
        claims |= {"email": user.email, "email_verified": user.email_verified}
    if "phone" in scope and user.phone:
        # Keycloak's user attribute of the same meaning.
        claims |= {"phone_number": user.phone, "phone_number_verified": user.attribute("phoneNumberVerified") == "true"}
    return {name: value for name, value in claims.items() if value != ""}
