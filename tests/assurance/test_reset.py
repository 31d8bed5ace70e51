"""A reset is the edge that banks forget: what opens the password opens whatever the password opens."""

from __future__ import annotations

from typing import Any

import pytest

from tests.assurance.corpus import by_names, proof, repaired, sets, weak
from tests.flows.bench import Edit, all_edits, flow, step, with_flows


def reset(channel: str) -> Edit:
    """Let forgotten passwords be reset by one channel."""

    def edit(found: dict[str, Any]) -> None:
        lines = (step("reset-credentials-choose-user"), step(f"reset-credential-{channel}"), step("reset-password"))
        found["authenticationFlows"].append(flow("forgotten", *lines, topLevel=True))
        found["resetPasswordAllowed"] = True
        found["resetCredentialsFlow"] = "forgotten"

    return edit


def test_without_a_reset_no_mailbox_opens_anything() -> None:
    found = proof(repaired())
    assert not any("email" in names for names in sets(found, 1) | sets(found, 2))


def test_a_mailbox_stands_in_the_sets_where_it_opens_the_password() -> None:
    found = proof(repaired(reset("email")))
    assert frozenset({"email", "otp"}) in sets(found, 2)
    one = by_names(found, 2, {"email", "otp"})
    assert not one.weakness, "two categories over two channels"
    assert ("password",) in [ceremony.gives for ceremony in one.script]
    assert found.holds


def test_a_reset_never_gives_the_token_away() -> None:
    """T-23, ASVS 6.4.3: nothing of level two without a second element beside the mailbox."""
    found = proof(repaired(reset("email")))
    assert frozenset({"email"}) not in sets(found, 2)


def test_a_reset_by_sms_lets_one_channel_open_everything_and_is_found() -> None:
    """bank.md 2.3: whoever reads the messages resets the password, and activates a token with it."""
    found = proof(repaired(reset("sms")))
    assert {"sms-otp"} in weak(found)
    assert not found.holds
    steps = [step for ceremony in by_names(found, 2, {"sms-otp"}).script for step in ceremony.steps]
    assert "reset-credential-sms" in steps
    assert "soft-token-enrolment" in steps


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_a_login_by_password_and_sms_is_weak_exactly_where_the_reset_is_by_sms(channel: str) -> None:
    login = with_flows(flow("login", step("auth-username-password-form"), step("sms-otp")))

    def no_registration(document: dict[str, Any]) -> None:
        document["attributes"].pop("hyrja.softTokenRegistrationFlow", None)

    found = proof(repaired(all_edits(login, no_registration, reset(channel))))
    assert ({"sms-otp"} in weak(found)) is (channel == "sms")


def test_a_code_by_email_beside_a_password_reaches_no_second_level() -> None:
    login = with_flows(flow("login", step("auth-username-password-form"), step("email-otp")))
    found = proof(repaired(login))
    assert not any({"email"} <= names <= {"email", "password"} for names in sets(found, 2))
