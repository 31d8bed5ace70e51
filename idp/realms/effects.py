"""What it means that a setting of Keycloak is not honoured here, by the part of a realm file that it stands in.

A key that Keycloak does not have either is somebody's misspelling, and is told as such. A known one is told with its
effect, and only where it says something: a switch that is off, an empty list and Keycloak's own default take nothing
from anybody.
"""

from __future__ import annotations

from typing import Any

_NOWHERE: tuple[Any, ...] = (None, False, "", 0, [], {}, "false", "0")
_PAGES = "Pages and letters are the provider's own."
_EVENTS = "Every event is recorded, and kept as long as the settings of the provider say."
_CLIENT_SESSIONS = "Sessions of clients live as long as the session of the user."
_REMEMBER = "Nobody is remembered beyond the session."
_OF_AN_OPERATOR = "An operator's letter opens nothing, so that nothing in it runs out."
_KEYS = "Keys are made anew: what the old ones signed is not accepted."
_ORGANIZATIONS = "There are no organizations."
_DIRECTORY = "Users who live only in the directory cannot log in: a file holds no password of theirs."
_RESOURCES = "There are no authorization services: nothing is decided by these permissions."
_ALWAYS: tuple[Any, ...] = ()

# key → (effect, values besides “nothing” that say nothing). None as effect: a fact that is derived, never a setting.
_Effects = dict[str, tuple[str | None, tuple[Any, ...]]]

