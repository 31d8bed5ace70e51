"""Realms for the prover: the demo's, edited; small defective ones, each with a good twin."""

from __future__ import annotations

from typing import Any

from idp.assurance.prover import MinimalSet, Proof, prove
from tests.flows.bench import Edit, all_edits, flow, loaded, step, sub, with_flows

PASSWORD_PAGE = step("auth-username-password-form")
OTP = step("auth-otp-form")
GATE = step("soft-token-gate")


def no_acknowledgement(found: dict[str, Any]) -> None:
    del found["attributes"]["hyrja.acknowledgedFindings"]


def first_password_in_the_branch(found: dict[str, Any]) -> None:
    """The repaired default: the first password comes by another way than the activation code."""
    no_acknowledgement(found)
    for user in found["users"]:
        user["credentials"] = [{"type": "password", "temporary": True, "value": "of-the-branch-4711"}]


def without_action(alias: str) -> Edit:
    def edit(found: dict[str, Any]) -> None:
        found["requiredActions"] = [a for a in found["requiredActions"] if a["alias"] != alias]

    return edit


def repaired(*edits: Edit) -> Edit:
    return all_edits(first_password_in_the_branch, *edits)


def registration(*lines: dict[str, Any]) -> Edit:
    """Another registration of soft tokens."""

    def edit(found: dict[str, Any]) -> None:
        kept = [f for f in found["authenticationFlows"] if f["alias"] != "soft token registration"]
        found["authenticationFlows"] = [*kept, flow("soft token registration", *lines, topLevel=True)]

    return edit


def override(*lines: dict[str, Any]) -> Edit:
    """One client with a flow of its own."""

    def edit(found: dict[str, Any]) -> None:
        found["authenticationFlows"].append(flow("its own", *lines, topLevel=True, id="its-own"))
        found["clients"][0]["authenticationFlowBindingOverrides"] = {"browser": "its-own"}

    return edit


def optional_token(*, top: str = "login") -> Edit:
    """Keycloak's stock browser flow: a password, and a token only of those who have one."""
    return with_flows(
        flow(top, PASSWORD_PAGE, sub("the token of those who have one", "CONDITIONAL"), topLevel=True),
        flow("the token of those who have one", step("conditional-user-configured"), OTP, topLevel=False),
    )


def message_instead_of_password(*, gated: bool) -> Edit:
    gate = [GATE] if gated else []
    return with_flows(
        flow("login", step("auth-username-form"), sub("first factor"), *gate, OTP, topLevel=True),
        flow(
            "first factor",
            step("auth-password-form", "ALTERNATIVE"),
            step("sms-otp", "ALTERNATIVE", "registration sms"),
            topLevel=False,
        ),
    )


SMS = step("sms-otp", config="registration sms")
ENROL = step("soft-token-enrolment")
NO_SET_UP = without_action("CONFIGURE_TOTP")
NO_RESET = without_action("UPDATE_PASSWORD")

KEY = step("webauthn-authenticator")


def with_action(alias: str) -> Edit:
    return lambda found: found["requiredActions"].append(
        {"alias": alias, "enabled": True, "defaultAction": False, "priority": 50}
    )


def stock(found: dict[str, Any]) -> None:
    """A file that names no flows has Keycloak's own."""
    kept = {"soft token registration", "the present token"}
    found["authenticationFlows"] = [one for one in found["authenticationFlows"] if one["alias"] in kept]
    del found["browserFlow"]


def password_or_message(found: dict[str, Any]) -> None:
    """The registration of a token asks for one of two things instead of both."""
    registration(step("auth-username-form"), sub("one of two"), ENROL)(found)
    ways = (step("auth-password-form", "ALTERNATIVE"), step("sms-otp", "ALTERNATIVE", "registration sms"))
    found["authenticationFlows"].append(flow("one of two", *ways, topLevel=False))


RESET_BY_LETTER = (step("reset-credentials-choose-user"), step("reset-credential-email"), step("reset-password"))
RESET_BY_MESSAGE = (step("reset-credentials-choose-user"), step("reset-credential-sms"), step("reset-password"))
MESSAGE_LOGIN = with_flows(flow("login", PASSWORD_PAGE, step("sms-otp", config="registration sms"), topLevel=True))
LETTER_LOGIN = with_flows(flow("login", PASSWORD_PAGE, step("email-otp"), topLevel=True))


