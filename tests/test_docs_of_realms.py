"""`docs/administrators.md` speaks of everything that a realm file may say, `docs/rules.md` of every rule about it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from idp.flows.compiler import compile_realm
from idp.flows.credentials.password_policy import CHECKS, OTHER_RULES
from idp.flows.registry import ACTIONS, CONDITIONS, STEPS
from idp.model.finding import Severity
from idp.realms.catalogue import CATALOGUE, REALM_RULES
from idp.realms.catalogue.clients import CLIENT_RULES
from idp.realms.catalogue.flows import FLOW_RULES
from idp.realms.representation import realm as file
from idp.web.flow_words import FACTORS, FlowWords
from scripts.flows import recipes

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "administrators.md").read_text(encoding="utf-8")
FLOWS = (ROOT / "docs" / "flows.md").read_text(encoding="utf-8")
PROSE = re.sub(r"^```.*?^```", "", PAGE, flags=re.MULTILINE | re.DOTALL)
QUOTED = " ".join(re.findall(r"`([^`]+)`", PROSE))
NAMED = {*re.findall(r"[\w-]+", QUOTED), *re.findall(r"\w+(?:\.\w+)+", QUOTED)}
RULE = re.compile(r"\"([A-Z]-[A-Z0-9][A-Za-z0-9-]*)\"")
PARTS = [
    kind
    for kind in vars(file).values()
    if isinstance(kind, type) and issubclass(kind, file.Representation) and msgspec.structs.fields(kind)
]


@pytest.mark.parametrize("kind", PARTS, ids=lambda kind: kind.__name__)
def test_every_key_of_a_realm_file_is_on_the_page(kind: type[msgspec.Struct]) -> None:
    assert {field.encode_name for field in msgspec.structs.fields(kind)} - NAMED == set()


def test_every_authenticator_condition_and_action_is_on_the_page() -> None:
    assert {*STEPS, *CONDITIONS, *ACTIONS} - NAMED == set()


@pytest.mark.parametrize("name", [*STEPS, *CONDITIONS, *ACTIONS])
def test_every_setting_of_a_step_is_on_the_page(name: str) -> None:
    kind = (STEPS.get(name) or CONDITIONS.get(name) or ACTIONS[name]).config_type
    assert {field.encode_name for field in msgspec.structs.fields(kind)} - NAMED == set()


def test_every_rule_of_a_password_policy_is_on_the_page() -> None:
    assert {*CHECKS, *OTHER_RULES} - NAMED == set()


def test_every_finding_is_of_a_rule_of_the_catalogue_and_no_rule_is_idle() -> None:
    sources = [path for room in ("realms", "flows") for path in (ROOT / "idp" / room).rglob("*.py")]
    told = [path.read_text(encoding="utf-8") for path in sources if path.parent.name != "catalogue"]
    assert set(RULE.findall("\n".join(told))) == CATALOGUE.keys()


def test_no_two_rules_have_one_id() -> None:
    assert len(CATALOGUE) == len((*FLOW_RULES, *REALM_RULES, *CLIENT_RULES))


def test_the_page_of_the_rules_is_what_the_catalogue_says() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "rules.py"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0  # noqa: S603 - the project's own script


def test_the_page_about_flows_has_the_tables_and_pictures_of_the_flows_that_run() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "flows.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - this project's own
    assert done.returncode == 0, done.stderr


def test_every_step_condition_and_action_has_a_name_that_a_person_knows() -> None:
    words = FlowWords("en")
    assert [name for name in (*STEPS, *ACTIONS) if words.step(name) == name] == []
    factors = {name for kind in STEPS.values() for name in kind.contract.factors}
    assert factors - FACTORS.keys() == set()


@pytest.mark.parametrize("title", recipes(FLOWS))
def test_every_recipe_is_a_realm_that_starts(title: str) -> None:
    loaded = recipes(FLOWS)[title]
    findings = (*loaded.findings, *compile_realm(loaded.realm)[1])
    assert [finding for finding in findings if finding.severity is Severity.ERROR] == []
