"""Rules about the file itself: what cannot be read, and what has no effect."""

from __future__ import annotations

from idp.realms.catalogue.rule import grave, unwise

FILE_RULES = (
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
