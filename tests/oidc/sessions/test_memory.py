"""Sessions live in the store: a process that serves a hundred thousand of them holds none (see also `make bench`)."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

import pytest

from idp.oidc.sessions.user_sessions import live_session
from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from tests.fakes import FakeClock
from tests.oidc.harness import Bank

pytestmark = pytest.mark.anyio
EACH = 16
"""Bytes that a session may leave behind: less than a pointer and its object."""


async def served(bank: Bank, numbers: range) -> None:
    """Make sessions, and look at each as every request does."""
    async with bank.stores.together():
        for number in numbers:
            await bank.login(sid=f"sid-{number}")
    for number in numbers:
        found = await live_session(bank.provider, f"sid-{number}", "app", issued_at=bank.provider.now())
        assert found is not None


def held() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def test_a_live_session_leaves_nothing_in_the_memory_of_the_process(tmp_path: Path, clock: FakeClock) -> None:
    kernel = SqliteKernel.open(tmp_path / "idp.db", clock=clock)
    bank = Bank(clock, store=KernelStore(kernel, clock))
    tracemalloc.start()
    try:
        await served(bank, range(200))  # what is made once is made
        before = held()
        await served(bank, range(200, 2200))
        assert held() - before < 2000 * EACH
    finally:
        tracemalloc.stop()
    await kernel.close()
