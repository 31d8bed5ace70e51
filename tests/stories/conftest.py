from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from tests.stories.settled import Home, Town, made, opened
from tests.stories.world import Customer, RelyingParty, World, provider


@pytest.fixture
async def world(tmp_path: Path, anyio_backend: str) -> AsyncIterator[World]:
    del anyio_backend
    async with provider(tmp_path) as opened:
        yield opened


@pytest.fixture
def bank(world: World) -> RelyingParty:
    return world.client()


@pytest.fixture
def arta(world: World) -> Customer:
    return Customer(world, "arta.hoxha", "+355692000101")


@pytest.fixture
def besnik(world: World) -> Customer:
    return Customer(world, "besnik.leka", "+355692000102")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return anyio.run(made, tmp_path_factory.mktemp("home"))


@pytest.fixture
async def town(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    del anyio_backend
    async with opened(home, tmp_path) as town:
        yield town
