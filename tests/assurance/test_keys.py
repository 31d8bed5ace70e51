"""What a proof says of realms with security keys, passkeys and recovery codes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.assurance.corpus import PASSWORD_PAGE, by_names, proof, sets, weak
from tests.flows.bench import Edit, all_edits, flow, no_actions, step, sub, with_flows

KEY = step("webauthn-authenticator")
PASSKEY = step("webauthn-authenticator-passwordless")
CODES = step("auth-recovery-authn-code-form")


def nothing_else(found: dict[str, Any]) -> None:
    """No other ceremony: no registration of soft tokens, no actions, passwords that were chosen long ago."""
    found["attributes"].pop("hyrja.softTokenRegistrationFlow")
    found["attributes"].pop("hyrja.acknowledgedFindings")
    found["requiredActions"] = [{**one, "enabled": False} for one in found["requiredActions"]]
    for user in found["users"]:
        user["credentials"] = []


def login(*lines: dict[str, Any], more: tuple[dict[str, Any], ...] = ()) -> Edit:
    return all_edits(no_actions, with_flows(flow("login", *lines, topLevel=True), *more), nothing_else)


def actions(*aliases: str) -> Edit:
    def edit(found: dict[str, Any]) -> None:
        found["requiredActions"] += [{"alias": alias, "enabled": True} for alias in aliases]

    return edit


def passkeys(found: dict[str, Any]) -> None:
    found["webAuthnPolicyPasswordlessPasskeysEnabled"] = True


def test_a_password_and_a_security_key_are_two_elements() -> None:
    found = proof(login(PASSWORD_PAGE, KEY))
    assert sets(found, 2) == {frozenset({"password", "webauthn"})}
    assert found.holds


def test_a_password_that_may_enrol_the_missing_key_is_found() -> None:
    """Whoever has the password of a customer without a key makes one, and comes back with it."""
    found = proof(all_edits(login(PASSWORD_PAGE, KEY), actions("webauthn-register")))
    assert {"password"} in weak(found)
    script = by_names(found, 2, {"password"}).script
    assert "webauthn" in script[0].gives


def test_passkeys_on_the_login_page_are_a_key_and_its_unlocking() -> None:
    found = proof(all_edits(login(PASSWORD_PAGE), passkeys))
    assert sets(found, 2) == {frozenset({"webauthn-passwordless", "user-verification"})}
    assert {"password"} in sets(found, 1)
    assert {"webauthn-passwordless"} in sets(found, 1)
    assert found.holds, "two categories, two channels"


def test_without_passkeys_the_same_page_proves_a_password_alone() -> None:
    found = proof(login(PASSWORD_PAGE))
    assert sets(found, 1) == {frozenset({"password"})}
    assert not sets(found, 2)


def test_a_passkey_behind_a_password_needs_no_unlocking_for_the_second_level() -> None:
    found = proof(login(PASSWORD_PAGE, PASSKEY))
    assert {"password", "webauthn-passwordless"} in sets(found, 2)
    assert found.holds


@pytest.mark.parametrize("other", ["auth-otp-form", "webauthn-authenticator"])
def test_recovery_codes_beside_another_factor_are_a_second_way_and_no_weaker_one(other: str) -> None:
    second = flow("second", step(other, "ALTERNATIVE"), step("auth-recovery-authn-code-form", "ALTERNATIVE"))
    found = proof(login(PASSWORD_PAGE, sub("second"), more=(second,)))
    assert {"password", "recovery-authn-codes"} in sets(found, 2)
    assert found.holds


def test_a_code_and_a_key_are_one_category() -> None:
    found = proof(login(step("auth-username-form"), CODES, KEY))
    assert not sets(found, 2)


def test_a_realm_whose_actions_give_factors_adds_none_to_who_holds_one() -> None:
    """CVE-2023-3597: with a token in hand, a password adds neither a key nor a list."""
    gives = actions("webauthn-register", "CONFIGURE_RECOVERY_AUTHN_CODES")
    second = flow("second", step("auth-otp-form", "ALTERNATIVE"), step("webauthn-authenticator", "ALTERNATIVE"))
    found = proof(all_edits(login(PASSWORD_PAGE, sub("second"), more=(second,)), gives))
    for one in found.sets:
        if one.level == 2 and one.names == {"password"}:
            assert not any(", soft token" in name or ", security key" in name for name in one.customers)
