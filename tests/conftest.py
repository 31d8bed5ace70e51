"""Fixtures of every test."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.fakes import FakeClock

settings.register_profile("patient", deadline=None)  # no test says how fast something must be
settings.load_profile("patient")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
