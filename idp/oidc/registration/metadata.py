"""Client metadata (RFC 7591 §2, OpenID Registration §2 and their later members): the door of registration."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from idp.crypto.jose import TokenError, json_object
from idp.oidc.errors import ErrorCode, OAuthError

Text = Annotated[str, Meta(max_length=2048)]
Texts = Annotated[tuple[Text, ...], Meta(max_length=64)]
TRANSLATED = ("client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri")
"""Members that may stand there once for each language (RFC 7591 §2.2)."""
_TAGGED = re.compile(rf"(?P<member>{'|'.join(TRANSLATED)})#[A-Za-z0-9]{{1,8}}(?:-[A-Za-z0-9]{{1,8}}){{0,4}}")
_MOST_TRANSLATIONS = 64


class ClientMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of itself; None is what it left out. Names are those of the specifications."""

    redirect_uris: Texts = ()
    response_types: Texts | None = None
    grant_types: Texts | None = None
    application_type: Literal["web", "native"] | None = None
    contacts: Texts | None = None
    client_name: Text | None = None
    client_uri: Text | None = None
    logo_uri: Text | None = None
    policy_uri: Text | None = None
    tos_uri: Text | None = None
    scope: Text | None = None
    software_id: Text | None = None
    software_version: Text | None = None
    jwks: dict[str, Any] | None = None
    jwks_uri: Text | None = None
    sector_identifier_uri: Text | None = None
    subject_type: Literal["public", "pairwise"] | None = None
    id_token_signed_response_alg: Text | None = None
    id_token_encrypted_response_alg: Text | None = None
    id_token_encrypted_response_enc: Text | None = None
    userinfo_signed_response_alg: Text | None = None
    userinfo_encrypted_response_alg: Text | None = None
    userinfo_encrypted_response_enc: Text | None = None
    request_object_signing_alg: Text | None = None
    request_object_encryption_alg: Text | None = None
    request_object_encryption_enc: Text | None = None
    request_uris: Texts | None = None
    default_max_age: Annotated[int, Meta(ge=0, le=2**31)] | None = None
    require_auth_time: bool | None = None
    default_acr_values: Texts | None = None
    initiate_login_uri: Text | None = None
    token_endpoint_auth_method: Text | None = None
    token_endpoint_auth_signing_alg: Text | None = None
    tls_client_auth_subject_dn: Text | None = None
    tls_client_auth_san_dns: Text | None = None
    tls_client_auth_san_uri: Text | None = None
    tls_client_auth_san_ip: Text | None = None
    tls_client_auth_san_email: Text | None = None
    tls_client_certificate_bound_access_tokens: bool | None = None
    dpop_bound_access_tokens: bool | None = None
    post_logout_redirect_uris: Texts | None = None
    backchannel_logout_uri: Text | None = None
    backchannel_logout_session_required: bool | None = None
    frontchannel_logout_uri: Text | None = None
    frontchannel_logout_session_required: bool | None = None
    authorization_signed_response_alg: Text | None = None
    authorization_encrypted_response_alg: Text | None = None
    authorization_encrypted_response_enc: Text | None = None
    introspection_signed_response_alg: Text | None = None
    introspection_encrypted_response_alg: Text | None = None
    introspection_encrypted_response_enc: Text | None = None
    require_pushed_authorization_requests: bool | None = None
    require_signed_request_object: bool | None = None
    authorization_details_types: Texts | None = None
    backchannel_token_delivery_mode: Text | None = None
    backchannel_client_notification_endpoint: Text | None = None
    backchannel_authentication_request_signing_alg: Text | None = None
    backchannel_user_code_parameter: bool | None = None
    translations: dict[str, str] = {}
    """`client_name#sq` and its like; never a member of that name in the document."""


def read_document(body: bytes) -> Mapping[str, Any]:
    """Return the members of a request; null is what was left out (RFC 7592 §2.2). Raises `OAuthError`."""
    try:
        members = json_object(body)
    except TokenError as error:
        raise invalid_metadata("The body must be a JSON object.", detail=str(error)) from None
    _check_writable(members)
    return {name: value for name, value in members.items() if value is not None}


def read_metadata(document: Mapping[str, Any]) -> ClientMetadata:
    """Return the metadata of a document; members that are not known are ignored (RFC 7591 §2). Raises `OAuthError`."""
    translations = {name: value for name, value in document.items() if _TAGGED.fullmatch(name)}
    if len(translations) > _MOST_TRANSLATIONS:
        raise invalid_metadata("There are too many translations.")
    known = {name: value for name, value in document.items() if name != "translations"}
    try:
        return msgspec.convert({**known, "translations": translations}, ClientMetadata)
    except msgspec.ValidationError as error:
        # The text names the member and the type that was expected, never the value.
        about_redirect = "`$.redirect_uris" in str(error)
        code = ErrorCode.INVALID_REDIRECT_URI if about_redirect else ErrorCode.INVALID_CLIENT_METADATA
        raise OAuthError(code, f"{error}.") from None


def _check_writable(members: Mapping[str, Any]) -> None:
    """Refuse half a character, and what is nested without end: it could be neither stored nor sent back."""
    try:
        json.dumps(members, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise invalid_metadata("The body has half a character, or no end.") from None


def written(metadata: ClientMetadata) -> dict[str, Any]:
    """Return the members of a document; what was left out is left out."""
    members = msgspec.structs.asdict(metadata)
    translations = members.pop("translations")
    present = {name: value for name, value in members.items() if value is not None}
    return {**present, **translations}


def invalid_metadata(description: str, *, detail: str = "") -> OAuthError:
    """Return the refusal of RFC 7591 §3.2.2."""
    return OAuthError(ErrorCode.INVALID_CLIENT_METADATA, description, detail=detail)
