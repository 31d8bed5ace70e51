"""`idp user list` and `idp user find` beside a real server: a page of users, by index."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.deployment import REALM, Deployment, command, environment


def several(found: dict[str, Any]) -> None:
    first = found["users"][0]
    for number in range(5):
        found["users"].append({**first, "username": f"zef.{number}", "email": f"zef.{number}@bank.example"})


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    made = Deployment(Path(tmp_path_factory.mktemp("customers")), edit=several)
    with made.serving():
        pass
    return made


def run(deployment: Deployment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - this Python and this project
        command("user", *arguments, "--config", str(deployment.config)),
        cwd=deployment.folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def names(deployment: Deployment, *arguments: str) -> list[str]:
    done = run(deployment, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return [row["username"] for row in json.loads(done.stdout)]


def test_users_are_listed_a_page_at_a_time_in_order(deployment: Deployment) -> None:
    every = names(deployment, "list", REALM)
    assert every == sorted(every)
    assert len(every) >= 6
    assert names(deployment, "list", REALM, "--limit", "2") == every[:2]
    assert names(deployment, "list", REALM, "--after", every[1]) == every[2:]
    shown = run(deployment, "list", REALM, "--limit", "2")
    assert shown.stdout.startswith(every[0])
    assert shown.stderr == f"There may be more: --after {every[1]}\n"


def test_users_are_found_by_what_their_name_address_or_number_begins_with(deployment: Deployment) -> None:
    zefs = [f"zef.{number}" for number in range(5)]
    assert names(deployment, "find", REALM, "ZEF.") == zefs
    assert names(deployment, "find", REALM, "zef.3@bank.example") == ["zef.3"]
    assert names(deployment, "find", REALM, "zef*", "--by", "email") == zefs
    assert names(deployment, "find", REALM, "zef", "--by", "phone") == []
    assert names(deployment, "find", REALM, '"zef.3"') == ["zef.3"]
    assert names(deployment, "find", REALM, "zef.", "--exact") == []
    assert names(deployment, "find", REALM, "nobody") == []
    assert "password" not in run(deployment, "find", REALM, "zef", "--json").stdout


def test_a_search_is_read_on_where_its_page_ended(deployment: Deployment) -> None:
    first = run(deployment, "find", REALM, "zef", "--by", "email", "--limit", "3")
    assert [line.split()[0] for line in first.stdout.splitlines()] == ["zef.0", "zef.1", "zef.2"]
    place = first.stderr.removeprefix("There may be more: --after ").strip()
    assert names(deployment, "find", REALM, "zef", "--by", "email", "--after", place) == ["zef.3", "zef.4"]


def test_what_cannot_be_looked_for_is_said_in_one_line(deployment: Deployment) -> None:
    for text, after, said in (("*ef", "", "a * stands at the end"), ("zef", "nowhere!", "is not what this search")):
        done = run(deployment, "find", REALM, text, "--after", after)
        assert done.returncode == 1
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_realm_that_is_not_there_has_no_users(deployment: Deployment) -> None:
    assert names(deployment, "list", "nowhere") == []