_REALM: _Effects = {
    "displayNameHtml": (_PAGES, _ALWAYS),
    "notBefore": ("Tokens that Keycloak issued are not accepted here anyway.", _ALWAYS),
    "ssoSessionIdleTimeoutRememberMe": (_REMEMBER, _ALWAYS),
    "ssoSessionMaxLifespanRememberMe": (_REMEMBER, _ALWAYS),
    "clientSessionIdleTimeout": (_CLIENT_SESSIONS, _ALWAYS),
    "clientSessionMaxLifespan": (_CLIENT_SESSIONS, _ALWAYS),
    "clientOfflineSessionIdleTimeout": (_CLIENT_SESSIONS, _ALWAYS),
    "clientOfflineSessionMaxLifespan": (_CLIENT_SESSIONS, _ALWAYS),
    "actionTokenGeneratedByAdminLifespan": (_OF_AN_OPERATOR, (43200,)),
    "registrationEmailAsUsername": ("A user name is not the e-mail address.", _ALWAYS),
    "editUsernameAllowed": ("Nobody changes their user name.", _ALWAYS),
    "userManagedAccessAllowed": (_RESOURCES, _ALWAYS),
    "organizationsEnabled": (_ORGANIZATIONS, _ALWAYS),
    "organizations": (_ORGANIZATIONS, _ALWAYS),
    "adminPermissionsEnabled": ("There is no administration over HTTP.", _ALWAYS),
    "adminPermissionsClient": ("There is no administration over HTTP.", _ALWAYS),
    "verifiableCredentialsEnabled": ("No verifiable credentials are issued.", _ALWAYS),
    "scimApiEnabled": ("There is no SCIM interface.", _ALWAYS),
    "workflows": ("No workflow runs.", _ALWAYS),
    "minimumQuickLoginWaitSeconds": ("Failures in quick succession wait no longer than others.", (60,)),
    "quickLoginCheckMilliSeconds": ("Failures in quick succession wait no longer than others.", (1000,)),
    "maxSecondaryAuthFailures": ("Each factor counts its own failures, by failureFactor.", _ALWAYS),
    "requiredCredentials": ("The flows say which credentials are asked for.", (["password"],)),
    "otpPolicyInitialCounter": ("Codes are of time, not of a counter.", _ALWAYS),
    "otpSupportedApplications": (None, _ALWAYS),
    "browserSecurityHeaders": (None, _ALWAYS),
    "eventsEnabled": (_EVENTS, (True,)),
    "eventsExpiration": (_EVENTS, _ALWAYS),
    "eventsListeners": (_EVENTS, (["jboss-logging"],)),
    "enabledEventTypes": (_EVENTS, _ALWAYS),
    "adminEventsEnabled": (_EVENTS, (True,)),
    "adminEventsDetailsEnabled": (_EVENTS, (True,)),
    "directGrantFlow": ("The password grant does not run this flow.", ("direct grant",)),
    "resetCredentialsFlow": ("Nobody resets a password by this flow.", ("reset credentials",)),
    "dockerAuthenticationFlow": ("No Docker registry is served.", ("docker auth",)),
    "loginTheme": (_PAGES, ("keycloak",)),
    "accountTheme": (_PAGES, ("keycloak", "keycloak.v2", "keycloak.v3")),
    "adminTheme": (_PAGES, ("keycloak", "keycloak.v2")),
    "emailTheme": (_PAGES, ("keycloak",)),
    "federatedUsers": (_DIRECTORY, _ALWAYS),
    "userFederationProviders": (_DIRECTORY, _ALWAYS),
    "userFederationMappers": (_DIRECTORY, _ALWAYS),
    "protocolMappers": ("Mappers stand at clients and client scopes.", _ALWAYS),
    "privateKey": (_KEYS, _ALWAYS),
    "publicKey": (_KEYS, _ALWAYS),
    "certificate": (_KEYS, _ALWAYS),
    "codeSecret": (_KEYS, _ALWAYS),
    "socialProviders": ("Nobody logs in by them.", _ALWAYS),
    "clientTemplates": ("Client scopes took their place in Keycloak 4.", _ALWAYS),
}
_CLIENT: _Effects = {
    "adminUrl": ("Keycloak's adapters are not called back; a logout is told by backchannel.logout.url.", _ALWAYS),
    "surrogateAuthRequired": ("Keycloak has no use for it either.", _ALWAYS),
    "alwaysDisplayInConsole": (None, _ALWAYS),
    "notBefore": ("Tokens that Keycloak issued are not accepted here anyway.", _ALWAYS),
    "nodeReRegistrationTimeout": (None, _ALWAYS),
    "registeredNodes": (None, _ALWAYS),
    "authorizationServicesEnabled": (_RESOURCES, _ALWAYS),
    "authorizationSettings": (_RESOURCES, _ALWAYS),
    "registrationAccessToken": ("The client cannot change its registration; give it a new token.", _ALWAYS),
    "useTemplateConfig": (None, _ALWAYS),
    "useTemplateScope": (None, _ALWAYS),
    "useTemplateMappers": (None, _ALWAYS),
    "clientTemplate": ("Client scopes took its place in Keycloak 4.", _ALWAYS),
    "directGrantsOnly": ("It became standardFlowEnabled in Keycloak 2.", _ALWAYS),
    "access": (None, _ALWAYS),
    "origin": (None, _ALWAYS),
    "type": (None, _ALWAYS),
}
_USER: _Effects = {
    "totp": (None, _ALWAYS),
    "disableableCredentialTypes": (None, _ALWAYS),
    "access": (None, _ALWAYS),
    "origin": (None, _ALWAYS),
    "self": (None, _ALWAYS),
    "userProfileMetadata": (None, _ALWAYS),
    "notBefore": ("Tokens that Keycloak issued are not accepted here anyway.", _ALWAYS),
    "federationLink": (_DIRECTORY, _ALWAYS),
    "clientConsents": ("The user is asked again.", _ALWAYS),
    "applicationRoles": ("It became clientRoles in Keycloak 1.2.", _ALWAYS),
    "socialLinks": ("The user is not known to these identity providers here.", _ALWAYS),
}
_OTHERS: _Effects = {
    "id": (None, _ALWAYS),
    "internalId": (None, _ALWAYS),
    "access": (None, _ALWAYS),
    "attributes": (None, _ALWAYS),
    "links": (None, _ALWAYS),
}
_PARTS = {"Realm": _REALM, "Client": _CLIENT, "User": _USER}
_CREDENTIAL: _Effects = {"device": (None, _ALWAYS), "config": (None, _ALWAYS), "federationLink": (_DIRECTORY, _ALWAYS)}

COMPONENTS = {
    "org.keycloak.keys.KeyProvider": _KEYS,
    "org.keycloak.storage.UserStorageProvider": _DIRECTORY,
    "org.keycloak.storage.ldap.mappers.LDAPStorageMapper": _DIRECTORY,
    "org.keycloak.broker.provider.IdentityProviderMapper": "Nothing is taken over by it.",
}

DIRECTORIES = frozenset(kind for kind, told in COMPONENTS.items() if told is _DIRECTORY)


def effect(part: str, key: str, value: Any) -> str | None:
    """Return what it means that a key of a part of the file has no effect here.

    Nothing (the empty text) if the key is not Keycloak's; None if there is nothing to tell.
    """
    known = _PARTS.get(part, _CREDENTIAL if part == "Credential" else _OTHERS).get(key)
    if known is None and part == "Realm" and key.startswith("webAuthnPolicy"):
        known = ("The policies of security keys are the provider's own.", _ALWAYS)
    if known is None:
        return ""
    told, harmless = known
    return None if told is None or any(_is(value, one) for one in (*_NOWHERE, *harmless)) else told


def _is(value: Any, other: Any) -> bool:
    return type(value) is type(other) and bool(value == other)
