"""Fixtures of every test."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.fakes import FakeClock

# No test says how fast something must be. The same examples every time, so that a change is judged by itself;
# `make fuzz` looks for new ones, and what it finds becomes an `@example`.
settings.register_profile("patient", deadline=None, derandomize=True)
settings.register_profile("seeking", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYRJA_HYPOTHESIS", "patient"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
