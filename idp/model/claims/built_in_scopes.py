"""What an absent `clientScopes` means: the client scopes that Keycloak makes for a new realm, with its mappers."""

from __future__ import annotations

from idp.model.claims.mapper import (
    Address,
    AllowedOrigins,
    AudienceOfRoles,
    ClaimName,
    ClientRoles,
    ClientScope,
    FullName,
    Into,
    JsonType,
    Mapper,
    RealmRoles,
    UserAttribute,
    UserProperty,
)

DEFAULT_SCOPES = ("profile", "email", "roles", "web-origins", "acr", "basic")
OPTIONAL_SCOPES = ("offline_access", "address", "phone", "microprofile-jwt")

_EVERYWHERE = Into()
_ACCESS = Into(id=False, userinfo=False)
_PROFILE = {
    "middle_name": "middleName",
    "family_name": "lastName",
    "given_name": "firstName",
    "preferred_username": "username",
    "nickname": "nickname",
    "profile": "profile",
    "picture": "picture",
    "website": "website",
    "gender": "gender",
    "birthdate": "birthdate",
    "zoneinfo": "zoneinfo",
    "locale": "locale",
}
_ADDRESS = {
    "formatted": "formatted",
    "street_address": "street",
    "locality": "locality",
    "region": "region",
    "postal_code": "postal_code",
    "country": "country",
}


def _attribute(claim: str, attribute: str, kind: JsonType = "String") -> Mapper:
    return UserAttribute(attribute=attribute, claim=ClaimName(path=(claim,), json_type=kind), into=_EVERYWHERE)


def _roles(*path: str) -> ClaimName:
    return ClaimName(path=path, multivalued=True)


_SCOPES = (
    ClientScope(
        name="profile",
        mappers=(
            FullName(into=_EVERYWHERE),
            *(_attribute(claim, attribute) for claim, attribute in _PROFILE.items()),
            _attribute("updated_at", "updatedAt", "long"),
        ),
    ),
    ClientScope(
        name="email",
        mappers=(
            _attribute("email", "email"),
            UserProperty(
                name="emailVerified",
                claim=ClaimName(path=("email_verified",), json_type="boolean"),
                into=_EVERYWHERE,
            ),
        ),
    ),
    ClientScope(name="address", mappers=(Address(attributes=_ADDRESS, into=_EVERYWHERE),)),
    ClientScope(
        name="phone",
        mappers=(
            _attribute("phone_number", "phoneNumber"),
            _attribute("phone_number_verified", "phoneNumberVerified", "boolean"),
        ),
    ),
    ClientScope(name="offline_access"),
    ClientScope(
        name="roles",
        in_token_scope=False,
        mappers=(
            RealmRoles(claim=_roles("realm_access", "roles"), into=_ACCESS),
            ClientRoles(claim=_roles("resource_access", "${client_id}", "roles"), into=_ACCESS),
            AudienceOfRoles(into=_ACCESS),
        ),
    ),
    ClientScope(
        name="web-origins", in_token_scope=False, on_consent_screen=False, mappers=(AllowedOrigins(into=_ACCESS),)
    ),
    ClientScope(
        name="microprofile-jwt",
        on_consent_screen=False,
        mappers=(
            _attribute("upn", "username"),
            RealmRoles(claim=_roles("groups"), into=_EVERYWHERE),
        ),
    ),
    # Their claims (sub, auth_time, acr) stand in every token here, whether or not a client has the scope.
    ClientScope(name="acr", in_token_scope=False, on_consent_screen=False),
    ClientScope(name="basic", in_token_scope=False, on_consent_screen=False),
)
BUILT_IN_SCOPES = {scope.name: scope for scope in _SCOPES}


def built_in_scopes() -> dict[str, ClientScope]:
    """Return Keycloak's client scopes, by name."""
    return BUILT_IN_SCOPES
