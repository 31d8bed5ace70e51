"""Rules about the file itself and the settings of a realm: tokens, keys, passwords, brute force, registration."""

from __future__ import annotations

from idp.realms.catalogue.rule import grave, unwise

_FILE = (
    grave("R-FILE", "A file that cannot be read", "There is no realm to speak of."),
    grave(
        "R-SHAPE",
        "A field of another kind, or missing",
        "What is not understood would be replaced by a default that nobody has chosen.",
    ),
    grave("R-VALUE", "A value that is not supported", "Another value would silently stand in for it."),
    grave(
        "R-NAME",
        "A realm name that cannot be part of an address",
        "The issuer is made of it: relying parties compare it character by character.",
        "OpenID Connect Core 1.0 §2",
    ),
    grave("R-DUPLICATE", "The same name twice", "One of the two would silently win."),
    grave("R-ENVIRONMENT", "A variable without a value", "An address or secret would be empty."),
    grave("R-USER", "A user or credential that cannot be read", "The person could not log in, or another one could."),
    grave(
        "R-ACKNOWLEDGEMENT",
        "An acknowledgement that is not complete",
        "A risk is accepted by two named people with a reason, or not at all.",
        "RTS (EU) 2018/389 Art. 3",
        "PCI DSS 4.0.1 8.5.1",
    ),
    unwise("R-UNKNOWN-KEY", "A setting without effect here", "Whoever relies on it is not protected by it."),
    unwise(
        "R-DIRECTORY",
        "Users who live in a directory",
        "Their passwords are not in the file: nobody of them can log in here.",
    ),
    unwise("R-CREDENTIAL", "A credential that cannot be used here", "The person has to enrol another one."),
    unwise(
        "R-WEBAUTHN",
        "A setting of security keys that is not kept as written",
        "What takes its place is no weaker, and may refuse keys that Keycloak took.",
        "Web Authentication Level 3 §5.4",
    ),
    unwise("R-LOCALE", "A language without texts", "Customers would not understand what they are asked to agree to."),
    unwise("R-DISABLED", "A realm that is switched off", "Keycloak reads an absent “enabled” as false."),
    unwise(
        "R-ROLE", "A role that the file does not have", "Whoever relies on it is not authorized, or not restricted."
    ),
    unwise(
        "R-GROUP", "A group that the file does not have", "Whoever relies on it is not authorized, or not restricted."
    ),
    unwise("R-SCOPE-MAPPING", "A scope or client that the file does not have", "Roles would be missing from tokens."),
)

_LOGIN = (
    unwise(
        "R-SMTP",
        "A mail server that cannot be used",
        "Whoever forgot a password, or is to confirm an address, waits for a message that never comes.",
    ),
    unwise(
        "R-NOTICES",
        "Nobody is told of changes to their account",
        "A customer whose password or token somebody else has changed learns it from the missing money.",
        "ASVS 5.0 6.3.7",
        "NIST SP 800-63B-4 §4.6",
    ),
    unwise(
        "R-SMTP-PLAIN",
        "E-mail without TLS",
        "Whoever is between provider and mail server reads the links that set new passwords.",
        "RFC 3207 §6",
        "ASVS 5.0 12.2.1",
    ),
    grave("R-TERMS", "Terms without a text in each language", "A customer would accept what they cannot read."),
    grave(
        "R-SMS",
        "Limits of text messages that cannot be read",
        "Messages would go to numbers that cost the bank dearly, or to nobody.",
        "ASVS 5.0 6.6.3",
    ),
    grave(
        "R-ACR",
        "An unreadable map of levels",
        "A relying party that asks for a level would not get what it means.",
        "OpenID Connect Core 1.0 §2",
        "ASVS 5.0 6.8.4",
    ),
    grave(
        "R-OTP",
        "One-time codes outside of the standard",
        "Fewer digits or longer steps make guessing cheaper; other applications cannot make such codes.",
        "RFC 4226 §5.3",
        "NIST SP 800-63B-4 §3.1.4",
    ),
    grave(
        "R-OTP-REUSE",
        "A one-time code that is accepted twice",
        "Whoever reads a code over the shoulder can use it too.",
        "RTS (EU) 2018/389 Art. 4(1)",
        "RFC 6238 §5.2",
        "CVE-2024-7318",
    ),
    unwise(
        "R-OTP-WINDOW",
        "More tolerance than is granted",
        "Every step of tolerance multiplies the codes that are right at one moment.",
        "RFC 6238 §5.2",
    ),
    unwise(
        "B-OFF",
        "Failures are not counted",
        "Guessing never ends.",
        "RTS (EU) 2018/389 Art. 4(3)(b)",
        "NIST SP 800-63B-4 §3.2.2",
        "CVE-2025-64102",
    ),
    unwise(
        "B-FACTOR",
        "More than five failures before a lock",
        "The law's bound is five in a row.",
        "RTS (EU) 2018/389 Art. 4(3)(b)",
    ),
    unwise(
        "B-TEMPORARY",
        "Never locked for good",
        "Slow guessing at six digits succeeds in the end.",
        "NIST SP 800-63B-4 §3.2.2",
    ),
    unwise(
        "P-LENGTH",
        "No shortest length of a password",
        "A password of one character would do.",
        "NIST SP 800-63B-4 §3.1.1.2",
        "ASVS 5.0 6.2.1",
    ),
    unwise(
        "R-UPSTREAM-MAPPER",
        "A mapper of another provider that does not exist here",
        "What Keycloak took over from its claims is not taken over.",
    ),
    grave(
        "R-PROFILE",
        "A user profile that cannot be read",
        "People would write into their data what the bank has not foreseen.",
        "ASVS 5.0 2.2.1",
    ),
    unwise(
        "R-PROFILE-CHECK",
        "A check of people's data that is not made",
        "Whatever a person writes there is kept as it is.",
        "ASVS 5.0 2.2.1",
    ),
    grave("R-PASSWORD-POLICY", "A password rule that is not understood", "The policy would be weaker than it says."),
    grave(
        "R-PENDING",
        "A time of pending requests outside of its bounds",
        "A request that waits for long is one that a phisher has long to talk somebody into.",
        "RFC 8628 §5.4",
        "OpenID Connect CIBA Core 1.0 §7.3",
    ),
)

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

