"""What a client asked for → what it is registered with: defaults filled in, everything else checked (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from idp.crypto.public_keys import MOST_KEYS
from idp.model.struct import Frozen
from idp.oidc.registration.addresses import check_addresses
from idp.oidc.registration.metadata import ClientMetadata, invalid_metadata
from idp.oidc.registration.representation import GRANTS

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_DEFAULT_ENCODING = "A128CBC-HS256"
_CIBA = "urn:openid:params:grant-type:ciba"
_WITHOUT_A_REDIRECT = frozenset({"urn:ietf:params:oauth:grant-type:device_code", _CIBA})
_WITHOUT_A_USER = ("client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange")
_CERTIFICATE_NAMES = (
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
)
# Each member, and where the metadata of the provider lists what it may say.
_LISTED = {
    "token_endpoint_auth_method": "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg": "token_endpoint_auth_signing_alg_values_supported",
    "subject_type": "subject_types_supported",
    "id_token_signed_response_alg": "id_token_signing_alg_values_supported",
    "id_token_encrypted_response_alg": "id_token_encryption_alg_values_supported",
    "id_token_encrypted_response_enc": "id_token_encryption_enc_values_supported",
    "userinfo_signed_response_alg": "userinfo_signing_alg_values_supported",
    "userinfo_encrypted_response_alg": "userinfo_encryption_alg_values_supported",
    "userinfo_encrypted_response_enc": "userinfo_encryption_enc_values_supported",
    "request_object_signing_alg": "request_object_signing_alg_values_supported",
    "request_object_encryption_alg": "request_object_encryption_alg_values_supported",
    "request_object_encryption_enc": "request_object_encryption_enc_values_supported",
    "authorization_signed_response_alg": "authorization_signing_alg_values_supported",
    "authorization_encrypted_response_alg": "authorization_encryption_alg_values_supported",
    "authorization_encrypted_response_enc": "authorization_encryption_enc_values_supported",
    "introspection_signed_response_alg": "introspection_signing_alg_values_supported",
    "introspection_encrypted_response_alg": "introspection_encryption_alg_values_supported",
    "introspection_encrypted_response_enc": "introspection_encryption_enc_values_supported",
    "backchannel_token_delivery_mode": "backchannel_token_delivery_modes_supported",
    "backchannel_authentication_request_signing_alg": "backchannel_authentication_request_signing_alg_values_supported",
}
_ENCRYPTED = ("id_token", "userinfo", "authorization", "introspection")


class Offer(Frozen, frozen=True, kw_only=True):
    """What a client may register for: the provider's metadata, and the scopes; `trusted` brought an initial token."""

    supported: Mapping[str, Any]
    scopes: tuple[str, ...]
    trusted: bool


def completed(asked: ClientMetadata, offer: Offer) -> ClientMetadata:
    """Return what the client is registered with; raises `OAuthError` (RFC 7591 §3.2.2).

    What the provider cannot do is refused, and never left out in silence: a client that registers for encrypted tokens
    must not get plain ones. What is a rule for every client of the realm is not asked here (`registered_client`).
    """
    types, grants = _types_and_grants(asked, offer)
    metadata = msgspec.structs.replace(
        asked,
        response_types=types,
        grant_types=grants,
        application_type=asked.application_type or "web",
        token_endpoint_auth_method=asked.token_endpoint_auth_method or "client_secret_basic",
        subject_type=asked.subject_type or "public",
        scope=_scope(asked.scope, offer.scopes),
        backchannel_user_code_parameter=None,
        require_signed_request_object=asked.require_signed_request_object or None,
        **_encodings(asked),
    )
    _check_listed(metadata, offer.supported)
    check_addresses(metadata)
    _check_texts(metadata)
    _check_authentication(metadata)
    _check_keys(metadata)
    _check_objects(asked)
    _check_backchannel(asked, metadata)
    _check_pairwise(metadata, offer)
    return metadata


def check_sector(document: object, redirect_uris: tuple[str, ...]) -> None:
    """Check what the sector's address holds (OpenID Registration §5): a list with every redirect URI."""
    if not isinstance(document, list) or not set(redirect_uris) <= {uri for uri in document if isinstance(uri, str)}:
        raise invalid_metadata("The document at sector_identifier_uri does not list every redirect URI.")


