"""`idp flow prove`: what it prints and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from idp.cli.main import main
from tests.assurance.corpus import NO_SET_UP, first_password_in_the_branch, no_acknowledgement, optional_token
from tests.flows.bench import Edit, all_edits, document

Capture = pytest.CaptureFixture[str]


def written(tmp_path: Path, name: str, *edits: Edit) -> str:
    path = tmp_path / name
    path.write_text(json.dumps(document(all_edits(*edits))), encoding="utf-8")
    return str(path)


def test_a_proved_realm_ends_well(tmp_path: Path, capsys: Capture) -> None:
    assert main(["flow", "prove", written(tmp_path, "good.json", first_password_in_the_branch)]) == 0
    told = capsys.readouterr()
    assert "Proved: every way" in told.out
    assert "Assumed:" in told.out
    assert told.err == ""


def test_a_weak_realm_ends_with_one_and_the_script(tmp_path: Path, capsys: Capture) -> None:
    assert main(["flow", "prove", written(tmp_path, "literal.json", no_acknowledgement)]) == 1
    told = capsys.readouterr().out
    assert "WEAK  acr “mfa-otp” (level 2) takes: sms-otp" in told
    assert "1. sms-otp: the first password is sent there" in told
    assert "PROOF FAILED" in told


def test_an_acknowledged_weakness_is_told_and_ends_well(tmp_path: Path, capsys: Capture) -> None:
    assert main(["flow", "prove", written(tmp_path, "demo.json")]) == 0
    told = capsys.readouterr().out
    assert "ACKNOWLEDGED" in told
    assert "but for what the bank has acknowledged" in told


def test_machines_read_the_proof(tmp_path: Path, capsys: Capture) -> None:
    assert main(["flow", "prove", "--json", written(tmp_path, "good.json", first_password_in_the_branch)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["realm"] == "small-business"
    assert {tuple(e["name"] for e in one["elements"]) for one in told["sets"]} == {
        ("otp", "password"),
        ("password", "sms-otp"),
    }


def test_a_draft_with_new_access_ends_with_one(tmp_path: Path, capsys: Capture) -> None:
    live = written(tmp_path, "live.json", first_password_in_the_branch, NO_SET_UP)
    draft = written(tmp_path, "draft.json", first_password_in_the_branch, NO_SET_UP, optional_token())
    assert main(["flow", "prove", live, "--draft", draft]) == 1
    assert "The draft gives NEW ACCESS" in capsys.readouterr().out
    assert main(["flow", "prove", draft, "--draft", live]) == 0
    assert "The draft gives no new access." in capsys.readouterr().out
    assert main(["flow", "prove", "--json", live, "--draft", draft]) == 1
    assert [one["level"] for one in json.loads(capsys.readouterr().out)["new"]] == [1]


def test_a_file_that_is_no_realm_is_one_line(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    assert main(["flow", "prove", str(tmp_path / "broken.json")]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("idp: nothing to prove: ")
    assert "Traceback" not in told.err


def test_a_certificate_is_written_and_verified(tmp_path: Path, capsys: Capture) -> None:
    realm, out = written(tmp_path, "good.json", first_password_in_the_branch), str(tmp_path / "certificate.json")
    assert main(["flow", "prove", realm, "--certificate", out]) == 0
    capsys.readouterr()
    assert main(["flow", "verify", out, realm]) == 0
    assert capsys.readouterr().out == "The certificate is right.\n"


def test_a_certificate_of_a_weak_realm_says_so(tmp_path: Path, capsys: Capture) -> None:
    realm, out = written(tmp_path, "literal.json", no_acknowledgement), str(tmp_path / "certificate.json")
    assert main(["flow", "prove", realm, "--certificate", out]) == 1
    capsys.readouterr()
    assert main(["flow", "verify", out, realm]) == 1
    assert "WEAK: level 2 takes sms-otp" in capsys.readouterr().out


def test_a_certificate_of_another_file_is_refused(tmp_path: Path, capsys: Capture) -> None:
    realm, out = written(tmp_path, "good.json", first_password_in_the_branch), str(tmp_path / "certificate.json")
    other = written(tmp_path, "other.json", no_acknowledgement)
    assert main(["flow", "prove", realm, "--certificate", out]) == 0
    capsys.readouterr()
    assert main(["flow", "verify", out, other]) == 2
    assert capsys.readouterr().out.startswith("REFUSED: WrongError: file")
    assert main(["flow", "verify", out, str(tmp_path / "none.json")]) == 2


def test_a_draft_is_what_is_certified(tmp_path: Path, capsys: Capture) -> None:
    live = written(tmp_path, "live.json", first_password_in_the_branch, NO_SET_UP, optional_token())
    draft, out = written(tmp_path, "draft.json", first_password_in_the_branch), str(tmp_path / "certificate.json")
    main(["flow", "prove", live, "--draft", draft, "--certificate", out])
    assert main(["flow", "verify", out, draft]) == 0
    assert capsys.readouterr().out.endswith("The certificate is right.\n")
