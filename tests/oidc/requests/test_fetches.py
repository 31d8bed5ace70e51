"""A flood of requests by reference is no flood of calls."""

from __future__ import annotations

import asyncio

import pytest

from idp.oidc.requests.fetches import Fetches
from idp.ports import UnfetchableError

pytestmark = pytest.mark.anyio


class SlowSite:
    """A site that answers when it is told to."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.open = asyncio.Event()
        self.down = False

    async def fetch(self, address: str, *, largest: int) -> bytes:
        del largest
        self.calls.append(address)
        await self.open.wait()
        if self.down:
            raise UnfetchableError("down")
        return f"{address} {len(self.calls)}".encode()


async def waiting(fetches: Fetches, site: SlowSite, address: str, number: int) -> list[asyncio.Task[bytes]]:
    tasks = [asyncio.ensure_future(fetches.fetch(site, address, largest=1)) for _ in range(number)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_many_who_ask_at_once_share_one_call_and_the_next_is_a_new_one() -> None:
    fetches, site = Fetches(), SlowSite()
    tasks = await waiting(fetches, site, "a", 50)
    other = await waiting(fetches, site, "b", 1)
    assert site.calls == ["a", "b"]
    site.open.set()
    assert set(await asyncio.gather(*tasks)) == {b"a 2"}
    assert await other[0] == b"b 2"
    assert await fetches.fetch(site, "a", largest=1) == b"a 3", "nothing is kept"


async def test_a_failure_is_everybodys_and_the_next_call_may_succeed() -> None:
    fetches, site = Fetches(), SlowSite()
    tasks = await waiting(fetches, site, "a", 3)
    site.down = True
    site.open.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, UnfetchableError) for result in results)
    site.down = False
    assert await fetches.fetch(site, "a", largest=1)


async def test_one_who_goes_away_takes_nothing_from_the_others() -> None:
    fetches, site = Fetches(), SlowSite()
    first, second = await waiting(fetches, site, "a", 2)
    first.cancel()
    await asyncio.sleep(0)
    site.open.set()
    assert await second == b"a 1"
    assert first.cancelled()
