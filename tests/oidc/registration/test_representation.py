"""Client metadata → Keycloak's representation → client metadata: what was registered is what is given back."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.registration.completion import Offer, completed
from idp.oidc.registration.metadata import ClientMetadata, read_document, read_metadata, written
from idp.oidc.registration.representation import GRANTS, client_of_metadata, metadata_of_client
from idp.realms.representation import realm as file

ALGORITHMS = ["ES256", "RS256", "none"]
ENCRYPTION = ["ECDH-ES", "RSA-OAEP"]
TYPES = ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"]
METHODS = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "none"]
SUPPORTED: dict[str, Any] = {
    "response_types_supported": TYPES,
    "grant_types_supported": list(GRANTS),
    "subject_types_supported": ["public", "pairwise"],
    "token_endpoint_auth_methods_supported": [*METHODS, "private_key_jwt", "tls_client_auth"],
    "authorization_details_types_supported": ["payment", "accounts"],
    "backchannel_token_delivery_modes_supported": ["poll", "ping"],
    "backchannel_authentication_request_signing_alg_values_supported": ALGORITHMS[:2],
    "token_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256"],
    **{
        f"{name}_signing_alg_values_supported": ALGORITHMS
        for name in ("id_token", "userinfo", "request_object", "authorization", "introspection")
    },
    **{
        f"{name}_encryption_{part}_values_supported": values
        for name in ("id_token", "userinfo", "request_object", "authorization", "introspection")
        for part, values in (("alg", ENCRYPTION), ("enc", ["A128CBC-HS256", "A256GCM"]))
    },
}
SCOPES = ("profile", "email", "phone")
OFFER = Offer(supported=SUPPORTED, scopes=SCOPES, trusted=True)

texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=20).filter(
    lambda text: "##" not in text and not text.startswith("#") and not text.endswith("#")
)
addresses = st.from_regex(r"https://[a-z]{1,8}\.example/[a-z]{0,8}(\?[a-z]=[a-z0-9]{0,4})?", fullmatch=True)
names = st.lists(texts, min_size=1, max_size=3, unique=True).map(tuple)
algorithms, encryption = st.sampled_from(ALGORITHMS[:2]), st.sampled_from(ENCRYPTION)


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


asked = st.builds(
    ClientMetadata,
    redirect_uris=st.just(("https://client.example/callback",)),
    response_types=_maybe(st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True).map(tuple)),
    application_type=st.sampled_from([None, "web", "native"]),
    contacts=_maybe(names),
    client_name=_maybe(texts),
    client_uri=_maybe(addresses),
    logo_uri=_maybe(addresses),
    policy_uri=_maybe(addresses),
    tos_uri=_maybe(addresses),
    initiate_login_uri=_maybe(addresses),
    sector_identifier_uri=_maybe(addresses),
    scope=_maybe(st.lists(st.sampled_from([*SCOPES, "openid", "other"]), unique=True).map(" ".join)),
    software_id=_maybe(texts),
    software_version=_maybe(texts),
    jwks=_maybe(st.just({"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]})),
    subject_type=st.sampled_from([None, "public", "pairwise"]),
    id_token_signed_response_alg=_maybe(algorithms),
    id_token_encrypted_response_alg=_maybe(encryption),
    userinfo_signed_response_alg=_maybe(algorithms),
    userinfo_encrypted_response_alg=_maybe(encryption),
    request_object_signing_alg=_maybe(algorithms),
    request_object_encryption_alg=_maybe(encryption),
    authorization_signed_response_alg=_maybe(algorithms),
    authorization_encrypted_response_alg=_maybe(encryption),
    introspection_signed_response_alg=_maybe(algorithms),
    introspection_encrypted_response_alg=_maybe(encryption),
    token_endpoint_auth_method=_maybe(st.sampled_from(METHODS)),
    token_endpoint_auth_signing_alg=_maybe(algorithms),
    request_uris=_maybe(st.lists(addresses, max_size=2, unique=True).map(tuple)),
    post_logout_redirect_uris=_maybe(st.lists(addresses, max_size=2, unique=True).map(tuple)),
    default_acr_values=_maybe(names),
    default_max_age=_maybe(st.integers(0, 10**6)),
    require_auth_time=_maybe(st.booleans()),
    tls_client_certificate_bound_access_tokens=_maybe(st.booleans()),
    dpop_bound_access_tokens=_maybe(st.booleans()),
    backchannel_logout_uri=_maybe(addresses),
    backchannel_logout_session_required=_maybe(st.booleans()),
    frontchannel_logout_uri=_maybe(st.just("https://client.example/logout")),
    frontchannel_logout_session_required=_maybe(st.booleans()),
    require_pushed_authorization_requests=_maybe(st.booleans()),
    require_signed_request_object=_maybe(st.booleans()),
    authorization_details_types=_maybe(st.just(("payment", "accounts"))),
    backchannel_token_delivery_mode=_maybe(st.just("poll")),
    backchannel_authentication_request_signing_alg=_maybe(algorithms),
    translations=st.dictionaries(st.sampled_from(["client_name#sq", "client_name#it-IT"]), texts),
)


def represented(metadata: ClientMetadata) -> file.Client:
    secret = "a secret"
    return client_of_metadata(metadata, client_id="id", secret=secret, default_scopes=("roles",), pinned=True)


@given(asked)
def test_what_was_registered_is_given_back(metadata: ClientMetadata) -> None:
    complete = completed(metadata, OFFER)
    found = metadata_of_client(represented(complete))
    assert _without_empty(written(found)) == _without_empty(written(complete))


@given(asked)
def test_what_is_given_back_can_be_registered_again(metadata: ClientMetadata) -> None:
    complete = metadata_of_client(represented(completed(metadata, OFFER)))
    document = read_document(msgspec.json.encode(written(complete)))
    assert completed(read_metadata(document), OFFER) == complete


@given(asked)
def test_a_representation_survives_the_store(metadata: ClientMetadata) -> None:
    client = represented(completed(metadata, OFFER))
    assert msgspec.json.decode(msgspec.json.encode(client), type=file.Client) == client


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
members = st.sampled_from([field.name for field in msgspec.structs.fields(ClientMetadata)] + ["client_name#sq", "x"])


@given(st.dictionaries(members, json_values | st.sampled_from([*TYPES, *METHODS, "https://x.example/"]), max_size=6))
def test_whatever_stands_in_a_document_is_read_or_refused(document: dict[str, Any]) -> None:
    complete = read_or_refused(msgspec.json.encode(document))
    if isinstance(complete, ErrorCode):
        assert complete in {ErrorCode.INVALID_CLIENT_METADATA, ErrorCode.INVALID_REDIRECT_URI}
    else:
        assert msgspec.json.encode(written(metadata_of_client(represented(complete))))


@given(st.binary(max_size=200))
def test_whatever_bytes_come_are_refused(body: bytes) -> None:
    assert read_or_refused(body) is ErrorCode.INVALID_CLIENT_METADATA


def read_or_refused(body: bytes) -> ClientMetadata | ErrorCode:
    try:
        return completed(read_metadata(read_document(body)), OFFER)
    except OAuthError as refused:
        return refused.code


def _without_empty(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value != () and value is not None}
