"""The certified openid-client and oauth4webapi drive the provider as applications of the bank would, unpatched."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.peers.provider import Examined, missing

FOLDER = Path(__file__).parent
SCRIPTS = ("openid_client.mjs", "oauth4webapi.mjs")
SCENARIOS = {
    script: re.findall(r'^  async "([^"]+)"', (FOLDER / script).read_text(encoding="utf-8"), re.MULTILINE)
    for script in SCRIPTS
}

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")


@pytest.mark.parametrize(
    ("script", "scenario"), [(script, scenario) for script in SCRIPTS for scenario in SCENARIOS[script]]
)
def test_a_certified_library_is_content(exam: Examined, script: str, scenario: str) -> None:
    done = exam.run(script, scenario, exam.given())
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_scenario_is_driven(exam: Examined, script: str) -> None:
    assert json.loads(exam.run(script, "--list").stdout) == SCENARIOS[script]
