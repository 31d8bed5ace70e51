"""Clients' keys by address: when they are fetched, kept, fetched again, and when nobody is called."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from joserfc.jwk import ECKey

from idp.crypto.public_keys import KeyRefusedError
from idp.model.clients.assertion import KeySource
from idp.oidc.clients import remote_keys
from idp.oidc.clients.remote_keys import RemoteKeySets
from idp.ports import UnfetchableError
from tests.fakes import FakeClock
from tests.oidc.harness import Bank
from tests.oidc.signers import asserting, claims, signed, staff

pytestmark = pytest.mark.anyio
ADDRESS = "https://robot.example/jwks"
OLD, NEW = (ECKey.generate_key("P-256", {"kid": kid}) for kid in ("old", "new"))


def document(*keys: Any) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


class Site:
    """A client's web site, in memory: an `idp.ports.Outbound`."""

    def __init__(self) -> None:
        self.document = document(OLD)
        self.down = False
        self.calls: list[str] = []
        self.largest = 0

    async def fetch(self, address: str, *, largest: int) -> bytes:
        self.calls.append(address)
        self.largest = largest
        await asyncio.sleep(0)
        if self.down:
            raise UnfetchableError("down")
        return self.document


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def sets(site: Site, clock: FakeClock) -> RemoteKeySets:
    return RemoteKeySets(site, clock)


async def has(sets: RemoteKeySets, kid: str, address: str = ADDRESS) -> bool:
    return (await sets.find(address, kid=kid, algorithm="ES256")).find(kid, "ES256") is not None


async def test_a_set_is_fetched_once_and_kept_for_five_minutes(
    site: Site, sets: RemoteKeySets, clock: FakeClock
) -> None:
    assert await has(sets, "old")
    clock.advance(299)
    assert await has(sets, "old")
    assert site.calls == [ADDRESS]
    clock.advance(1)
    assert await has(sets, "old")
    assert len(site.calls) == 2
    assert site.largest == 64 * 1024


async def test_an_unknown_key_is_looked_for_at_once_and_then_not_for_ten_seconds(
    site: Site, sets: RemoteKeySets, clock: FakeClock
) -> None:
    assert await has(sets, "old")
    site.document = document(OLD, NEW)
    assert await has(sets, "new"), "a client may change its keys right after a fetch"
    for _ in range(5):
        assert not await has(sets, "guessed")
    assert len(site.calls) == 2
    clock.advance(10)
    assert not await has(sets, "guessed")
    assert len(site.calls) == 3


async def test_a_withdrawn_key_counts_no_longer_than_five_minutes(
    site: Site, sets: RemoteKeySets, clock: FakeClock
) -> None:
    assert await has(sets, "old")
    site.document = document(NEW)
    clock.advance(300)
    assert not await has(sets, "old")


async def test_many_who_wait_cause_one_call(site: Site, sets: RemoteKeySets) -> None:
    assert all(await asyncio.gather(*(has(sets, "old") for _ in range(20))))
    assert len(site.calls) == 1


@pytest.mark.parametrize("broken", [b"", b"{}", b'{"keys": []}', b"<html>", b'{"keys": [{"kty": "oct", "k": "YQ"}]}'])
async def test_a_failure_is_not_repeated_for_ten_seconds(
    site: Site, sets: RemoteKeySets, clock: FakeClock, broken: bytes
) -> None:
    site.document = broken
    for _ in range(3):
        with pytest.raises(KeyRefusedError):
            await has(sets, "old")
    assert len(site.calls) == 1
    site.document = document(OLD)
    clock.advance(10)
    assert await has(sets, "old")


async def test_a_site_that_is_down_costs_known_keys_nothing_while_they_are_fresh(
    site: Site, sets: RemoteKeySets, clock: FakeClock
) -> None:
    assert await has(sets, "old")
    site.down = True
    assert not await has(sets, "guessed")
    assert await has(sets, "old")
    clock.advance(300)
    with pytest.raises(KeyRefusedError, match="down"):
        await has(sets, "old")


async def test_the_number_of_sets_is_bounded(site: Site, sets: RemoteKeySets) -> None:
    for number in range(remote_keys._MOST_SETS + 5):
        await has(sets, "old", f"{ADDRESS}/{number}")
    assert len(sets._sets) == remote_keys._MOST_SETS
    await has(sets, "old", f"{ADDRESS}/0")
    assert len(site.calls) == remote_keys._MOST_SETS + 6


async def test_without_a_way_out_no_address_is_called(clock: FakeClock) -> None:
    with pytest.raises(KeyRefusedError, match="no address"):
        await RemoteKeySets(None, clock).find(ADDRESS, kid=None, algorithm="ES256")


async def test_a_client_rotates_its_keys_behind_its_address(site: Site, clock: FakeClock) -> None:
    bank = staff(Bank(clock))
    bank.provider.remote_keys = RemoteKeySets(site, clock)
    bank.change_client("robot", keys=KeySource(jwks_url=ADDRESS))

    async def present(key: Any) -> int:
        return (await bank.post("token", asserting(signed(claims(bank), key=key)))).status_code

    assert (await present(OLD), await present(NEW)) == (200, 401)
    site.document = document(NEW)
    clock.advance(10)
    assert (await present(NEW), await present(OLD)) == (200, 401)
    site.down = True
    clock.advance(300)
    assert await present(NEW) == 401
