"""What of Keycloak can be examined without it: when it takes part, what it is told, the realm that it is given."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.contestants import hashed
from benchmarks.deployment import CALLBACKS, REALM, ROBOTS, ROOT, customers
from benchmarks.driving import drive
from benchmarks.keycloak import VARIABLE, command, keycloak, missing, realm
from idp.model.finding import Severity
from idp.realms.files.placeholders import Surroundings
from idp.realms.loading import load_files

SCRIPT = """#!/bin/sh
cd "$(dirname "$0")/.." || exit 1
echo "$@" > told
for argument in "$@"; do case "$argument" in --http-port=*) port="${argument#--http-port=}";; esac; done
cd "$REPOSITORY" && exec "$PYTHON" -m benchmarks.floor "$port" "$OLDPWD/data/import/small-business-realm.json"
"""


@pytest.fixture
def distribution(tmp_path: Path) -> Path:
    """A folder that looks like one from outside. Its server answers everything with the realm that was put into it."""
    script = tmp_path / "keycloak" / "bin" / "kc.sh"
    script.parent.mkdir(parents=True)
    script.write_text(SCRIPT)
    script.chmod(0o755)
    return tmp_path / "keycloak"


def test_it_takes_part_only_if_it_is_named_and_there_with_java(distribution: Path, tmp_path: Path) -> None:
    assert missing({}) == f"{VARIABLE} names no unpacked distribution"
    assert "no bin/kc.sh" in str(missing({VARIABLE: str(tmp_path)}))
    assert missing({VARIABLE: str(distribution), "PATH": str(tmp_path)}) == "Java is not installed"
    assert missing({VARIABLE: str(distribution), "PATH": str(tmp_path), "JAVA_HOME": "/opt/java"}) is None


def test_it_is_started_from_a_copy_with_the_realm_where_it_looks_for_it(
    distribution: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON", sys.executable)
    monkeypatch.setenv("REPOSITORY", str(ROOT))
    people = customers(2)
    environment = {VARIABLE: str(distribution)}
    with keycloak(tmp_path, people, hashed=hashed(), environment=environment) as (server, bank):
        drive([bank.fetched(bank.place.discovery)], server.port, width=1)
        told = (tmp_path / "distribution" / "told").read_text().split()
    assert told == command(tmp_path, server.port)[1:]
    assert {"start", "--import-realm", f"--http-port={server.port}"} <= set(told)
    assert not (distribution / "data").exists(), "the distribution itself is left as it was"


def test_its_realm_is_one_that_a_reader_of_keycloaks_files_understands(tmp_path: Path) -> None:
    secrets = dict.fromkeys((*CALLBACKS, *ROBOTS.values()), "a secret of thirty-two characters")
    path = tmp_path / "realm.json"
    path.write_text(json.dumps(realm(customers(2), secrets, hashed=hashed())), encoding="utf-8")
    [found] = load_files(path, surroundings=Surroundings(vault=lambda _realm, _key: None))
    assert [str(finding) for finding in found.findings if finding.severity is Severity.ERROR] == []
    assert found.realm.name == REALM
    assert {"internet-banking", "cards", *ROBOTS.values()} <= set(found.realm.clients)