_PEOPLE = (
    unwise(
        "P-COMPOSITION",
        "Passwords composed by rule",
        "People answer with Password1! and reuse it; guessing gets easier.",
        "NIST SP 800-63B-4 §3.1.1.2",
        "ASVS 5.0 6.2.5",
    ),
    unwise(
        "P-SHORT",
        "Passwords under 8 characters",
        "They can be guessed from a stolen hash.",
        "NIST SP 800-63B-4 §3.1.1.2",
        "ASVS 5.0 6.2.1",
    ),
    unwise(
        "P-LONG",
        "Long passwords are refused",
        "The best passwords of password managers do not fit.",
        "NIST SP 800-63B-4 §3.1.1.2",
        "ASVS 5.0 6.2.9",
    ),
    unwise(
        "P-COMMON",
        "No list of common passwords",
        "The first few guesses are right for many customers.",
        "NIST SP 800-63B-4 §3.1.1.2",
        "ASVS 5.0 6.2.4",
    ),
    unwise(
        "B-WAIT", "A lock without time", "Guessing goes on at once.", "RTS (EU) 2018/389 Art. 4(3)(b)", "keycloak#46164"
    ),
    unwise(
        "B-FORGET", "Failures that are soon forgotten", "Slow guessing is never noticed.", "NIST SP 800-63B-4 §3.2.2"
    ),
    unwise(
        "B-LATE",
        "Over a hundred guesses before a lock for good",
        "The outer bound on guesses of an account is a hundred.",
        "NIST SP 800-63B-4 §3.2.2",
    ),
    unwise(
        "R-EMAIL-LOGIN",
        "A login name that two people may have",
        "One of them gets the other's account, or neither gets in.",
        "ASVS 5.0 6.3.8",
    ),
    unwise(
        "R-DEFAULT-LOCALE",
        "A default language that is not offered",
        "Customers meet another language than the bank has chosen.",
    ),
    unwise(
        "U-ADMIN",
        "An administrator by file",
        "Whoever can edit the file, or has that person's password, has the realm.",
        "ASVS 5.0 6.3.2",
        "PCI DSS 4.0.1 8.5.1",
        "CVE-2026-94000",
    ),
    grave(
        "U-EVERYBODY",
        "Every user is an administrator",
        "Any customer could change the realm through a default role or group.",
        "ASVS 5.0 8.2.1",
        "CVE-2026-94001",
    ),
    grave(
        "U-CLIENT",
        "A user with the id of a client",
        "A resource server cannot tell a customer from an application.",
        "RFC 9700 §4.15",
    ),
    unwise(
        "U-PASSWORD",
        "A password in clear",
        "Whoever reads the file, its backup or its history can log in.",
        "RTS (EU) 2018/389 Art. 22",
        "ASVS 5.0 6.4.1",
    ),
)

REALM_RULES = (*_FILE, *_LOGIN, *_PEOPLE, *_TOKENS, *_LIFETIMES, *_REGISTRATION)
