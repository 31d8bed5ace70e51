from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

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
