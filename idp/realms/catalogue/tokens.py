"""Rules about what a realm issues and for how long: keys, tokens, sessions, clients that register themselves."""

from __future__ import annotations

from idp.realms.catalogue.rule import grave, unwise

_TOKENS = (
    unwise(
        "L-CODE",
        "Authorization codes over 60 seconds",
        "A code that leaked is good for as long.",
        "FAPI 2.0 Security Profile §5.3.2.1",
        "ASVS 5.0 10.4.3",
    ),
    unwise(
        "L-ACCESS-TOKEN",
        "Access tokens over 15 minutes",
        "A token that was stolen is good for as long, whatever happens to the session.",
        "RFC 9700 §2.2",
    ),
    unwise(
        "L-PUSHED",
        "Pushed requests of ten minutes or more",
        "Whoever learns the reference has as long to begin a login with it.",
        "FAPI 2.0 Security Profile §5.3.2.2",
        "RFC 9126 §2.2",
    ),
    grave("K-DAYS", "A schedule of keys that is no number of days", "Keys would never change.", "ASVS 5.0 11.1.1"),
    unwise(
        "K-OVERLAP",
        "An overlap shorter than the life of a token",
        "Good tokens would stop being verifiable; the longer one counts.",
        "ASVS 5.0 11.1.1",
    ),
    grave(
        "R-DETAILS",
        "Types of authorization details that cannot be used",
        "Requests would be granted that nobody has checked.",
        "RFC 9396 §5",
    ),
    grave(
        "R-ASSERTION-ISSUER",
        "An issuer of assertions that cannot be trusted as written",
        "Its word logs customers in: it needs a name, keys of its own, and assertions that count once.",
        "RFC 7521 §5.2",
        "RFC 7523 §3",
    ),
    unwise(
        "R-IDENTITY-PROVIDER",
        "An identity provider of a kind without effect",
        "Customers who log in there cannot log in here.",
    ),
    unwise(
        "M-CONSENT",
        "Consent that is asked of a mapper",
        "Consent is given to scopes; the claim is released with its scope.",
    ),
    unwise("M-TYPE", "A mapper that is not there", "A claim is missing from tokens."),
    unwise("M-CONFIG", "A mapper that is not complete", "A claim is missing from tokens."),
    unwise(
        "M-PROTECTED",
        "A mapper that would write a claim of the protocol",
        "Whoever edits an attribute could choose issuer, subject or level of a token.",
        "RFC 9700 §4.15",
        "OpenID Connect Core 1.0 §2",
    ),
)

_LIFETIMES = (
    grave("L-SPAN", "A lifetime of nothing, or less", "Nothing of that kind would ever be good."),
    unwise(
        "L-SSO-IDLE",
        "More than an hour without activity",
        "Whoever finds the browser open is the customer.",
        "NIST SP 800-63B-4 §2.2.3",
        "ASVS 5.0 7.3.1",
    ),
    unwise(
        "L-SSO-MAX",
        "Sessions over a day",
        "A stolen session is good for as long.",
        "NIST SP 800-63B-4 §2.2.3",
        "ASVS 5.0 7.3.2",
    ),
    unwise(
        "L-SSO-ORDER", "An idle time longer than the session", "The bound on inactivity never acts.", "ASVS 5.0 7.3.1"
    ),
    unwise(
        "L-LOGIN",
        "A login page that stays good for over an hour",
        "A login that somebody left half done can be taken up by another.",
        "ASVS 5.0 6.5.5",
    ),
    unwise(
        "L-ACTION",
        "An action that stays open for over half an hour",
        "A login that somebody left half done can be taken up by another.",
        "ASVS 5.0 6.5.5",
    ),
    unwise(
        "L-OFFLINE",
        "Offline tokens without an end",
        "One stolen refresh token is good for ever.",
        "ASVS 5.0 10.4.8",
        "RFC 9700 §2.2.2",
    ),
    unwise(
        "L-OFFLINE-IDLE",
        "Offline tokens that outlive a month of silence",
        "A forgotten device keeps its access.",
        "ASVS 5.0 10.4.8",
        "RFC 9700 §4.14",
    ),
    unwise(
        "L-CLIENT-TOKEN",
        "A client's access tokens over 15 minutes",
        "A token that was stolen is good for as long.",
        "RFC 9700 §2.2",
    ),
    unwise(
        "T-REUSE",
        "Replaced refresh tokens are accepted again",
        "Thief and owner can both go on, and nobody notices.",
        "RFC 9700 §4.14",
        "ASVS 5.0 10.4.5",
        "CVE-2026-1035",
    ),
    unwise(
        "T-PUBLIC-REFRESH",
        "A public client's refresh tokens are neither renewed nor bound",
        "Whoever copies one has the same right as its owner, unnoticed.",
        "RFC 9700 §2.2.2",
        "ASVS 5.0 10.4.5",
    ),
)

_REGISTRATION = (
    grave(
        "R-REGISTRATION",
        "A registration policy that is not there or cannot be read",
        "It would admit more than it says.",
        "ASVS 5.0 10.4.7",
        "RFC 7591 §5",
    ),
    unwise(
        "R-REGISTRATION-OPEN",
        "Anybody may register a client",
        "Strangers' applications stand beside the bank's.",
        "ASVS 5.0 10.4.7",
        "RFC 7591 §5",
    ),
    unwise(
        "R-REGISTRATION-CONSENT",
        "Strangers' clients get codes without asking",
        "A link suffices to get a logged-in customer's code.",
        "RFC 9700 §4.11",
        "ASVS 5.0 10.7.1",
    ),
    unwise(
        "R-REGISTRATION-POLICY",
        "No policy says what a registered client must be like",
        "It may do without PKCE or a key of its own.",
        "ASVS 5.0 10.4.7",
    ),
)

TOKEN_RULES = (*_TOKENS, *_LIFETIMES, *_REGISTRATION)
