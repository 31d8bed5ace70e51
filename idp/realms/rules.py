"""Rules over a realm file: what is wrong, or unwise for a bank, with the reference in the words of the finding.

Rules about the shape of flows stand in `idp.flows.findings.shapes`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from idp.model.client import Client
from idp.model.finding import Finding
from idp.model.realm import Realm
from idp.realms.building import LOCALES, SOFT_TOKEN_FLOW_ATTRIBUTE
from idp.realms.clients.display import display_findings
from idp.realms.clients.keys import SECRETLESS
from idp.realms.clients.rules.foreign import OPENID_CONNECT, foreign_findings
from idp.realms.clients.rules.keys import authentication_findings
from idp.realms.clients.rules.logout import logout_findings
from idp.realms.clients.rules.pending import pending_findings
from idp.realms.clients.rules.protection import protection_findings
from idp.realms.clients.rules.requests import known_names_findings, pushed_request_findings, request_findings
from idp.realms.representation import realm as file
from idp.realms.review import review_findings
from idp.realms.review.steps import enabled_steps
from idp.realms.topics.key_rules import key_findings
from idp.realms.topics.registration import registration_findings
from idp.realms.users.seeds import UserSeed, delivers_by_sms
from idp.realms.values import error, warning

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SHORTEST_SECRET = 16
_RTS_FAILURES = 5
_CODE_LIFESPAN = 60
_LOOK_AHEAD = 10
_ACCESS_TOKEN_LIFESPAN = 900


def realm_findings(found: file.Realm, realm: Realm, users: tuple[UserSeed, ...]) -> Iterator[Finding]:
    """Yield every finding about settings, clients and users."""
    yield from _settings(found, realm)
    yield from _duplicates(found)
    yield from _protection(realm)
    for position, client in enumerate(found.clients):
        yield from foreign_findings(client, f"/clients/{position}")
        if client.protocol != OPENID_CONNECT:
            continue  # its addresses and keys are of the other protocol
        yield from client_findings(client, realm.clients[client.client_id], f"/clients/{position}")
        yield from known_names_findings(realm, realm.clients[client.client_id], f"/clients/{position}")
    yield from pushed_request_findings(realm)
    yield from _one_channel(realm, users)
    yield from key_findings(realm)
    yield from registration_findings(realm)
    yield from review_findings(found, realm)


def _settings(found: file.Realm, realm: Realm) -> Iterator[Finding]:
    if not _NAME.fullmatch(found.realm):
        yield error(
            "R-NAME", "/realm", f"“{found.realm}” cannot be part of an address.", "Use letters, digits, ., - and _."
        )
    if not found.enabled:
        yield warning(
            "R-DISABLED", "/enabled", "The realm is disabled (Keycloak's meaning of an absent key).", "Set true."
        )
    for position, locale in enumerate(found.supported_locales):
        if locale not in LOCALES:
            known = ", ".join(LOCALES)
            yield warning(
                "R-LOCALE", f"/supportedLocales/{position}", f"There are no texts in “{locale}”.", f"Use {known}."
            )
    yield from _one_time_codes(found)
    yield from _terms(realm)


def _one_time_codes(found: file.Realm) -> Iterator[Finding]:
    if found.otp_policy_type not in {"totp", "hotp"}:
        yield error("R-OTP", "/otpPolicyType", "A code is made by time or by counter.", "Set totp, or hotp.")
    if found.otp_policy_digits not in {6, 8}:
        yield error("R-OTP", "/otpPolicyDigits", "A code has 6 or 8 digits (RFC 4226 §5.3).", "Set 6.")
    if not 1 <= found.otp_policy_period <= 120:  # noqa: PLR2004 - NIST SP 800-63B-4 §3.1.4: at most two minutes
        yield error("R-OTP", "/otpPolicyPeriod", "A time step is 1 to 120 seconds.", "Set 30.")
    by_counter = found.otp_policy_type == "hotp"
    if by_counter and found.otp_policy_look_ahead_window > _LOOK_AHEAD:
        problem = "So many codes are good at once that guessing one becomes likely (RFC 4226 §7.2)."
        yield warning("R-OTP-WINDOW", "/otpPolicyLookAheadWindow", problem, f"Set {_LOOK_AHEAD} or less.")
    if not by_counter and found.otp_policy_look_ahead_window > 1:
        problem = "More than one step of tolerance is not granted: the step before counts for its first ten seconds."
        yield warning("R-OTP-WINDOW", "/otpPolicyLookAheadWindow", problem, "Set 1, or 0 for none.")
    if found.otp_policy_code_reusable:
        yield error("R-OTP-REUSE", "/otpPolicyCodeReusable", "A code is accepted once (RFC 6238 §5.2).", "Set false.")


def _terms(realm: Realm) -> Iterator[Finding]:
    for setting in realm.required_actions:
        if setting.alias != "TERMS_AND_CONDITIONS" or not setting.enabled:
            continue
        for locale in realm.locales:
            if not realm.texts.get(locale, {}).get("termsText"):
                yield error(
                    "R-TERMS",
                    f"/localizationTexts/{locale}/termsText",
                    f"TERMS_AND_CONDITIONS is enabled, but there is no text of the terms in “{locale}”.",
                    "Add termsText for every supported locale; paragraphs are separated by an empty line.",
                )


def _duplicates(found: file.Realm) -> Iterator[Finding]:
    lists = {
        "clients": [client.client_id for client in found.clients],
        "authenticationFlows": [flow.alias for flow in found.authentication_flows],
        "authenticatorConfig": [config.alias for config in found.authenticator_config],
        "clientScopes": [scope.name for scope in found.client_scopes],
        "roles/realm": [role.name for role in found.roles.realm],
        "requiredActions": [action.alias for action in found.required_actions or ()],
    }
    for name, keys in lists.items():
        for key, count in Counter(keys).items():
            if count > 1:
                yield error("R-DUPLICATE", f"/{name}", f"“{key}” appears {count} times.", "Keep one of them.")


def _protection(realm: Realm) -> Iterator[Finding]:
    policy = realm.brute_force
    if not policy.protected:
        problem = "Failures are not counted: guessing never ends (RTS (EU) 2018/389 Art. 4(3)(b))."
        yield warning("B-OFF", "/bruteForceProtected", problem, "Set true.")
    elif policy.failure_factor > _RTS_FAILURES:
        problem = "More than five failures before a lock (RTS (EU) 2018/389 Art. 4(3)(b))."
        yield warning("B-FACTOR", "/failureFactor", problem, "Set 5.")
    if policy.protected and not policy.permanent_lockout:
        problem = "Temporary locks alone do not protect a six-digit code for long."
        yield warning("B-TEMPORARY", "/permanentLockout", problem, "Set true, with maxTemporaryLockouts.")
    if realm.lifespans.access_code > _CODE_LIFESPAN:
        problem = "An authorization code lives longer than 60 seconds (FAPI 2.0 §5.3.2.1)."
        yield warning("L-CODE", "/accessCodeLifespan", problem, "Set 60 or less.")
    if realm.lifespans.access_token > _ACCESS_TOKEN_LIFESPAN:
        problem = "An access token lives longer than 15 minutes; one that was stolen is good for as long."
        yield warning("L-ACCESS-TOKEN", "/accessTokenLifespan", problem, "Set 300.")
    if realm.lifespans.implicit_access_token > _ACCESS_TOKEN_LIFESPAN:
        problem = "An access token that went through a browser lives longer than 15 minutes."
        yield warning("L-ACCESS-TOKEN", "/accessTokenLifespanForImplicitFlow", problem, "Set 900 or less.")
    if not any(rule.name == "length" for rule in realm.password_policy):
        problem = "There is no shortest length of a password (NIST SP 800-63B-4 §3.1.1.2: 8 with a second factor)."
        yield warning("P-LENGTH", "/passwordPolicy", problem, "Add length(8) or more.")


def client_findings(written: file.Client, client: Client, pointer: str) -> Iterator[Finding]:
    """Yield every finding about one client."""
    for position, uri in enumerate(client.redirect_uris):
        yield from _redirect_uri(client, uri, f"{pointer}/redirectUris/{position}")
    if (client.standard_flow or client.implicit_flow) and client.enabled and not client.redirect_uris:
        yield error(
            "C-REDIRECT", f"{pointer}/redirectUris", f"“{client.client_id}” has nowhere to return to.", "Add one."
        )
    yield from display_findings(written, pointer)
    yield from authentication_findings(written, client, pointer)
    yield from request_findings(client, pointer)
    yield from protection_findings(written, client, pointer)
    yield from pending_findings(client, pointer)
    yield from logout_findings(client, pointer)
    by_secret = not client.public and client.authentication not in SECRETLESS
    if by_secret and client.secret is None and written.secret is None and client.enabled:
        problem = f"The confidential client “{client.client_id}” has no secret."
        yield error("C-SECRET", f"{pointer}/secret", problem, "Put one into the vault and write ${vault.name} here.")
    if client.secret is not None and len(client.secret.reveal()) < _SHORTEST_SECRET:
        problem = f"The secret of “{client.client_id}” is shorter than 16 characters."
        yield warning("C-SECRET-SHORT", f"{pointer}/secret", problem, "Make one of 32 random bytes.")
    if "*" in written.web_origins:
        problem = f"“*” lets every site call for “{client.client_id}”; it is not honoured."
        yield warning("C-ORIGIN", f"{pointer}/webOrigins", problem, "Name the origins, or write +.")
    if written.implicit_flow_enabled:
        problem = f"“{client.client_id}” may be sent tokens through the browser (RFC 9700 §2.1.2)."
        repair = "Set it to false, and let the application use the code flow with PKCE."
        yield warning("C-GRANT", f"{pointer}/implicitFlowEnabled", problem, repair)
    if written.direct_access_grants_enabled:
        problem = f"“{client.client_id}” is given customers' passwords, which RFC 9700 §2.4 forbids."
        yield warning("C-GRANT", pointer, problem, "Set directAccessGrantsEnabled to false.")
    if client.standard_flow and not client.pkce_required:
        problem = f"“{client.client_id}” may leave out PKCE (RFC 9700 §2.1.1)."
        yield warning("C-PKCE", f"{pointer}/attributes", problem, "Set pkce.code.challenge.method to S256.")


def _redirect_uri(client: Client, uri: str, pointer: str) -> Iterator[Finding]:
    try:
        parts = urlsplit(uri)
    except ValueError:
        yield error("C-REDIRECT", pointer, f"“{uri}” is not an address.", "Write the whole address.")
        return
    if not parts.scheme or parts.fragment or (parts.scheme in {"http", "https"} and not parts.netloc):
        problem = f"“{uri}” is not an absolute address without a fragment (RFC 6749 §3.1.2)."
        yield error("C-REDIRECT", pointer, problem, "Write the whole address.")
        return
    if uri.endswith("*"):
        problem = f"“{uri}” matches every address that begins so; a code could be sent anywhere below it."
        yield warning("C-REDIRECT-WILDCARD", pointer, problem, "List the exact addresses.")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        problem = f"“{uri}” of “{client.client_id}” is not https."
        yield error("C-REDIRECT-HTTP", pointer, problem, "Use https; http is for loopback addresses only.")
    if parts.scheme in {"javascript", "data"}:
        yield error("C-REDIRECT", pointer, f"“{parts.scheme}:” is never a place to return to.", "Remove it.")


def _one_channel(realm: Realm, users: tuple[UserSeed, ...]) -> Iterator[Finding]:
    """RTS (EU) 2018/389 Art. 25(2)(c)(i): no one channel may deliver more than one feature.

    The guide sends the first password by SMS, and the code that lets a customer enrol a soft token by SMS too.
    """
    alias = realm.attributes.get(SOFT_TOKEN_FLOW_ATTRIBUTE, "")
    steps = enabled_steps(realm, alias)
    if "sms-otp" in steps and "soft-token-enrolment" in steps and any(delivers_by_sms(users)):
        yield error(
            "F-25-2-c-i",
            realm.flows[alias].pointer,
            "The first password and the code that activates the soft token arrive over one channel, SMS "
            "(RTS (EU) 2018/389 Art. 25(2)(c)(i)).",
            "Deliver one of them otherwise, or let two people acknowledge the finding (docs/auditors.md).",
        )
