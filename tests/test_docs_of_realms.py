"""`docs/administrators.md` speaks of everything that a realm file may say, and of every finding."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from idp.flows.password_policy import CHECKS, OTHER_RULES
from idp.flows.registry import ACTIONS, CONDITIONS, STEPS
from idp.realms import representation

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "administrators.md").read_text(encoding="utf-8")
PROSE = re.sub(r"^```.*?^```", "", PAGE, flags=re.MULTILINE | re.DOTALL)
NAMED = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`([^`]+)`", PROSE))))
RULE = re.compile(r"\"([ABCFLPR]-[A-Z0-9][A-Za-z0-9-]*)\"")
PARTS = [
    kind
    for kind in vars(representation).values()
    if isinstance(kind, type) and issubclass(kind, representation.Representation) and msgspec.structs.fields(kind)
]


@pytest.mark.parametrize("kind", PARTS, ids=lambda kind: kind.__name__)
def test_every_key_of_a_realm_file_is_on_the_page(kind: type[msgspec.Struct]) -> None:
    assert {field.encode_name for field in msgspec.structs.fields(kind)} - NAMED == set()


def test_every_authenticator_condition_and_action_is_on_the_page() -> None:
    assert {*STEPS, *CONDITIONS, *ACTIONS} - NAMED == set()


@pytest.mark.parametrize("name", [*STEPS, *ACTIONS])
def test_every_setting_of_a_step_is_on_the_page(name: str) -> None:
    kind = STEPS[name].config_type if name in STEPS else ACTIONS[name].config_type
    assert {field.encode_name for field in msgspec.structs.fields(kind)} - NAMED == set()


def test_every_rule_of_a_password_policy_is_on_the_page() -> None:
    assert {*CHECKS, *OTHER_RULES} - NAMED == set()


def test_every_finding_is_on_the_page_and_no_other() -> None:
    sources = [
        path.read_text(encoding="utf-8") for room in ("realms", "flows") for path in (ROOT / "idp" / room).rglob("*.py")
    ]
    findings = set(RULE.findall("\n".join(sources)))
    table = PAGE.partition("\n## Findings\n")[2]
    assert set(re.findall(r"`([ABCFLPR]-[\w-]+)`", table)) == findings
