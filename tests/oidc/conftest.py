from __future__ import annotations

import pytest

from tests.fakes import FakeClock
from tests.oidc.harness import Bank


@pytest.fixture
def bank(clock: FakeClock) -> Bank:
    return Bank(clock)
