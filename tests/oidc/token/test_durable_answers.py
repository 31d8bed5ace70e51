"""Code, family and event: none of them may be missing on the disk when tokens are handed out, or refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeVar

import pytest

from idp.ports import PartHealth, StoreUnavailableError
from idp.stores.kernel import Kernel, Transaction
from idp.stores.memory import MemoryKernel
from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from tests.fakes import FakeClock
from tests.oidc.harness import Bank
from tests.stores.held_disk import Disk, passing

pytestmark = pytest.mark.anyio
T = TypeVar("T")


class SlowDisk:
    """A kernel whose writes, from a given one on, wait for the disk, which then answers or fails."""

    def __init__(self, clock: FakeClock) -> None:
        self._kernel = MemoryKernel(clock)
        self._answered = asyncio.Event()
        self._quick: int | None = None
        self._works = True

    def slow_after(self, writes: int) -> None:
        """Write so often without a wait; nothing more until `answer`."""
        self._quick = writes

    def answer(self, *, works: bool) -> None:
        """Let everybody who waits go on, and those who come later."""
        self._works = works
        self._answered.set()

    def repair(self) -> None:
        """Be quick again."""
        self._quick = None

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        if self._quick is not None:
            self._quick -= 1
            if self._quick < 0:
                await self._answered.wait()
                if not self._works:
                    raise StoreUnavailableError("The disk is full.")
        return await self._kernel.transact(work)

    async def get(self, kind: str, realm: str, key: str) -> bytes | None:
        return await self._kernel.get(kind, realm, key)

    async def owned(self, kind: str, realm: str, owner: str) -> Sequence[bytes]:
        return await self._kernel.owned(kind, realm, owner)

    async def every(self, kind: str, realm: str) -> Mapping[str, bytes]:
        return await self._kernel.every(kind, realm)

    async def recent(self, realm: str, *, limit: int, transaction_id: str | None) -> Sequence[bytes]:
        return await self._kernel.recent(realm, limit=limit, transaction_id=transaction_id)

    async def page(self, kind: str, realm: str, *, prefix: str, after: str, limit: int) -> Mapping[str, bytes]:
        return await self._kernel.page(kind, realm, prefix=prefix, after=after, limit=limit)

    def together(self) -> AbstractAsyncContextManager[None]:
        return self._kernel.together()

    async def settled(self) -> None:
        await self._kernel.settled()

    async def sweep(self, *, events_before: float, limit: int) -> int:
        return await self._kernel.sweep(events_before=events_before, limit=limit)

    def forgot_at(self, kind: str) -> float:
        return self._kernel.forgot_at(kind)

    async def health(self) -> Sequence[PartHealth]:
        return await self._kernel.health()

    async def close(self) -> None:
        await self._kernel.close()


async def settled() -> None:
    """Let everything go on that can."""
    for _ in range(50):
        await asyncio.sleep(0)


async def bank_on(disk: Kernel, clock: FakeClock) -> Bank:
    bank = Bank(clock, store=KernelStore(disk, clock))
    await bank.customer()
    await bank.login()
    return bank


# The first write takes the code; the second and the third are the family and the event.
@pytest.mark.parametrize("quick", [1, 2])
async def test_no_token_is_answered_before_its_family_and_its_event_are_kept(clock: FakeClock, quick: int) -> None:
    disk = SlowDisk(clock)
    bank = await bank_on(disk, clock)
    code = await bank.code()
    disk.slow_after(quick)
    waiting = asyncio.ensure_future(bank.redeem(code))
    await settled()
    assert not waiting.done()
    disk.answer(works=True)
    assert (await waiting).status_code == 200
    assert await bank.events() == ["CODE_TO_TOKEN"]


@pytest.mark.parametrize("quick", [1, 2])
async def test_tokens_whose_family_or_event_cannot_be_kept_are_not_answered_and_the_code_stays_spent(
    clock: FakeClock, quick: int
) -> None:
    disk = SlowDisk(clock)
    bank = await bank_on(disk, clock)
    code = await bank.code()
    disk.slow_after(quick)
    disk.answer(works=False)
    reply = await bank.redeem(code)
    assert reply.status_code == 503
    assert "access_token" not in reply.json()
    disk.repair()
    again = await bank.redeem(code)
    assert again.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(("verifier", "status"), [({}, 200), ({"code_verifier": "w" * 64}, 400)])
async def test_neither_tokens_nor_a_refusal_are_answered_before_the_disk_has_what_they_stand_on(
    tmp_path: Path, clock: FakeClock, verifier: dict[str, str], status: int
) -> None:
    disk = Disk()
    kernel = SqliteKernel.open(tmp_path / "idp.db", clock=clock, flush=disk)
    bank = await bank_on(kernel, clock)
    code = await bank.code()
    first = await disk.held_by(kernel)
    waiting = asyncio.ensure_future(bank.redeem(code, **verifier))
    await passing()
    assert not waiting.done()
    disk.flushes = 0
    disk.goes_on.set()
    assert (await waiting).status_code == status
    await first
    # One flush for the code that was taken, the family and the event; a refusal's event has its own, behind the code's.
    assert disk.flushes == (2 if status == 200 else 3)
    await kernel.close()


async def test_a_refresh_waits_for_the_disk_once(tmp_path: Path, clock: FakeClock) -> None:
    disk = Disk()
    kernel = SqliteKernel.open(tmp_path / "idp.db", clock=clock, flush=disk)
    bank = await bank_on(kernel, clock)
    tokens = (await bank.redeem(await bank.code())).json()
    disk.flushes = 0
    assert (await bank.refresh(tokens["refresh_token"])).status_code == 200
    assert disk.flushes == 1
    await kernel.close()