def reset(*lines: dict[str, Any]) -> Edit:
    """Forgotten passwords are reset by this flow."""

    def edit(found: dict[str, Any]) -> None:
        found["authenticationFlows"].append(flow("forgotten", *lines, topLevel=True))
        found |= {"resetCredentialsFlow": "forgotten", "resetPasswordAllowed": True}

    return edit


# name → (the defect, what then suffices for level two, the good twin)
CORPUS: dict[str, tuple[Edit, set[str], Edit]] = {
    "a password session adds the second factor (CVE-2023-3597)": (
        repaired(optional_token()),
        {"password"},
        repaired(optional_token(), NO_SET_UP),
    ),
    "a missing token is set up after the password alone (Keycloak #21837)": (
        repaired(with_flows(flow("login", PASSWORD_PAGE, OTP, topLevel=True))),
        {"password"},
        repaired(with_flows(flow("login", PASSWORD_PAGE, GATE, OTP, topLevel=True))),
    ),
    "the registration asks for the password alone": (
        repaired(registration(PASSWORD_PAGE, ENROL)),
        {"password"},
        repaired(registration(PASSWORD_PAGE, SMS, ENROL)),
    ),
    "a client's own flow lets the password alone enrol (after CVE-2026-3429)": (
        repaired(override(PASSWORD_PAGE)),
        {"password"},
        repaired(override(PASSWORD_PAGE), NO_SET_UP),
    ),
    "a message replaces the password, and so resets it": (
        repaired(message_instead_of_password(gated=False)),
        {"sms-otp"},
        repaired(with_flows(flow("login", PASSWORD_PAGE, GATE, OTP, topLevel=True))),
    ),
    "Keycloak's own login, where everybody may set a token up": (
        repaired(stock),
        {"password"},
        repaired(stock, NO_SET_UP),
    ),
    "a key is registered after the password alone (as in Keycloak #21837)": (
        repaired(with_flows(flow("login", PASSWORD_PAGE, KEY, topLevel=True)), with_action("webauthn-register")),
        {"password"},
        repaired(with_flows(flow("login", PASSWORD_PAGE, KEY, topLevel=True))),
    ),
    "the registration takes the password or a message (as in CVE-2025-64103: one factor alone)": (
        repaired(password_or_message),
        {"password"},
        repaired(registration(PASSWORD_PAGE, SMS, ENROL)),
    ),
    "the message that resets the password is the second factor, too (P21)": (
        repaired(MESSAGE_LOGIN, reset(*RESET_BY_MESSAGE)),
        {"sms-otp"},
        repaired(MESSAGE_LOGIN, reset(*RESET_BY_LETTER)),
    ),
}

# name → (the live realm, the draft, what newly suffices, for which level)
DRAFTS: dict[str, tuple[Edit, Edit, set[str], int]] = {
    "the second factor is only for those who have one": (
        repaired(NO_SET_UP),
        repaired(NO_SET_UP, optional_token()),
        {"password"},
        1,
    ),
    "one client has a weaker flow (T-11, as behind CVE-2026-3429)": (
        repaired(NO_SET_UP),
        repaired(NO_SET_UP, override(PASSWORD_PAGE)),
        {"password"},
        1,
    ),
    "the code of a token is enough (CVE-2025-64103)": (
        repaired(NO_SET_UP),
        repaired(NO_SET_UP, with_flows(flow("login", step("auth-username-form"), OTP, topLevel=True))),
        {"otp"},
        1,
    ),
    "a gate in front of the second factor is taken away": (
        repaired(with_flows(flow("login", PASSWORD_PAGE, GATE, OTP, topLevel=True))),
        repaired(with_flows(flow("login", PASSWORD_PAGE, OTP, topLevel=True))),
        {"password"},
        2,
    ),
}


def proof(edit: Edit | None = None) -> Proof:
    return prove(loaded(edit))


def weak(found: Proof) -> list[set[str]]:
    """Return what suffices for level two against what that promises."""
    return [set(one.names) for one in found.weak if one.level == 2]


def sets(found: Proof, level: int) -> set[frozenset[str]]:
    return {one.names for one in found.sets if one.level == level}


def by_names(found: Proof, level: int, names: set[str]) -> MinimalSet:
    return next(one for one in found.sets if one.level == level and one.names == names)
