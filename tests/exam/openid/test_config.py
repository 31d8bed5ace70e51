"""The Config plan: the discovery document and the keys (OpenID Discovery §3, §4; RFC 8414 §2; RFC 7517)."""

from __future__ import annotations

import base64
from typing import Any

from tests.exam.openid.examiner import Examiner

# The members that the specifications have registered, as far as this provider could have a use for them.
KNOWN = {
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "registration_endpoint",
    "end_session_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
    "device_authorization_endpoint",
    "pushed_authorization_request_endpoint",
    "backchannel_authentication_endpoint",
    "check_session_iframe",
    "mtls_endpoint_aliases",
    "scopes_supported",
    "response_types_supported",
    "response_modes_supported",
    "grant_types_supported",
    "acr_values_supported",
    "subject_types_supported",
    "display_values_supported",
    "claim_types_supported",
    "claims_supported",
    "ui_locales_supported",
    "prompt_values_supported",
    "code_challenge_methods_supported",
    "authorization_details_types_supported",
    "op_policy_uri",
    "op_tos_uri",
    "service_documentation",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "revocation_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_signing_alg_values_supported",
    "introspection_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_signing_alg_values_supported",
    "id_token_signing_alg_values_supported",
    "id_token_encryption_alg_values_supported",
    "id_token_encryption_enc_values_supported",
    "userinfo_signing_alg_values_supported",
    "userinfo_encryption_alg_values_supported",
    "userinfo_encryption_enc_values_supported",
    "request_object_signing_alg_values_supported",
    "request_object_encryption_alg_values_supported",
    "request_object_encryption_enc_values_supported",
    "authorization_signing_alg_values_supported",
    "authorization_encryption_alg_values_supported",
    "authorization_encryption_enc_values_supported",
    "introspection_signing_alg_values_supported",
    "introspection_encryption_alg_values_supported",
    "introspection_encryption_enc_values_supported",
    "dpop_signing_alg_values_supported",
    "claims_parameter_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "require_request_uri_registration",
    "require_pushed_authorization_requests",
    "require_signed_request_object",
    "authorization_response_iss_parameter_supported",
    "tls_client_certificate_bound_access_tokens",
    "backchannel_logout_supported",
    "backchannel_logout_session_supported",
    "frontchannel_logout_supported",
    "frontchannel_logout_session_supported",
    "backchannel_token_delivery_modes_supported",
    "backchannel_user_code_parameter_supported",
    "backchannel_authentication_request_signing_alg_values_supported",
}
_FLAGS = ("claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported")


def test_discovery_is_json_at_the_address_that_the_issuer_gives(examiner: Examiner) -> None:
    reply = examiner.discovered
    assert reply.status_code == 200
    assert reply.headers["content-type"].partition(";")[0] == "application/json"
    assert examiner.metadata["issuer"] == examiner.issuer
    assert examiner.issuer.startswith("https://")
    assert not {"?", "#", "@"} & set(examiner.issuer)


def test_discovery_has_no_member_that_is_not_registered(examiner: Examiner) -> None:
    assert examiner.metadata.keys() <= KNOWN


def test_every_address_is_https(examiner: Examiner) -> None:
    places = {**examiner.metadata, **examiner.metadata["mtls_endpoint_aliases"]}
    addresses = [value for name, value in places.items() if name.endswith(("_endpoint", "_uri", "_iframe"))]
    assert len(addresses) >= 10
    assert all(address.startswith("https://") for address in addresses)


def test_what_the_profiles_require_is_listed(examiner: Examiner) -> None:
    found = examiner.metadata
    assert {"code", "id_token", "id_token token", "code id_token"} <= set(found["response_types_supported"])
    assert {"authorization_code", "implicit", "refresh_token"} <= set(found["grant_types_supported"])
    assert {"public", "pairwise"} >= set(found["subject_types_supported"])
    assert "openid" in found["scopes_supported"]
    assert "RS256" in found["id_token_signing_alg_values_supported"]
    assert {"RS256", "none"} <= set(found["request_object_signing_alg_values_supported"])
    assert {"sub", "name", "email"} <= set(found["claims_supported"])
    assert "S256" in found["code_challenge_methods_supported"]
    assert all(found[name] is True for name in _FLAGS)


def test_lists_are_lists_of_different_texts(examiner: Examiner) -> None:
    lists = [
        value for name, value in examiner.metadata.items() if name.endswith("_supported") and value not in (True, False)
    ]
    for found in lists:
        assert isinstance(found, list)
        assert all(isinstance(one, str) and one for one in found)
        assert len(set(found)) == len(found) > 0


def test_the_keys_are_public_complete_and_named_once(examiner: Examiner) -> None:
    check_keys(examiner.jwks())


def check_keys(jwks: dict[str, Any]) -> None:
    """Hold a JWK set to RFC 7517 §4, RFC 7518 §6 and OpenID Connect Core §10.1."""
    keys = jwks["keys"]
    assert len({key["kid"] for key in keys}) == len(keys)
    assert any(key["kty"] == "RSA" and key.get("alg") in {None, "RS256"} and key["use"] == "sig" for key in keys)
    for key in keys:
        assert not {"d", "p", "q", "dp", "dq", "qi", "oth", "k"} & key.keys()
        assert key["kty"] in {"RSA", "EC", "OKP"}
        assert key["use"] in {"sig", "enc"}
        members = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",)}[key["kty"]]
        for member in members:
            assert "=" not in key[member]
            number = base64.urlsafe_b64decode(key[member] + "=" * (-len(key[member]) % 4))
            assert member != "n" or len(number) * 8 >= 2048


def test_logout_plans_find_what_they_need(examiner: Examiner) -> None:
    found = examiner.metadata
    assert {"end_session_endpoint", "check_session_iframe"} <= found.keys()
    flags = [
        f"{channel}_logout_{kind}supported" for channel in ("backchannel", "frontchannel") for kind in ("", "session_")
    ]
    assert all(found[flag] is True for flag in flags)
