"""Realm documents as Keycloak of several versions wrote them, written by hand from its source; small, but whole."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from typing import Any

from argon2.low_level import Type, hash_secret_raw

Document = dict[str, Any]
PASSWORD = "Fjalëkalimi i Adës 1"
TOKEN_KEY = "aXkPq2mVb7tRz4nWc9sL"
"""Without `secretEncoding` the text itself is the key."""
_SALT = b"sixteen bytes ok"


def line(authenticator: str, requirement: str, priority: int, **more: Any) -> Document:
    written = {"authenticator": authenticator, "requirement": requirement, "priority": priority, **more}
    return {**written, "authenticatorFlow": False, "autheticatorFlow": False, "userSetupAllowed": False}


def below(alias: str, requirement: str, priority: int) -> Document:
    """A sub-flow's line, with Keycloak's legacy spelling alone, as versions before 17 had it."""
    return {"flowAlias": alias, "requirement": requirement, "priority": priority, "autheticatorFlow": True}


def flow(alias: str, *lines: Document, top: bool = False) -> Document:
    head = {"alias": alias, "providerId": "basic-flow", "topLevel": top, "builtIn": True}
    return {**head, "authenticationExecutions": list(lines)}


def _browser(*second: Document, extra: tuple[Document, ...] = ()) -> list[Document]:
    top = (
        line("auth-cookie", "ALTERNATIVE", 10),
        line("auth-spnego", "DISABLED", 20),
        line("identity-provider-redirector", "ALTERNATIVE", 25),
    )
    return [
        flow("browser", *top, *extra, below("forms", "ALTERNATIVE", 30), top=True),
        flow("forms", line("auth-username-password-form", "REQUIRED", 10), *second),
    ]


def _conditional(name: str, *steps: Document) -> Document:
    return flow(name, line("conditional-user-configured", "REQUIRED", 10), *steps)


_OTP = line("auth-otp-form", "REQUIRED", 20)
_CONDITIONAL_OTP = below("Browser - Conditional OTP", "CONDITIONAL", 20)


def pbkdf2(algorithm: str, iterations: int, size: int) -> tuple[Document, Document]:
    """Return secretData and credentialData of a password that Keycloak hashed."""
    digest = {"pbkdf2": "sha1", "pbkdf2-sha256": "sha256", "pbkdf2-sha512": "sha512"}[algorithm]
    value = hashlib.pbkdf2_hmac(digest, PASSWORD.encode(), _SALT, iterations, dklen=size)
    secret = {"value": base64.b64encode(value).decode(), "salt": base64.b64encode(_SALT).decode()}
    return {**secret, "additionalParameters": {}}, {"algorithm": algorithm, "hashIterations": iterations}


def argon2() -> tuple[Document, Document]:
    value = hash_secret_raw(PASSWORD.encode(), _SALT, 5, 7168, 1, 32, Type.ID, 0x13)
    secret = {"value": base64.b64encode(value).decode(), "salt": base64.b64encode(_SALT).decode()}
    parameters = {"hashLength": ["32"], "memory": ["7168"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}
    return secret, {"hashIterations": 5, "algorithm": "argon2", "additionalParameters": parameters}


def hashed(secret: Document, described: Document) -> Document:
    return {"type": "password", "secretData": json.dumps(secret), "credentialData": json.dumps(described)}


def token() -> Document:
    described = {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1"}
    return {"type": "otp", "secretData": json.dumps({"value": TOKEN_KEY}), "credentialData": json.dumps(described)}


def salted() -> list[Document]:
    """The credentials of a user as Keycloak up to 8 wrote them."""
    secret, described = pbkdf2("pbkdf2-sha256", 27500, 64)
    rest = {"counter": 0, "digits": 0, "period": 0, "config": {}, "createdDate": 1540000000000}
    password = {"type": "password", "hashedSaltedValue": secret["value"], "salt": secret["salt"], **rest, **described}
    otp = {"type": "totp", "hashedSaltedValue": TOKEN_KEY, "hashIterations": 0, "algorithm": "HmacSHA1", **rest}
    return [password, {**otp, "digits": 6, "period": 30}]


def person(*credentials: Document) -> Document:
    return {
        "username": "ada",
        "enabled": True,
        "emailVerified": True,
        "email": "ada@example.al",
        "firstName": "Ada",
        "lastName": "Leka",
        "credentials": list(credentials),
        "disableableCredentialTypes": [],
        "requiredActions": [],
        "realmRoles": ["offline_access", "uma_authorization"],
        "notBefore": 0,
        "groups": [],
    }


CLIENT: Document = {
    "clientId": "app",
    "rootUrl": "http://localhost:8090",
    "redirectUris": ["/app/*"],
    "webOrigins": ["+"],
    "publicClient": True,
    "directAccessGrantsEnabled": True,
    "surrogateAuthRequired": False,
    "notBefore": 0,
    "attributes": {},
}
CONSOLE: Document = {
    "clientId": "account",
    "name": "${client_account}",
    "rootUrl": "${authBaseUrl}",
    "baseUrl": "/realms/shop/account/",
    "redirectUris": ["/realms/shop/account/*"],
    "publicClient": True,
}


def _realm(version: str, credentials: list[Document], **more: Any) -> Document:
    return {
        "id": "shop",
        "realm": "shop",
        "enabled": True,
        "sslRequired": "external",
        "keycloakVersion": version,
        "clients": [CLIENT, CONSOLE],
        "users": [person(*credentials)],
        **copy.deepcopy(more),
    }


def _actions(*aliases: str) -> list[Document]:
    return [
        {"alias": alias, "name": alias, "providerId": alias, "enabled": True, "defaultAction": False, "priority": n}
        for n, alias in enumerate(aliases)
    ]


_ORGANIZATION = below("Organization", "ALTERNATIVE", 26)
_ORGANIZATIONS = [
    flow("Organization", below("Browser - Conditional Organization", "CONDITIONAL", 10)),
    _conditional("Browser - Conditional Organization", line("organization", "ALTERNATIVE", 20)),
]

DOCUMENTS: dict[str, Document] = {
    # Keycloak 6, imported into 9: OPTIONAL steps, salted credentials, lists of default roles, old names of actions.
    "6.0.1": _realm(
        "6.0.1",
        salted(),
        authenticationFlows=_browser(line("auth-otp-form", "OPTIONAL", 20)),
        requiredActions=[
            *_actions("CONFIGURE_TOTP", "UPDATE_PASSWORD"),
            {"alias": "terms_and_conditions", "providerId": "terms_and_conditions", "enabled": False},
        ],
        requiredCredentials=["password"],
        defaultRoles=["offline_access", "uma_authorization"],
        browserFlow="browser",
    ),
    "9.0.3": _realm(
        "9.0.3",
        [hashed(*pbkdf2("pbkdf2", 20000, 64)), token()],
        authenticationFlows=[*_browser(_CONDITIONAL_OTP), _conditional("Browser - Conditional OTP", _OTP)],
        defaultRoles=["offline_access", "uma_authorization"],
        browserFlow="browser",
        bruteForceProtected="true",
        accessTokenLifespan="300",
    ),
    "16.1.1": _realm(
        "16.1.1",
        [hashed(*pbkdf2("pbkdf2-sha256", 27500, 64)), token()],
        authenticationFlows=[
            *_browser(_CONDITIONAL_OTP),
            _conditional("Browser - Conditional OTP", _OTP),
            flow("http challenge", line("no-cookie-redirect", "REQUIRED", 10), top=True),
        ],
        browserFlow="browser",
        defaultRole={"name": "default-roles-shop"},
        roles={"realm": [{"name": "default-roles-shop", "composite": True}]},
    ),
    "22.0.1": _realm("22.0.1", [hashed(*pbkdf2("pbkdf2-sha512", 21000, 64)), token()]),
    "26.0.0": _realm(
        "26.0.0",
        [hashed(*argon2()), token()],
        authenticationFlows=[
            *_browser(_CONDITIONAL_OTP, extra=(_ORGANIZATION,)),
            *_ORGANIZATIONS,
            _conditional("Browser - Conditional OTP", _OTP),
        ],
        organizationsEnabled=False,
        browserFlow="browser",
    ),
    "26.4.5": _realm(
        "26.4.5",
        [hashed(*argon2()), token()],
        authenticationFlows=[
            *_browser(below("Browser - Conditional 2FA", "CONDITIONAL", 20), extra=(_ORGANIZATION,)),
            *_ORGANIZATIONS,
            _conditional(
                "Browser - Conditional 2FA",
                line("auth-otp-form", "ALTERNATIVE", 30),
                line("webauthn-authenticator", "DISABLED", 40),
                line("auth-recovery-authn-code-form", "DISABLED", 50),
            ),
        ],
        browserFlow="browser",
    ),
}
