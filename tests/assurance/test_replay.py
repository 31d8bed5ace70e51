"""What the prover finds can be done: its scripts walk the ways over HTTP on a sandbox, and fail on the good twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from idp.assurance.customers import customers_of
from idp.assurance.replay.sandbox import client_for, sandbox
from idp.assurance.symbolic import SymbolicRealm
from idp.assurance.untouched import no_services
from tests.assurance import replayed
from tests.assurance.corpus import CORPUS, first_password_in_the_branch, no_acknowledgement
from tests.assurance.replayed import all_scripts, quick, ran, script_of
from tests.flows.bench import document, loaded


def test_the_guide_taken_literally_is_walked_by_whoever_reads_the_messages(tmp_path: Path) -> None:
    edit = quick(no_acknowledgement)
    found = script_of(edit, 2, {"sms-otp"})
    with replayed.sandbox(tmp_path / "sandbox", edit) as address:
        status, told = ran(found, tmp_path, address)
    assert status == 0, told
    assert "OBTAINED: a token of customer-" in told
    assert "acr “mfa-otp”, amr pwd otp mfa" in told
    repaired = quick(first_password_in_the_branch)
    with replayed.sandbox(tmp_path / "repaired", repaired) as address:
        status, told = ran(found, tmp_path, address)
    assert status == 1, told
    assert "REFUSED" in told


BY_A_KEY = "a key is registered after the password alone (as in Keycloak #21837)"


def test_what_needs_a_key_that_signs_is_said_to_have_no_script() -> None:
    found = script_of(CORPUS[BY_A_KEY][0], 2, {"password"})
    assert found.source == ""
    assert "webauthn-register" in found.why_not


@pytest.mark.parametrize("name", sorted(CORPUS.keys() - {BY_A_KEY}))
def test_each_defect_of_the_corpus_is_walked_and_its_twin_is_not(name: str, tmp_path: Path) -> None:
    defect, suffices, twin = CORPUS[name]
    found = script_of(quick(defect), 2, suffices)
    with replayed.sandbox(tmp_path / "defect", quick(defect)) as address:
        status, told = ran(found, tmp_path, address)
    assert status == 0, told
    with replayed.sandbox(tmp_path / "twin", quick(twin)) as address:
        status, told = ran(found, tmp_path, address)
    assert status == 1, told


def test_a_good_realm_has_no_scripts() -> None:
    assert all_scripts(first_password_in_the_branch) == []


def test_a_sandbox_keeps_flows_and_leaves_out_whatever_is_somebodys() -> None:
    file = document()
    file["smtpServer"] = {"host": "mail.bank.example", "password": "a secret"}
    realm = loaded()
    customers = tuple(customers_of(SymbolicRealm(realm.realm, no_services()), realm.users))
    made = sandbox(file, customers)
    assert made["authenticationFlows"] == file["authenticationFlows"]
    assert made["requiredActions"] == file["requiredActions"]
    assert "smtpServer" not in made
    assert not {user["username"] for user in file["users"]} & {user["username"] for user in made["users"]}
    assert [client["clientId"] for client in made["clients"]] == ["sandbox"]
    assert len(made["users"]) == len(customers)


def test_a_flow_of_one_client_is_begun_by_a_client_that_has_it() -> None:
    found = document(CORPUS["a client's own flow lets the password alone enrol (after CVE-2026-3429)"][0])
    assert client_for(found, "browser", "its own") == "sandbox-0"
    assert client_for(found, "browser", "bank login") == "sandbox"