def _types_and_grants(asked: ClientMetadata, offer: Offer) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return response types and grants that fit each other (RFC 7591 §2.1); what one demands of the other is added.

    A grant that was named without its response type is left out; a response type without the grant is refused only
    where grants were named at all.
    """
    given = asked.grant_types
    if asked.response_types is not None:
        types = tuple(dict.fromkeys(_canonical(kind, offer.supported) for kind in asked.response_types))
    else:
        types = ("code",) if given is None or "authorization_code" in given else ()
    needed = {grant for kind in types for grant in _grants_of(kind)}
    if given is None:
        grants = needed
    else:
        _check_grants(given, offer)
        if not needed <= set(given):
            raise invalid_metadata("response_types and grant_types do not fit each other.")
        grants = needed | (set(given) - {"authorization_code", "implicit"})
    return types, tuple(grant for grant in GRANTS if grant in grants)


def _canonical(kind: str, supported: Mapping[str, Any]) -> str:
    """Return a response type as the metadata spells it: the order of its words means nothing (Core §3)."""
    for known in supported["response_types_supported"]:
        if sorted(known.split()) == sorted(kind.split()):
            return str(known)
    raise invalid_metadata("A response type is not supported.")


def _grants_of(kind: str) -> set[str]:
    words = set(kind.split())
    code = {"authorization_code"} if "code" in words else set()
    return code | ({"implicit"} if words & {"token", "id_token"} else set())


def _check_grants(grants: tuple[str, ...], offer: Offer) -> None:
    possible = {*offer.supported["grant_types_supported"], "implicit"} & set(GRANTS)
    for grant in grants:
        if grant not in possible:
            raise invalid_metadata("A grant type is not supported.", detail=f"grant type {grant!r}")
        if grant in _WITHOUT_A_USER and not offer.trusted:
            # A stranger's tokens of its own would open every API that only asks whether a token is ours.
            raise invalid_metadata(f"{grant} needs a registration with an initial access token.")


def _scope(asked: str | None, scopes: tuple[str, ...]) -> str:
    """Return the scope of the client; names that it may not have are left out, and it is told (RFC 7591 §2)."""
    wanted = scopes if asked is None else [name for name in scopes if name in asked.split()]
    return " ".join(("openid", *wanted))


def _encodings(asked: ClientMetadata) -> dict[str, str]:
    """Return the defaults of `…_encrypted_response_enc` (OpenID Registration §2)."""
    missing = [
        f"{name}_encrypted_response_enc"
        for name in _ENCRYPTED
        if getattr(asked, f"{name}_encrypted_response_alg") and not getattr(asked, f"{name}_encrypted_response_enc")
    ]
    return dict.fromkeys(missing, _DEFAULT_ENCODING)


def _check_listed(metadata: ClientMetadata, supported: Mapping[str, Any]) -> None:
    for member, listed in _LISTED.items():
        value = getattr(metadata, member)
        if value is not None and value not in supported.get(listed, ()):
            raise invalid_metadata(f"{member} has a value that is not supported.")
    types = metadata.authorization_details_types or ()
    if not set(types) <= set(supported.get("authorization_details_types_supported", ())):
        raise invalid_metadata("authorization_details_types has a value that is not supported.")
    for name in _ENCRYPTED:
        algorithm, encoding = f"{name}_encrypted_response_alg", f"{name}_encrypted_response_enc"
        if getattr(metadata, encoding) and not getattr(metadata, algorithm):
            raise invalid_metadata(f"{encoding} needs {algorithm}.")


def _check_texts(metadata: ClientMetadata) -> None:
    """Names are shown to people: nothing invisible in them, and nothing that turns the direction of the text."""
    names = {name: text for name, text in metadata.translations.items() if name.startswith("client_name#")}
    shown = [metadata.client_name or "", *names.values(), *(metadata.contacts or ())]
    kept = [
        *shown,
        metadata.software_id or "",
        metadata.software_version or "",
        *(metadata.default_acr_values or ()),
        *(metadata.authorization_details_types or ()),
    ]
    if not all(text.isprintable() and "##" not in text for text in kept):
        raise invalid_metadata("A text has characters that cannot be shown.")
    # They are kept in one text, between ##.
    listed = (*(metadata.contacts or ()), *(metadata.default_acr_values or ()), *(metadata.request_uris or ()))
    if any(text.strip("#") != text or not text for text in listed):
        raise invalid_metadata("A list has an empty text, or one that ends with #.")


def _check_authentication(metadata: ClientMetadata) -> None:
    method, has_keys = metadata.token_endpoint_auth_method, metadata.jwks is not None or metadata.jwks_uri is not None
    if metadata.jwks is not None and metadata.jwks_uri is not None:
        raise invalid_metadata("jwks and jwks_uri cannot both be given.")  # RFC 7591 §2
    if method in {"private_key_jwt", "self_signed_tls_client_auth"} and not has_keys:
        raise invalid_metadata(f"{method} needs jwks or jwks_uri.")
    names = [name for name in _CERTIFICATE_NAMES if getattr(metadata, name)]
    if (method == "tls_client_auth") != (len(names) == 1) or len(names) > 1:
        raise invalid_metadata("tls_client_auth needs exactly one name of the certificate, other methods none.")


def _check_keys(metadata: ClientMetadata) -> None:
    """Whoever publishes a private key has lost it; and no `oct` key, for what is registered is not secret."""
    if metadata.jwks is None:
        return
    keys = metadata.jwks.get("keys")
    if not isinstance(keys, list) or len(keys) > MOST_KEYS or not all(isinstance(key, dict) for key in keys):
        raise invalid_metadata(f"jwks must be a set of at most {MOST_KEYS} keys.")
    if any(_PRIVATE_MEMBERS & key.keys() or key.get("kty") == "oct" for key in keys):
        raise invalid_metadata("jwks must hold public keys only.")


def _check_objects(asked: ClientMetadata) -> None:
    if asked.require_signed_request_object and asked.request_object_signing_alg == "none":
        raise invalid_metadata("require_signed_request_object and request_object_signing_alg none exclude each other.")
    if asked.request_object_encryption_enc and not asked.request_object_encryption_alg:
        raise invalid_metadata("request_object_encryption_enc needs request_object_encryption_alg.")


def _check_pairwise(metadata: ClientMetadata, offer: Offer) -> None:
    """Redirect addresses, named or listed, prove a sector because answers go there; these grants send none there.

    A stranger who names a company's addresses would hear of its customers by the names that are the company's alone
    (Core §8.1; CIBA Core §4 asks for another proof).
    """
    if (
        metadata.subject_type == "pairwise"
        and not offer.trusted
        and _WITHOUT_A_REDIRECT & set(metadata.grant_types or ())
    ):
        raise invalid_metadata("subject_type pairwise with these grants needs an initial access token.")


def _check_backchannel(asked: ClientMetadata, metadata: ClientMetadata) -> None:
    """CIBA §4."""
    mode = metadata.backchannel_token_delivery_mode
    if _CIBA in (metadata.grant_types or ()) and mode is None:
        raise invalid_metadata("The CIBA grant needs a backchannel_token_delivery_mode.")
    if asked.backchannel_user_code_parameter:
        raise invalid_metadata("backchannel_user_code_parameter is not supported.")
