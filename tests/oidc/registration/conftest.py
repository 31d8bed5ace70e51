from __future__ import annotations

import pytest

from tests.fakes import FakeClock
from tests.oidc.harness import Bank
from tests.oidc.registration.registering import registrar


@pytest.fixture
async def bank(clock: FakeClock, anyio_backend: str) -> Bank:
    """A bank that registers whoever comes."""
    del anyio_backend
    return await registrar(clock)
