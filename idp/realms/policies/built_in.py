"""The client profiles that every realm has, with Keycloak's names and contents (its default client profiles).

Where Keycloak's profiles leave to the administrator what the specification demands, they say it here: no rotation of
refresh tokens, no password and no implicit grant in FAPI 2.0 (Security Profile §5.3.2.1 (2), (9)).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from idp.model.clients.policy import PolicyPart

_AUTO = {"auto-configure": True}
_Rows = Iterable[tuple[str, dict[str, Any]]]


def _profile(*rows: _Rows) -> tuple[PolicyPart, ...]:
    return tuple(PolicyPart(name=name, configuration=configuration) for part in rows for name, configuration in part)


def _authenticators(*allowed: str) -> dict[str, Any]:
    return {"allowed-client-authenticators": list(allowed), "default-client-authenticator": "client-jwt"}


_CUSTOMER_DECIDES: _Rows = [("consent-required", _AUTO), ("full-scope-disabled", _AUTO)]
_SECURE_SIGNATURES: _Rows = [
    ("secure-signature-algorithm", {"default-algorithm": "PS256"}),
    ("secure-signature-algorithm-signed-jwt", {"require-client-assertion": False}),
]
_SIGNED_REQUEST: _Rows = [("secure-request-object", {"available-period": "3600", "verify-nbf": True})]
_NO_OLD_GRANTS: _Rows = [("reject-ropc-grant", _AUTO), ("reject-implicit-grant", _AUTO)]
_FAPI_2: _Rows = [
    ("confidential-client", {}),
    ("secure-client-authenticator", _authenticators("client-jwt", "client-x509")),
    ("secure-client-authentication-assertion", {}),
    ("secure-client-uris", {}),
    *_SECURE_SIGNATURES,
    *_CUSTOMER_DECIDES,
    *_NO_OLD_GRANTS,
    ("pkce-enforcer", _AUTO),
    ("secure-par-content", {}),
    ("suppress-refresh-token-rotation", {}),
]
_CERTIFICATE: _Rows = [("holder-of-key-enforcer", _AUTO)]
_DPOP: _Rows = [("dpop-bind-enforcer", _AUTO)]
_OAUTH_2_1_REDIRECTS = {"oauth-2-1-compliant": True}
_NATIVE_REDIRECTS = {
    **_OAUTH_2_1_REDIRECTS,
    "allow-http-scheme": True,
    "allow-ipv4-loopback-address": True,
    "allow-ipv6-loopback-address": True,
    "allow-private-use-uri-scheme": True,
}

BUILT_IN_PROFILES: Mapping[str, tuple[PolicyPart, ...]] = {
    "fapi-1-baseline": _profile(
        [
            ("secure-session", {}),
            ("pkce-enforcer", _AUTO),
            ("secure-client-authenticator", _authenticators("client-jwt", "client-secret-jwt", "client-x509")),
            ("secure-client-uris", {}),
        ],
        _CUSTOMER_DECIDES,
    ),
    "fapi-1-advanced": _profile(
        [
            ("secure-session", {}),
            ("confidential-client", {}),
            ("secure-client-authenticator", _authenticators("client-jwt", "client-x509")),
            ("secure-client-uris", {}),
        ],
        _SIGNED_REQUEST,
        [("secure-response-type", {"auto-configure": True, "allow-token-response-type": False})],
        _SECURE_SIGNATURES,
        _CUSTOMER_DECIDES,
        _CERTIFICATE,
    ),
    "fapi-ciba": _profile(
        [
            ("secure-ciba-req-sig-algorithm", {"default-algorithm": "PS256"}),
            ("secure-ciba-session", {}),
            ("secure-ciba-signed-authn-req", {"available-period": "3600"}),
        ],
    ),
    "fapi-2-security-profile": _profile(_FAPI_2, _CERTIFICATE),
    "fapi-2-message-signing": _profile(_FAPI_2, _CERTIFICATE, _SIGNED_REQUEST),
    "fapi-2-dpop-security-profile": _profile(_FAPI_2, _DPOP),
    "fapi-2-dpop-message-signing": _profile(_FAPI_2, _DPOP, _SIGNED_REQUEST),
    "oauth-2-1-for-confidential-client": _profile(
        [
            ("confidential-client", {}),
            ("secure-client-authenticator", _authenticators("client-jwt", "client-secret-jwt", "client-x509")),
            ("secure-redirect-uris-enforcer", _OAUTH_2_1_REDIRECTS),
            ("pkce-enforcer", _AUTO),
        ],
        _NO_OLD_GRANTS,
    ),
    "oauth-2-1-for-public-client": _profile(
        [("secure-redirect-uris-enforcer", _NATIVE_REDIRECTS), ("pkce-enforcer", _AUTO)],
        _NO_OLD_GRANTS,
        _DPOP,
    ),
    "saml-security-profile": _profile(
        [
            ("saml-secure-client-uris", {}),
            ("saml-signature-enforcer", {}),
            ("saml-avoid-redirect-binding", {}),
        ],
    ),
}
