"""`idp flow draw`: which flow, in which form, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from idp.cli.main import main
from tests.cli.flows.test_flow import Capture, written
from tests.flows.bench import Edit, flow, step

UNBOUND = flow("by hand", step("auth-username-password-form"), topLevel=True)


def added(document: dict[str, object]) -> None:
    flows = document["authenticationFlows"]
    assert isinstance(flows, list)
    flows.append(UNBOUND)


def drawn(capsys: Capture, *arguments: str) -> str:
    assert main(["flow", "draw", *arguments]) == 0
    return capsys.readouterr().out


def test_the_flow_by_which_people_log_in_is_drawn(tmp_path: Path, capsys: Capture) -> None:
    text = drawn(capsys, written(tmp_path, "demo.json"))
    assert text.startswith("<svg ")
    assert "bank login" in text
    assert "User name and password" in text


@pytest.mark.parametrize(
    ("language", "words"), [("sq", "Emri i përdoruesit dhe fjalëkalimi"), ("it", "Nome utente e password")]
)
def test_steps_are_named_in_the_language_of_the_reader(
    tmp_path: Path, capsys: Capture, language: str, words: str
) -> None:
    assert words in drawn(capsys, written(tmp_path, "demo.json"), "--language", language)


def test_another_flow_is_drawn_by_its_name_and_for_a_phone(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path, "demo.json")
    wide = drawn(capsys, file, "--flow", "bank login")
    narrow = drawn(capsys, file, "--flow", "bank login", "--width", "phone")
    assert wide != narrow
    assert "registration of a Software Token" in drawn(capsys, file, "--flow", "soft token registration")


def test_a_flow_that_nothing_is_bound_to_can_be_looked_at(tmp_path: Path, capsys: Capture) -> None:
    edit: Edit = added
    assert "bound nowhere" in drawn(capsys, written(tmp_path, "demo.json", edit), "--flow", "by hand")


def test_a_client_has_the_flow_that_it_overrides(tmp_path: Path, capsys: Capture) -> None:
    def own(document: dict[str, object]) -> None:
        added(document)
        clients = document["clients"]
        assert isinstance(clients, list)
        flows = document["authenticationFlows"]
        assert isinstance(flows, list)
        flows[-1] = UNBOUND | {"id": "by-hand-id"}
        clients[0]["authenticationFlowBindingOverrides"] = {"browser": "by-hand-id"}
        clients[0]["clientId"] = "the-first"

    told = drawn(capsys, written(tmp_path, "demo.json", own), "--client", "the-first")
    assert "by hand" in told
    assert "for the application" in told


def test_mermaid_and_a_file(tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "flow.mmd"
    told = drawn(capsys, written(tmp_path, "demo.json"), "--format", "mermaid", "--output", str(output))
    assert told == ""
    assert output.read_text(encoding="utf-8").startswith("flowchart TD\n")


def test_the_proof_is_drawn(tmp_path: Path, capsys: Capture) -> None:
    told = drawn(capsys, written(tmp_path, "demo.json"), "--flow", "soft token registration", "--proof")
    assert "ACKNOWLEDGED: acr mfa-otp (level 2) takes only: code by SMS" in told


@pytest.mark.parametrize("asked", [("--flow", "no such"), ("--client", "no such")])
def test_what_is_not_there_is_one_line_with_what_there_is(
    tmp_path: Path, capsys: Capture, asked: tuple[str, str]
) -> None:
    assert main(["flow", "draw", written(tmp_path, "demo.json"), *asked]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "there is no" in told.err
    assert "there are: " in told.err
    assert told.err.count("\n") == 1


def test_a_file_that_is_no_realm_and_one_that_cannot_be_written(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    assert main(["flow", "draw", str(tmp_path / "broken.json")]) == 2
    assert capsys.readouterr().err.startswith("idp: nothing to draw: ")
    file = written(tmp_path, "demo.json")
    assert main(["flow", "draw", file, "--output", str(tmp_path / "no" / "such.svg")]) == 2
    assert "cannot be written" in capsys.readouterr().err
