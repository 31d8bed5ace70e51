"""Rules about who logs in and how: passwords, factors, brute force, messages, powerful people."""

from __future__ import annotations

from idp.realms.catalogue.rule import grave, unwise

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

LOGIN_RULES = (*_LOGIN, *_PEOPLE)
