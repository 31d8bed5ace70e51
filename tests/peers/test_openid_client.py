"""The certified openid-client 6 drives the provider as an application of the bank would, unpatched."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.peers.provider import Examined, missing

SCRIPT = "openid_client.mjs"
SCENARIOS = re.findall(
    r'^  async "([^"]+)"', (Path(__file__).parent / SCRIPT).read_text(encoding="utf-8"), re.MULTILINE
)

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_of_openid_client(exam: Examined, scenario: str) -> None:
    done = exam.run(SCRIPT, scenario, exam.given())
    assert done.returncode == 0, done.stderr[-4000:]


def test_every_scenario_is_driven(exam: Examined) -> None:
    assert json.loads(exam.run(SCRIPT, "--list").stdout) == SCENARIOS
