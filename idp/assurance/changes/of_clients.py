"""What the settings of a client mean when they change, by the place below the client. `*` is any name."""

from __future__ import annotations

from collections.abc import Mapping

from idp.assurance.changes.change import Topic
from idp.assurance.changes.meanings import (
    NEUTRAL,
    STRONGER,
    WEAKER,
    Meaning,
    entry,
    number,
    other,
    ranked,
    switch,
    words,
)

_PROOFS: dict[str | None, int] = {"client-secret": 1, "client-secret-jwt": 2, "client-jwt": 3, "client-x509": 3}
_SIGNATURES: dict[str | None, int] = {None: 1, "none": 0, "RS256": 1, "PS256": 1, "ES256": 1, "ES384": 1, "EdDSA": 1}
_ENCRYPTED: dict[str | None, int] = {None: 0} | dict.fromkeys(
    ("RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"), 1
)


def _grant(what: str) -> Meaning:
    return switch(
        Topic.CLIENT, on=f"“{{client}}” may use {what}", off=f"“{{client}}” no longer uses {what}", on_is=WEAKER
    )


def _demand(on: str, off: str) -> Meaning:
    return switch(Topic.CLIENT, on=on, off=off, on_is=STRONGER)


def _signature(what: str) -> Meaning:
    return ranked(Topic.CLIENT, f"{what} of “{{client}}” are signed with", ranks=_SIGNATURES)


def _encryption(what: str) -> Meaning:
    return ranked(Topic.CLIENT, f"{what} of “{{client}}” are encrypted with", ranks=_ENCRYPTED)


_ADDRESSES = {
    "redirectUris": ("Codes for “{client}” may be sent to {word}", "Codes for “{client}” no longer go to {word}"),
    "webOrigins": (
        "Pages of {word} may call for “{client}”",
        "Pages of {word} may no longer call for “{client}”",
    ),
    "defaultClientScopes": (
        "Tokens of “{client}” always have the scope “{word}”",
        "Tokens of “{client}” no longer always have the scope “{word}”",
    ),
    "optionalClientScopes": (
        "“{client}” may ask for the scope “{word}”",
        "“{client}” no longer has the scope “{word}”",
    ),
}

_ATTRIBUTES: Mapping[str, Meaning] = {
    "pkce.code.challenge.method": ranked(
        Topic.CLIENT, "PKCE that “{client}” must use", ranks={None: 0, "": 0, "plain": 1, "S256": 2}
    ),
    "post.logout.redirect.uris": words(
        Topic.CLIENT,
        added="After a logout “{client}” may lead to {word}",
        removed="After a logout “{client}” no longer leads to {word}",
        added_is=WEAKER,
        separator="##",
    ),
    "use.refresh.tokens": _grant("refresh tokens"),
    "access.token.lifespan": number(
        Topic.SESSION, "Life of an access token of “{client}”", less_is=STRONGER, unit="seconds"
    ),
    "default.max.age": number(
        Topic.SESSION, "“{client}” wants a login not older than", less_is=STRONGER, unit="seconds"
    ),
    "default.acr.values": other(Topic.LOGIN, "The acr that “{client}” asks for by itself"),
    "require.pushed.authorization.requests": _demand(
        "“{client}” must push its requests", "“{client}” need not push its requests any more"
    ),
    "request.object.required": other(Topic.CLIENT, "The request object that “{client}” must send"),
    "request.object.signature.alg": other(Topic.CLIENT, "Request objects of “{client}” are signed with"),
    "tls.client.certificate.bound.access.tokens": _demand(
        "Tokens of “{client}” are bound to its certificate", "Tokens of “{client}” are no longer bound to a certificate"
    ),
    "dpop.bound.access.tokens": _demand(
        "Tokens of “{client}” are bound to a key (DPoP)", "Tokens of “{client}” are no longer bound to a key (DPoP)"
    ),
    "standard.token.exchange.enabled": _grant("token exchange"),
    "oauth2.device.authorization.grant.enabled": _grant("device authorization"),
    "oidc.ciba.grant.enabled": _grant("backchannel authentication (CIBA)"),
    "oauth2.jwt.authorization.grant.enabled": _grant("assertions of others (JWT bearer)"),
    "backchannel.logout.url": other(Topic.SESSION, "Where “{client}” is told of a logout"),
    "frontchannel.logout.url": other(Topic.SESSION, "Where “{client}” is told of a logout in the browser"),
    "jwks.url": other(Topic.CLIENT, "Where the keys of “{client}” are"),
    "jwks.string": other(Topic.CLIENT, "The keys of “{client}” are others now"),
    "id.token.signed.response.alg": _signature("ID tokens"),
    "user.info.response.signature.alg": other(Topic.CLIENT, "UserInfo for “{client}” is signed with"),
    "access.token.signed.response.alg": _signature("Access tokens"),
    "authorization.signed.response.alg": _signature("Authorization answers"),
    "id.token.encrypted.response.alg": _encryption("ID tokens"),
    "user.info.encrypted.response.alg": _encryption("UserInfo answers"),
    "authorization.encrypted.response.alg": _encryption("Authorization answers"),
}

_BELOW: Mapping[tuple[str, ...], Meaning] = {
    (): entry(
        Topic.CLIENT,
        added="There is a new client, “{name}”",
        removed="There is no client “{name}” any more",
    ),
    ("enabled",): switch(
        Topic.CLIENT, on="“{client}” is served now", off="“{client}” is no longer served", on_is=NEUTRAL
    ),
    ("publicClient",): switch(
        Topic.CLIENT,
        on="“{client}” no longer proves that it is “{client}” (public client)",
        off="“{client}” must prove that it is “{client}” (confidential client)",
        on_is=WEAKER,
    ),
    ("clientAuthenticatorType",): ranked(Topic.CLIENT, "How “{client}” proves itself", ranks=_PROOFS),
    ("secret",): other(Topic.CLIENT, "The secret of “{client}” is another one"),
    **{
        (key,): words(
            Topic.ACCESS if key.endswith("Scopes") else Topic.CLIENT, added=added, removed=removed, added_is=WEAKER
        )
        for key, (added, removed) in _ADDRESSES.items()
    },
    ("consentRequired",): _demand(
        "Customers are asked before “{client}” is told of them", "Customers are no longer asked about “{client}”"
    ),
    ("standardFlowEnabled",): switch(
        Topic.CLIENT,
        on="Customers may log in to “{client}” (code flow)",
        off="Customers no longer log in to “{client}” (code flow)",
        on_is=NEUTRAL,
    ),
    ("implicitFlowEnabled",): _grant("tokens through the browser (implicit flow)"),
    ("directAccessGrantsEnabled",): _grant("customers' passwords (password grant)"),
    ("serviceAccountsEnabled",): _grant("tokens of its own (service account)"),
    ("fullScopeAllowed",): switch(
        Topic.ACCESS,
        on="Tokens of “{client}” carry every role of the customer",
        off="Tokens of “{client}” carry only the roles it was given",
        on_is=WEAKER,
    ),
    ("protocolMappers", "*"): entry(
        Topic.ACCESS,
        added="Tokens of “{client}” say what the mapper “{name}” writes",
        removed="Tokens of “{client}” no longer say what the mapper “{name}” writes",
    ),
    **{("attributes", name): meaning for name, meaning in _ATTRIBUTES.items()},
}

CLIENT_MEANINGS: Mapping[tuple[str, ...], Meaning] = {("clients", "*", *place): m for place, m in _BELOW.items()}
"""Place → what a change there means."""
