"""Client metadata ⇄ Keycloak's client representation: one table for both ways.

What Keycloak has an attribute for is written there, so that a registered client means what a file's means; what it has
none for is kept in attributes that begin with `hyrja.` and is only given back, or read by us.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from idp.oidc.registration.metadata import ClientMetadata
from idp.realms.clients.certificates import SELF_SIGNED
from idp.realms.clients.display import TRANSLATIONS
from idp.realms.clients.keys import SECRET_METHOD
from idp.realms.clients.requests import ALGORITHM as OBJECT_ALGORITHM
from idp.realms.clients.requests import ANY as ANY_ALGORITHM
from idp.realms.representation.access import ProtocolMapper
from idp.realms.representation.realm import Client

PAIRWISE = "oidc-sha256-pairwise-sub-mapper"
SECTOR = "sectorIdentifierUri"

_TEXTS = {
    "logo_uri": "logoUri",
    "policy_uri": "policyUri",
    "tos_uri": "tosUri",
    "initiate_login_uri": "login.initiate.uri",
    "sector_identifier_uri": "sector.identifier.uri",
    "application_type": "hyrja.applicationType",
    "software_id": "hyrja.softwareId",
    "software_version": "hyrja.softwareVersion",
    "id_token_signed_response_alg": "id.token.signed.response.alg",
    "id_token_encrypted_response_alg": "id.token.encrypted.response.alg",
    "id_token_encrypted_response_enc": "id.token.encrypted.response.enc",
    "userinfo_signed_response_alg": "user.info.response.signature.alg",
    "userinfo_encrypted_response_alg": "user.info.encrypted.response.alg",
    "userinfo_encrypted_response_enc": "user.info.encrypted.response.enc",
    "request_object_signing_alg": OBJECT_ALGORITHM,
    "request_object_encryption_alg": "request.object.encryption.alg",
    "request_object_encryption_enc": "request.object.encryption.enc",
    "token_endpoint_auth_signing_alg": "token.endpoint.auth.signing.alg",
    "tls_client_auth_subject_dn": "x509.subjectdn",
    "tls_client_auth_san_dns": "tls.client.auth.san.dns",
    "tls_client_auth_san_uri": "tls.client.auth.san.uri",
    "tls_client_auth_san_ip": "tls.client.auth.san.ip",
    "tls_client_auth_san_email": "tls.client.auth.san.email",
    "backchannel_logout_uri": "backchannel.logout.url",
    "frontchannel_logout_uri": "frontchannel.logout.url",
    "authorization_signed_response_alg": "authorization.signed.response.alg",
    "authorization_encrypted_response_alg": "authorization.encrypted.response.alg",
    "authorization_encrypted_response_enc": "authorization.encrypted.response.enc",
    "introspection_signed_response_alg": "introspection.signed.response.alg",
    "introspection_encrypted_response_alg": "introspection.encrypted.response.alg",
    "introspection_encrypted_response_enc": "introspection.encrypted.response.enc",
    "backchannel_token_delivery_mode": "ciba.backchannel.token.delivery.mode",
    "backchannel_client_notification_endpoint": "ciba.backchannel.client.notification.endpoint",
    "backchannel_authentication_request_signing_alg": "ciba.backchannel.auth.request.signing.alg",
}
_FLAGS = {
    "require_auth_time": "hyrja.requireAuthTime",
    "tls_client_certificate_bound_access_tokens": "tls.client.certificate.bound.access.tokens",
    "dpop_bound_access_tokens": "dpop.bound.access.tokens",
    "backchannel_logout_session_required": "backchannel.logout.session.required",
    "frontchannel_logout_session_required": "frontchannel.logout.session.required",
    "require_pushed_authorization_requests": "require.pushed.authorization.requests",
}
_LISTS = {
    "response_types": ("hyrja.responseTypes", "##"),
    "contacts": ("hyrja.contacts", "##"),
    "request_uris": ("request.uris", "##"),
    "default_acr_values": ("default.acr.values", "##"),
    "post_logout_redirect_uris": ("post.logout.redirect.uris", "##"),
    "authorization_details_types": ("authorization.details.types", ","),
}
_GRANT_ATTRIBUTES = {
    "refresh_token": "use.refresh.tokens",
    "urn:ietf:params:oauth:grant-type:device_code": "oauth2.device.authorization.grant.enabled",
    "urn:openid:params:grant-type:ciba": "oidc.ciba.grant.enabled",
    "urn:ietf:params:oauth:grant-type:token-exchange": "standard.token.exchange.enabled",
}
GRANTS = ("authorization_code", "implicit", "client_credentials", *_GRANT_ATTRIBUTES)
"""Every grant that can be registered, in the order in which it is given back."""
_AUTHENTICATORS = {
    "client_secret_basic": "client-secret",
    "client_secret_post": "client-secret",
    "client_secret_jwt": "client-secret-jwt",
    "private_key_jwt": "client-jwt",
    "tls_client_auth": "client-x509",
    "self_signed_tls_client_auth": "client-x509",
    "none": "client-secret",
}
_MAX_AGE = "default.max.age"
_OBJECT_REQUIRED = "request.object.required"
_ANY_OBJECT = "request or request_uri"


def client_of_metadata(
    metadata: ClientMetadata, *, client_id: str, secret: str | None, default_scopes: tuple[str, ...], pinned: bool
) -> Client:
    """Return the representation of complete metadata (`completed`); `default_scopes` go without saying.

    `pinned` is a client that named its method: it is then held to one of the two ways to send a secret. Libraries
    that name none register for the default and send it the other way.
    """
    grants, types = metadata.grant_types or (), metadata.response_types or ()
    return Client(
        client_id=client_id,
        secret=secret,
        name=metadata.client_name or "",
        base_url=metadata.client_uri or "",
        public_client=metadata.token_endpoint_auth_method == "none",  # noqa: S105 - a method, not a secret
        client_authenticator_type=_AUTHENTICATORS[metadata.token_endpoint_auth_method or "client_secret_basic"],
        redirect_uris=metadata.redirect_uris,
        web_origins=("+",),
        standard_flow_enabled=any("code" in kind.split() for kind in types),
        implicit_flow_enabled=any(kind != "code" for kind in types),
        service_accounts_enabled="client_credentials" in grants,
        frontchannel_logout=metadata.frontchannel_logout_uri is not None,
        full_scope_allowed=True,
        attributes=_attributes(metadata) | (_pinned(metadata) if pinned else {}),
        default_client_scopes=default_scopes,
        optional_client_scopes=tuple(name for name in (metadata.scope or "").split() if name != "openid"),
        protocol_mappers=tuple(_mappers(metadata)),
    )


def metadata_of_client(client: Client) -> ClientMetadata:
    """Return what is registered, complete."""
    attributes = client.attributes
    members: dict[str, Any] = {name: attributes.get(key) for name, key in _TEXTS.items()}
    if attributes.get(OBJECT_ALGORITHM) == ANY_ALGORITHM:
        members["request_object_signing_alg"] = None  # what it left out
    members |= {name: attributes[key] == "true" for name, key in _FLAGS.items() if key in attributes}
    members |= {
        name: tuple(filter(None, attributes[key].split(mark)))
        for name, (key, mark) in _LISTS.items()
        if key in attributes
    }
    pairwise = any(mapper.protocol_mapper == PAIRWISE for mapper in client.protocol_mappers)
    return ClientMetadata(
        **members,
        redirect_uris=client.redirect_uris,
        grant_types=tuple(grant for grant in GRANTS if _has_grant(client, grant)),
        client_name=client.name or None,
        client_uri=client.base_url or None,
        scope=" ".join(("openid", *(client.optional_client_scopes or ()))),
        jwks=json.loads(attributes["jwks.string"]) if "jwks.string" in attributes else None,
        jwks_uri=attributes.get("jwks.url"),
        subject_type="pairwise" if pairwise else "public",
        default_max_age=int(attributes[_MAX_AGE]) if _MAX_AGE in attributes else None,
        token_endpoint_auth_method=_method(client),
        require_signed_request_object=True if attributes.get(_OBJECT_REQUIRED) == _ANY_OBJECT else None,
        translations=json.loads(attributes.get(TRANSLATIONS, "{}")),
    )


def _attributes(metadata: ClientMetadata) -> dict[str, str]:
    members: Mapping[str, Any] = msgspec.structs.asdict(metadata)
    grants = metadata.grant_types or ()
    found = {key: members[name] for name, key in _TEXTS.items() if members[name] is not None}
    found |= {key: _flag(members[name]) for name, key in _FLAGS.items() if members[name] is not None}
    found |= {key: mark.join(members[name]) for name, (key, mark) in _LISTS.items() if members[name] is not None}
    found |= {key: _flag(grant in grants) for grant, key in _GRANT_ATTRIBUTES.items()}
    if metadata.token_endpoint_auth_method == "self_signed_tls_client_auth":  # noqa: S105 - a method, not a secret
        found[SELF_SIGNED] = "true"
    if metadata.default_max_age is not None:
        found[_MAX_AGE] = str(metadata.default_max_age)
    if metadata.require_signed_request_object:
        found[_OBJECT_REQUIRED] = _ANY_OBJECT
    else:  # OpenID Registration §2: "if omitted, any algorithm supported by the OP and the RP MAY be used"
        found.setdefault(OBJECT_ALGORITHM, ANY_ALGORITHM)
    if metadata.jwks is not None:
        found |= {"use.jwks.string": "true", "jwks.string": json.dumps(metadata.jwks)}
    if metadata.jwks_uri is not None:
        found |= {"use.jwks.url": "true", "jwks.url": metadata.jwks_uri}
    if metadata.translations:
        found[TRANSLATIONS] = json.dumps(metadata.translations)
    return found


def _pinned(metadata: ClientMetadata) -> dict[str, str]:
    method = metadata.token_endpoint_auth_method or ""
    return {SECRET_METHOD: method} if _AUTHENTICATORS[method] == "client-secret" and method != "none" else {}


def _method(client: Client) -> str:
    if client.public_client:
        return "none"
    if client.client_authenticator_type == "client-x509":
        return "self_signed_tls_client_auth" if client.attributes.get(SELF_SIGNED) == "true" else "tls_client_auth"
    named = client.attributes.get(SECRET_METHOD)
    return named or next(name for name, kind in _AUTHENTICATORS.items() if kind == client.client_authenticator_type)


def _mappers(metadata: ClientMetadata) -> list[ProtocolMapper]:
    """Return Keycloak's mapper of pairwise subjects; without a salt, for those of one sector are alike (Core §8.1)."""
    if metadata.subject_type != "pairwise":
        return []
    config = {SECTOR: metadata.sector_identifier_uri or ""}
    return [ProtocolMapper(protocol_mapper=PAIRWISE, name="pairwise subject identifier", config=config)]


def _has_grant(client: Client, grant: str) -> bool:
    match grant:
        case "authorization_code":
            return client.standard_flow_enabled
        case "implicit":
            return client.implicit_flow_enabled
        case "client_credentials":
            return client.service_accounts_enabled
        case _:
            return client.attributes.get(_GRANT_ATTRIBUTES[grant]) == "true"


def _flag(value: object) -> str:
    return "true" if value else "false"
