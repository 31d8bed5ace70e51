from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from idp.model.finding import Finding, Severity
from idp.realms.files.placeholders import Surroundings, file_vault, filled
from tests.realms.documents import brief, demo, loaded


def fill(value: Any, **environment: str) -> tuple[Any, list[Finding]]:
    findings: list[Finding] = []
    surroundings = Surroundings(vault=lambda _realm, _key: None, environment=environment)
    return filled(value, surroundings, findings), findings


def test_a_variable_is_filled_in_wherever_it_stands() -> None:
    document = {"a": ["x ${env.NAME} y"], "b": {"c": "${env.NAME}${env.NAME}"}, "d": 1}
    assert fill(document, NAME="1") == ({"a": ["x 1 y"], "b": {"c": "11"}, "d": 1}, [])


@pytest.mark.parametrize(
    ("environment", "value"), [({}, "http://a:1"), ({"URL": ""}, "http://a:1"), ({"URL": "b"}, "b")]
)
def test_a_default_stands_in_for_a_variable_that_is_absent_or_empty(environment: dict[str, str], value: str) -> None:
    assert fill("${env.URL:http://a:1}", **environment) == (value, [])


def test_a_default_may_be_empty() -> None:
    assert fill("[${env.URL:}]") == ("[]", [])


def test_a_value_is_not_filled_in_again() -> None:
    assert fill("${env.A}", A="${env.B}", B="x") == ("${env.B}", [])


def test_a_variable_without_value_is_an_error_at_its_place() -> None:
    value, found = fill({"a/b": ["${env.GONE}"]})
    assert value == {"a/b": ["${env.GONE}"]}
    assert brief(found) == [("R-ENVIRONMENT", Severity.ERROR, "/a~1b/0")]
    assert "GONE" in found[0].problem


def test_a_secret_of_the_vault_is_resolved_for_its_own_realm(tmp_path: Path) -> None:
    (tmp_path / "small-business_internet-banking").write_text("the secret of the bank\n")
    found = loaded(demo(), Surroundings(vault=file_vault(tmp_path)))
    secret = found.realm.clients["internet-banking"].secret
    assert secret is not None
    assert secret.reveal() == "the secret of the bank"
    assert b"the secret" not in found.document
    assert [(f.rule, f.pointer) for f in found.findings if f.severity is Severity.ERROR] == [
        ("C-VAULT", "/clients/1/secret")
    ]
    (repair,) = (f.repair for f in found.findings if f.rule == "C-VAULT")
    assert "small-business_cards" in repair


def test_the_vault_is_read_only_where_a_secret_belongs() -> None:
    found = loaded(demo(lambda d: d.update(displayName="${vault.internet-banking}")))
    assert found.realm.display_name == "${vault.internet-banking}"


def test_no_two_realms_share_a_file_of_the_vault(tmp_path: Path) -> None:
    vault = file_vault(tmp_path)
    (tmp_path / "a_b__c").write_text("of a")
    (tmp_path / "a__b_c").write_text("of a_b")
    assert vault("a", "b_c") == "of a"
    assert vault("a_b", "c") == "of a_b"


@pytest.mark.parametrize("realm", ["../outside", "/outside", "a/../../outside", "\0"])
def test_a_realms_name_does_not_lead_out_of_the_vault(tmp_path: Path, realm: str) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "outside_key").write_text("not of the vault")
    assert file_vault(tmp_path / "vault")(realm, "key") is None


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_a_file_without_text_is_no_secret(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a_b").write_bytes(content)
    assert file_vault(tmp_path)("a", "b") is None
