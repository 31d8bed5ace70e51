"""Defective realms, each with its good twin: small edits of the demo's realm, a rule and a place each."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.realms.documents import Change, Document

OFFLINE_IDLE = 30 * 86400
PASSKEYS: dict[str, Any] = {"webAuthnPolicyPasswordlessPasskeysEnabled": True}
AAGUIDS: dict[str, Any] = {"webAuthnPolicyPasswordlessAcceptableAaguids": ["2fc0579f-8113-47ea-b116-bb5a8db9202a"]}


class Pair(NamedTuple):
    """`rule` finds the defect at `pointer`, and is silent about the twin: as near to the defect as it can be."""

    rule: str
    pointer: str
    defect: Change
    twin: Change


def put(**changed: object) -> Change:
    return lambda document: document.update(changed)


def client(**changed: object) -> Change:
    return lambda document: document["clients"][0].update(changed)


def realm_attribute(key: str, value: str) -> Change:
    return lambda document: document["attributes"].update({key: value})


def attribute(key: str, value: str) -> Change:
    return lambda document: document["clients"][0]["attributes"].update({key: value})


def redirect(*addresses: str) -> Change:
    return client(redirectUris=list(addresses))


def users(**user: object) -> Change:
    person = {"id": "0b0f3c1e", "username": "nobody.new", "enabled": True}
    return lambda document: document["users"].append(person | user)


def both(*changes: Change) -> Change:
    def change(document: Document) -> None:
        for one in changes:
            one(document)

    return change


def steps(*lines: tuple[str, str]) -> Change:
    """Let the login ask for these steps, in this order."""

    def change(document: Document) -> None:
        document["authenticationFlows"][1]["authenticationExecutions"] = [
            {"requirement": requirement, "priority": 10 * position, "authenticator": authenticator}
            for position, (requirement, authenticator) in enumerate(lines)
        ]

    return change


def guarded(condition: str, requirement: str = "REQUIRED") -> Change:
    """Let the login ask for a password, and for a code where the condition holds."""

    def change(document: Document) -> None:
        steps(("REQUIRED", "auth-username-password-form"))(document)
        flows: list[Any] = document["authenticationFlows"]
        flows[1]["authenticationExecutions"].append(
            {"requirement": "CONDITIONAL", "priority": 20, "authenticatorFlow": True, "flowAlias": "second"}
        )
        lines = [{"requirement": requirement, "priority": 1, "authenticator": condition}]
        lines.append({"requirement": "REQUIRED", "priority": 2, "authenticator": "auth-otp-form"})
        flows.append({"alias": "second", "authenticationExecutions": lines})

    return change


def action(**changed: object) -> Change:
    return lambda document: document["requiredActions"][0].update(changed)


def group(name: str, **changed: object) -> Change:
    inner = {"name": name} | changed
    return put(groups=[{"name": "bank", "subGroups": [inner]}], defaultGroups=["/bank/everybody"])


def role(name: str, *powers: str) -> Change:
    composites = {"client": {"realm-management": list(powers)}}
    return put(roles={"realm": [{"name": name, "composite": True, "composites": composites}]})


PASSWORD, CODE, SMS = "auth-username-password-form", "auth-otp-form", "sms-otp"
ROLES = put(roles={"realm": [{"name": "approver"}]})
PUBLIC = client(publicClient=True, secret=None)
REDIRECT = "/clients/0/redirectUris/0"
ORIGIN = "/clients/0/webOrigins/0"
HASHED = {"type": "password", "secretData": "{}", "credentialData": "{}"}

PAIRS = [
    *(
        Pair("L-SPAN", f"/{key}", put(**{key: value}), put(**{key: 1}))
        for key, value in (
            ("accessTokenLifespan", 0),
            ("accessTokenLifespanForImplicitFlow", -1),
            ("accessCodeLifespan", 0),
            ("accessCodeLifespanLogin", -5),
            ("accessCodeLifespanUserAction", 0),
            ("ssoSessionIdleTimeout", 0),
            ("ssoSessionMaxLifespan", -1),
            ("offlineSessionIdleTimeout", 0),
            ("offlineSessionMaxLifespan", 0),
        )
    ),
    Pair(
        "L-SPAN",
        "/offlineSessionMaxLifespan",
        put(offlineSessionMaxLifespan=0),
        put(offlineSessionMaxLifespan=0, offlineSessionMaxLifespanEnabled=False),
    ),
    Pair("L-SSO-IDLE", "/ssoSessionIdleTimeout", put(ssoSessionIdleTimeout=3601), put(ssoSessionIdleTimeout=3600)),
    Pair("L-SSO-MAX", "/ssoSessionMaxLifespan", put(ssoSessionMaxLifespan=86401), put(ssoSessionMaxLifespan=86400)),
    Pair("L-SSO-ORDER", "/ssoSessionIdleTimeout", put(ssoSessionMaxLifespan=899), put(ssoSessionMaxLifespan=900)),
    Pair("L-LOGIN", "/accessCodeLifespanLogin", put(accessCodeLifespanLogin=3601), put(accessCodeLifespanLogin=3600)),
    Pair(
        "L-ACTION",
        "/accessCodeLifespanUserAction",
        put(accessCodeLifespanUserAction=1801),
        put(accessCodeLifespanUserAction=1800),
    ),
    Pair(
        "L-OFFLINE",
        "/offlineSessionMaxLifespanEnabled",
        put(offlineSessionMaxLifespanEnabled=False),
        both(
            put(offlineSessionMaxLifespanEnabled=False),
            lambda document: [one.update(optionalClientScopes=[]) for one in document["clients"]],
        ),
    ),
    Pair(
        "L-OFFLINE-IDLE",
        "/offlineSessionIdleTimeout",
        put(offlineSessionIdleTimeout=OFFLINE_IDLE + 1),
        put(offlineSessionIdleTimeout=OFFLINE_IDLE),
    ),
    Pair(
        "L-CLIENT-TOKEN",
        "/clients/0/attributes/access.token.lifespan",
        attribute("access.token.lifespan", "901"),
        attribute("access.token.lifespan", "900"),
    ),
    Pair(
        "R-NOTICES",
        "/attributes/hyrja.securityNotices",
        lambda document: document["attributes"].update({"hyrja.securityNotices": "none"}),
        lambda document: document["attributes"].update({"hyrja.securityNotices": "email sms"}),
    ),
    Pair("T-REUSE", "/refreshTokenMaxReuse", put(refreshTokenMaxReuse=1), put(refreshTokenMaxReuse=0)),
    Pair(
        "T-REUSE",
        "/refreshTokenMaxReuse",
        put(refreshTokenMaxReuse=1),
        put(refreshTokenMaxReuse=1, revokeRefreshToken=False),
    ),
    Pair(
        "T-PUBLIC-REFRESH",
        "/clients/0",
        both(PUBLIC, put(revokeRefreshToken=False)),
        both(PUBLIC, put(revokeRefreshToken=False), attribute("dpop.bound.access.tokens", "true")),
    ),
    Pair("T-PUBLIC-REFRESH", "/clients/0", both(PUBLIC, put(revokeRefreshToken=False)), PUBLIC),
    Pair(
        "P-COMPOSITION",
        "/passwordPolicy",
        put(passwordPolicy="length(8) and passwordBlacklist(common) and specialChars(1)"),
        put(passwordPolicy="length(8) and passwordBlacklist(common) and specialChars(0)"),
    ),
    Pair(
        "P-SHORT",
        "/passwordPolicy",
        put(passwordPolicy="length(7) and passwordBlacklist(common)"),
        put(passwordPolicy="length(8) and passwordBlacklist(common)"),
    ),
    Pair(
        "P-LONG",
        "/passwordPolicy",
        put(passwordPolicy="length(8) and maxLength(63) and passwordBlacklist(common)"),
        put(passwordPolicy="length(8) and maxLength(64) and passwordBlacklist(common)"),
    ),
    Pair(
        "P-COMMON",
        "/passwordPolicy",
        put(passwordPolicy="length(8)"),
        put(passwordPolicy="length(8) and passwordBlacklist(common)"),
    ),
    Pair("B-WAIT", "/waitIncrementSeconds", put(waitIncrementSeconds=0), put(waitIncrementSeconds=1)),
    Pair("B-WAIT", "/maxFailureWaitSeconds", put(maxFailureWaitSeconds=0), put(maxFailureWaitSeconds=60)),
    Pair("B-FORGET", "/maxDeltaTimeSeconds", put(maxDeltaTimeSeconds=3599), put(maxDeltaTimeSeconds=3600)),
    Pair("B-LATE", "/maxTemporaryLockouts", put(maxTemporaryLockouts=20), put(maxTemporaryLockouts=19)),
    Pair(
        "R-EMAIL-LOGIN",
        "/duplicateEmailsAllowed",
        put(duplicateEmailsAllowed=True, loginWithEmailAllowed=True),
        put(duplicateEmailsAllowed=True, loginWithEmailAllowed=False),
    ),
    Pair(
        "R-DEFAULT-LOCALE",
        "/defaultLocale",
        put(supportedLocales=["sq", "en"], defaultLocale="it"),
        put(supportedLocales=["sq", "en"], defaultLocale="en"),
    ),
    Pair(
        "A-DEFAULT-OFF",
        "/requiredActions/0/defaultAction",
        action(enabled=False, defaultAction=True),
        action(enabled=False, defaultAction=False),
    ),
    Pair(
        "F-ONE-FACTOR",
        "/authenticationFlows/0",
        steps(("REQUIRED", PASSWORD), ("DISABLED", CODE)),
        steps(("REQUIRED", PASSWORD), ("REQUIRED", CODE)),
    ),
    Pair(
        "F-OPTIONAL-FACTOR",
        "/authenticationFlows/0",
        guarded("conditional-user-configured"),
        guarded("conditional-level-of-authentication"),
    ),
    Pair(
        "F-EMAIL-FACTOR",
        "/authenticationFlows/0",
        steps(("REQUIRED", PASSWORD), ("REQUIRED", CODE), ("REQUIRED", "email-otp")),
        steps(("REQUIRED", PASSWORD), ("REQUIRED", CODE)),
    ),
    Pair(
        "F-SMS-ONLY",
        "/authenticationFlows/0",
        steps(("REQUIRED", PASSWORD), ("REQUIRED", SMS)),
        steps(("REQUIRED", PASSWORD), ("REQUIRED", SMS), ("REQUIRED", CODE)),
    ),
    Pair(
        "R-WEBAUTHN",
        "/webAuthnPolicySignatureAlgorithms",
        put(webAuthnPolicySignatureAlgorithms=["ES256", "RS1"]),
        put(webAuthnPolicySignatureAlgorithms=["ES256", "RS256"]),
    ),
    Pair(
        "R-WEBAUTHN",
        "/webAuthnPolicyRpId",
        put(webAuthnPolicyRpId="https://login.bank.al"),
        put(webAuthnPolicyRpId="login.bank.al"),
    ),
    Pair(
        "F-PASSKEY-UNLOCKED",
        "/webAuthnPolicyPasswordlessUserVerificationRequirement",
        put(**PASSKEYS, webAuthnPolicyPasswordlessUserVerificationRequirement="preferred"),
        put(**PASSKEYS, webAuthnPolicyPasswordlessUserVerificationRequirement="required"),
    ),
    Pair(
        "F-SYNCED-PASSKEY",
        "/attributes/hyrja.webauthn.syncedPasskeys",
        both(put(**PASSKEYS), realm_attribute("hyrja.webauthn.syncedPasskeys", "two-factors")),
        both(put(**PASSKEYS), realm_attribute("hyrja.webauthn.syncedPasskeys", "one-factor")),
    ),
    Pair(
        "F-AAGUID-UNATTESTED",
        "/webAuthnPolicyPasswordlessAcceptableAaguids",
        put(**PASSKEYS, **AAGUIDS, webAuthnPolicyPasswordlessAttestationConveyancePreference="indirect"),
        put(**PASSKEYS, **AAGUIDS, webAuthnPolicyPasswordlessAttestationConveyancePreference="direct"),
    ),
    Pair(
        "U-ADMIN",
        "/users/2/clientRoles/realm-management/1",
        users(clientRoles={"realm-management": ["view-users", "manage-users"]}),
        users(clientRoles={"realm-management": ["view-users", "query-users"], "cards": ["manage-cards"]}),
    ),
    Pair("U-ADMIN", "/users/2/realmRoles/0", users(realmRoles=["admin"]), users(realmRoles=["approver"])),
    Pair("U-CLIENT", "/users/2/id", users(id="cards"), users(id="Cards")),
    Pair(
        "U-PASSWORD",
        "/users/2/credentials/0/value",
        users(credentials=[{"type": "password", "value": "in clear"}]),
        users(credentials=[HASHED]),
    ),
    Pair(
        "U-EVERYBODY",
        "/defaultRole/composites/client/realm-management/0",
        put(defaultRole={"name": "d", "composites": {"client": {"realm-management": ["realm-admin"]}}}),
        put(defaultRole={"name": "d", "composites": {"client": {"account": ["manage-account"]}}}),
    ),
    Pair(
        "U-EVERYBODY",
        "/roles/realm/0/composites/client/realm-management/0",
        role("default-roles-small-business", "impersonation"),
        role("administrators", "impersonation"),
    ),
    Pair(
        "U-EVERYBODY",
        "/groups/0/subGroups/0/realmRoles/0",
        group("everybody", realmRoles=["admin"]),
        group("administrators", realmRoles=["admin"]),
    ),
    Pair(
        "C-FULL-SCOPE",
        "/clients/0/fullScopeAllowed",
        both(ROLES, client(fullScopeAllowed=True)),
        both(ROLES, client(fullScopeAllowed=False)),
    ),
    Pair(
        "C-FULL-SCOPE",
        "/clients/0/fullScopeAllowed",
        both(ROLES, client(fullScopeAllowed=True)),
        both(ROLES, client(fullScopeAllowed=True, standardFlowEnabled=False)),
    ),
    Pair(
        "C-OFFLINE-DEFAULT",
        "/clients/0/defaultClientScopes",
        client(defaultClientScopes=["offline_access"]),
        client(defaultClientScopes=[], optionalClientScopes=["offline_access"]),
    ),
    Pair("C-REDIRECT-HOST", REDIRECT, redirect("https://bank.example*"), redirect("https://bank.example/*")),
    Pair("C-REDIRECT-USER", REDIRECT, redirect("https://bank@x.example/a"), redirect("https://x.example/bank@a")),
    Pair("C-REDIRECT-SCHEME", REDIRECT, redirect("bank:/callback"), redirect("example.bank.app:/callback")),
    Pair(
        "C-ORIGIN-HTTP",
        ORIGIN,
        client(webOrigins=["http://bank.example"]),
        client(webOrigins=["http://localhost:3000"]),
    ),
    Pair(
        "C-ORIGIN-PATH",
        ORIGIN,
        client(webOrigins=["https://bank.example/"]),
        client(webOrigins=["https://bank.example"]),
    ),
    Pair(
        "C-OUTBOUND",
        "/clients/0/attributes/backchannel.logout.url",
        attribute("backchannel.logout.url", "https://169.254.169.254/latest"),
        attribute("backchannel.logout.url", "https://169.example/latest"),
    ),
]
