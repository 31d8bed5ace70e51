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

LONG = ("cli/", "faults/", "journeys/", "assurance/test_replay", "benchmarks/", "peers/", "softtoken/")
"""Files whose tests start processes and browsers. They go first: begun last, one of them would be waited for alone."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(tuple(f"tests/{place}" for place in LONG)))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
