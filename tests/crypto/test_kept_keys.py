"""A realm's keys in the store: made, found again, rotated by schedule and by hand, by one of many."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from idp.crypto.kept_keys import KeptKeys
from idp.crypto.key_pairs import pkcs8
from idp.crypto.key_ring import SEEN_BY_ALL, KeyRefusedError
from idp.crypto.sealing import AesGcmSealer
from idp.crypto.signing_keys import SigningKey, SigningKeys, SymmetricKey
from idp.model.clients.protection import KEY_MANAGEMENT
from idp.model.policies.keys import ANNOUNCED, KeyAlgorithm, KeyPolicy, key_policy
from idp.model.realm import Realm
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio
SEALER = AesGcmSealer([b"m" * 32])
DAY = 86400
OVERLAP = 10 * DAY
BY_HAND = KeyPolicy(algorithms=("ES256",), overlap=OVERLAP)
MONTHLY = KeyPolicy(algorithms=("ES256",), rotation=30 * DAY, overlap=OVERLAP)


class Kept:
    """Kept secrets in a dictionary, with a turn of the event loop in every call."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, bytes]] = {}
        self.revisions: dict[str, int] = {}

    async def all(self, purpose: str) -> Mapping[str, bytes]:
        await asyncio.sleep(0)
        return dict(self.values.get(purpose, {}))

    async def keep(self, purpose: str, secret_id: str, sealed: bytes) -> bool:
        await asyncio.sleep(0)
        if secret_id in self.values.setdefault(purpose, {}):
            return False
        return self._written(purpose, secret_id, sealed)

    async def replace(self, purpose: str, secret_id: str, sealed: bytes, *, expected: bytes) -> bool:
        await asyncio.sleep(0)
        if self.values.get(purpose, {}).get(secret_id) != expected:
            return False
        return self._written(purpose, secret_id, sealed)

    async def revision(self, purpose: str) -> int:
        await asyncio.sleep(0)
        return self.revisions.get(purpose, 0)

    def _written(self, purpose: str, secret_id: str, sealed: bytes) -> bool:
        self.values[purpose][secret_id] = sealed
        self.revisions[purpose] = self.revisions.get(purpose, 0) + 1
        return True


@pytest.fixture
def kept() -> Kept:
    return Kept()


def node(kept: Kept, clock: FakeClock, *, realm: str = "bank") -> KeptKeys:
    return KeptKeys(kept, SEALER, realm=realm, clock=clock, random=secrets.token_bytes)


def kids(keys: SigningKeys) -> list[str]:
    return [key["kid"] for key in json.loads(keys.jwks())["keys"]]


async def test_keys_are_made_once_and_found_again_after_a_restart(kept: Kept, clock: FakeClock) -> None:
    first, again = await node(kept, clock).open(KeyPolicy()), await node(kept, clock).open(KeyPolicy())
    assert first.algorithms == ("ES256", "RS256")
    assert first.jwks() == again.jwks()
    assert (first.refresh_key, first.code_key) == (again.refresh_key, again.code_key)
    assert first.refresh_key != first.code_key


async def test_nodes_that_start_together_agree_on_the_keys(kept: Kept, clock: FakeClock) -> None:
    opened = await asyncio.gather(*(node(kept, clock).open(KeyPolicy()) for _ in range(3)))
    assert len({(keys.jwks(), keys.refresh_key, keys.code_key) for keys in opened}) == 1


async def test_a_realm_has_keys_of_the_algorithms_it_uses_only(kept: Kept, clock: FakeClock) -> None:
    one = node(kept, clock)
    assert (await one.open(KeyPolicy(algorithms=("ES256",)))).algorithms == ("ES256",)
    wider = await one.tended(KeyPolicy(algorithms=("ES256", "ES384", "EdDSA")))
    assert wider is not None
    assert wider.algorithms == ("ES256", "ES384", "EdDSA")


async def test_the_kept_keys_are_sealed_for_their_realm(kept: Kept, clock: FakeClock) -> None:
    await node(kept, clock, realm="small-business").open(BY_HAND)
    with pytest.raises(ValueError, match="belongs somewhere else"):
        await node(kept, clock, realm="sme-corporate").open(BY_HAND)


async def test_the_keys_of_the_first_version_go_on_signing(kept: Kept, clock: FakeClock) -> None:
    private, refresh, code = ec.generate_private_key(ec.SECP256R1()), b"r" * 32, b"c" * 32
    former = {"algorithm": "ES256", "pkcs8": pkcs8(private), "created_at": 1000}
    for purpose, secret_id, value in (
        ("signing-keys", "ES256-1", msgspec.msgpack.encode(former)),
        ("symmetric-keys", "refresh-1", refresh),
        ("symmetric-keys", "code-1", code),
    ):
        await kept.keep(purpose, secret_id, SEALER.seal(value, purpose=f"realm/bank/{purpose}/{secret_id}"))
    keys = await node(kept, clock).open(BY_HAND)
    assert keys.signer("ES256").kid == SigningKey("ES256", private, created_at=1).kid
    assert (keys.refresh_key, keys.code_key) == (refresh, code)


async def test_nothing_new_is_answered_with_nothing(kept: Kept, clock: FakeClock) -> None:
    one = node(kept, clock)
    await one.open(MONTHLY)
    before = dict(kept.revisions)
    assert await one.tended(MONTHLY) is None
    clock.advance(20 * DAY)
    assert await one.tended(MONTHLY) is None
    assert kept.revisions == before


async def test_a_rotation_by_schedule_from_publication_to_the_end(kept: Kept, clock: FakeClock) -> None:
    one = node(kept, clock)
    old = await one.open(MONTHLY)
    clock.advance(30 * DAY - ANNOUNCED)
    announced = await one.tended(MONTHLY)
    assert announced is not None
    assert announced.signer("ES256").kid == old.signer("ES256").kid, "it is published before it signs"
    (new,) = set(kids(announced)) - set(kids(old))
    clock.advance(ANNOUNCED)
    signing = await one.tended(MONTHLY)
    assert signing is not None
    assert signing.signer("ES256").kid == new
    assert signing.public(old.signer("ES256").kid) is not None, "what the old one signed is good for the overlap"
    assert signing.refresh_signer.kid != old.refresh_signer.kid
    assert signing.refresh(old.refresh_signer.kid) is not None
    clock.advance(OVERLAP)
    after = await one.tended(MONTHLY)
    assert after is not None
    assert kids(after) == [new]
    assert after.refresh(old.refresh_signer.kid) is None
    ended = [key for key in (await one.ring()).keys if key.disabled_at is not None]
    assert {key.kid for key in ended} == {old.signer("ES256").kid, old.refresh_signer.kid}
    assert not any(key.private for key in ended)


async def test_a_server_that_slept_through_a_rotation_makes_up_for_it(kept: Kept, clock: FakeClock) -> None:
    old = await node(kept, clock).open(MONTHLY)
    clock.advance(365 * DAY)
    keys = await node(kept, clock).open(MONTHLY)
    assert keys.signer("ES256").kid == old.signer("ES256").kid
    assert len(kids(keys)) == 2


async def test_of_nodes_that_rotate_together_one_wins(kept: Kept, clock: FakeClock) -> None:
    nodes = [node(kept, clock) for _ in range(5)]
    for one in nodes:
        await one.open(MONTHLY)
    clock.advance(30 * DAY)
    rotated = await asyncio.gather(*(one.tended(MONTHLY) for one in nodes))
    assert len({keys.jwks() for keys in rotated if keys is not None}) == 1
    assert len([key for key in (await nodes[0].ring()).keys if key.algorithm == "ES256"]) == 2


async def test_nodes_of_two_minds_do_not_overwrite_each_other_for_ever(kept: Kept, clock: FakeClock) -> None:
    here, there = node(kept, clock), node(kept, clock)
    await here.open(BY_HAND)
    await there.open(MONTHLY)
    for _ in range(3):
        await here.tended(BY_HAND)
        await there.tended(MONTHLY)
    before = dict(kept.revisions)
    assert (await here.tended(BY_HAND), await there.tended(MONTHLY)) == (None, None)
    assert kept.revisions == before


async def test_an_operators_rotation_is_seen_at_the_next_look(kept: Kept, clock: FakeClock) -> None:
    server, operator = node(kept, clock), node(kept, clock)
    old = await server.open(BY_HAND)
    new = await operator.rotate("ES256", at_once=False)
    seen = await server.tended(BY_HAND)
    assert seen is not None
    assert new.kid in kids(seen)
    assert seen.signer("ES256").kid == old.signer("ES256").kid
    assert await operator.rotate("ES256", at_once=False) == new, "one that waits is the new one"
    assert (await operator.rotate("ES256", at_once=True)).kid == new.kid
    promoted = await server.tended(BY_HAND)
    assert promoted is not None
    assert promoted.signer("ES256").kid == new.kid


async def test_no_node_signs_with_a_key_before_all_have_had_time_to_publish_it(kept: Kept, clock: FakeClock) -> None:
    quick, slow, operator = node(kept, clock), node(kept, clock), node(kept, clock)
    old = await quick.open(BY_HAND)
    await slow.open(BY_HAND)
    new = await operator.rotate("ES256", at_once=True, unseen=SEEN_BY_ALL)
    seen = await quick.tended(BY_HAND)
    assert seen is not None
    assert seen.signer("ES256").kid == old.signer("ES256").kid
    assert new.kid in kids(seen)
    clock.advance(1)
    assert new.kid in kids(await slow.tended(BY_HAND) or old), "half a second later at the latest"
    clock.advance(SEEN_BY_ALL - 1)
    for each in (quick, slow):
        signing = await each.tended(BY_HAND)
        assert signing is not None
        assert signing.signer("ES256").kid == new.kid


@pytest.mark.parametrize("algorithm", ["PS256", "ES384", "EdDSA"])
async def test_an_operator_gives_a_realm_another_algorithm(
    kept: Kept, clock: FakeClock, algorithm: KeyAlgorithm
) -> None:
    server = node(kept, clock)
    await server.open(BY_HAND)
    key = await node(kept, clock).rotate(algorithm, at_once=False)
    keys = await server.tended(BY_HAND)
    assert keys is not None
    assert keys.algorithms == ("ES256", algorithm)
    await node(kept, clock).disable(key.kid)
    keys = await server.tended(BY_HAND)
    assert keys is not None
    assert keys.algorithms == ("ES256",)


class TickingClock(FakeClock):
    """A clock that goes on while somebody works: a tick at each look."""

    tick = 0.0

    def __call__(self) -> float:
        self.advance(self.tick)
        return super().__call__()


@pytest.mark.parametrize("before", [tenths / 10 for tenths in range(1, 60, 2)])
async def test_a_moment_that_falls_into_a_look_is_not_missed(kept: Kept, before: float) -> None:
    clock = TickingClock()
    server = node(kept, clock)
    await server.open(BY_HAND)
    key = await node(kept, clock).rotate("ES256", at_once=False)
    clock.advance(key.signs_from - before - clock())
    clock.tick = 0.5
    keys = None
    for _ in range(20):
        keys = await server.tended(BY_HAND) or keys
    assert keys is not None
    assert keys.signer("ES256").kid == key.kid


async def test_operators_who_rotate_together_rotate_once_after_the_other(kept: Kept, clock: FakeClock) -> None:
    await node(kept, clock).open(BY_HAND)
    made = await asyncio.gather(*(node(kept, clock).rotate("ES256", at_once=False) for _ in range(5)))
    assert len({key.kid for key in made}) == 1


async def test_a_disabled_key_is_found_no_more(kept: Kept, clock: FakeClock) -> None:
    server, operator = node(kept, clock), node(kept, clock)
    old = (await server.open(BY_HAND)).signer("ES256").kid
    with pytest.raises(KeyRefusedError, match="last active"):
        await operator.disable(old)
    await operator.rotate("ES256", at_once=True)
    await operator.disable(old)
    keys = await server.tended(BY_HAND)
    assert keys is not None
    assert keys.public(old) is None


async def test_a_refresh_key_that_is_disabled_verifies_nothing(kept: Kept, clock: FakeClock) -> None:
    server, operator = node(kept, clock), node(kept, clock)
    old = (await server.open(BY_HAND)).refresh_signer
    new = await operator.rotate("HS256", at_once=True)
    keys = await server.tended(BY_HAND)
    assert keys is not None
    assert keys.refresh_signer.kid == new.kid == SymmetricKey(keys.refresh_key).kid
    assert keys.refresh(old.kid) is not None
    assert new.kid not in kids(keys)
    await operator.disable(old.kid)
    keys = await server.tended(BY_HAND)
    assert keys is not None
    assert keys.refresh(old.kid) is None


async def test_a_realm_that_was_never_served_has_no_keys_to_work_with(kept: Kept, clock: FakeClock) -> None:
    operator = node(kept, clock)
    for ask in (operator.ring(), operator.rotate("ES256", at_once=True), operator.disable("kid")):
        with pytest.raises(KeyRefusedError, match="no server has served it"):
            await ask
    assert kept.values == {}


async def test_what_is_kept_shows_no_private_key(kept: Kept, clock: FakeClock) -> None:
    await node(kept, clock).open(BY_HAND)
    (key,) = [key for key in (await node(kept, clock).ring()).keys if key.algorithm == "ES256"]
    for values in kept.values.values():
        for value in values.values():
            assert key.private not in value
            assert key.kid.encode() not in value


async def test_a_realm_that_has_no_encryption_keys_yet_gets_them_at_start(kept: Kept, clock: FakeClock) -> None:
    before = await node(kept, clock).open(BY_HAND)
    assert (before.decrypts, before.decryptor(None, "ECDH-ES")) == ((), None)
    after = await node(kept, clock).open(key_policy(Realm(name="bank", version="1")))
    assert set(after.decrypts) == set(KEY_MANAGEMENT)
    assert after.signer("ES256").kid == before.signer("ES256").kid
    for_encryption = [key for key in json.loads(after.jwks())["keys"] if key["use"] == "enc"]
    assert [(key["kty"], "alg" in key, "d" in key) for key in for_encryption] == [
        ("RSA", False, False),
        ("EC", False, False),
    ]
    for key in for_encryption:
        assert after.public(key["kid"]) is None, "it verifies nothing"


async def test_a_former_encryption_key_still_decrypts_for_the_overlap_and_is_published_no_more(
    kept: Kept, clock: FakeClock
) -> None:
    policy = msgspec.structs.replace(BY_HAND, encryption=("ECDH-ES",))
    server = node(kept, clock)
    opened = await server.open(policy)
    old = opened.decryptor(None, "ECDH-ES")
    assert old is not None
    new = await node(kept, clock).rotate("ECDH-ES", at_once=True)
    rotated = await server.tended(policy)
    assert rotated is not None
    assert (old.kid in kids(rotated), new.kid in kids(rotated)) == (False, True)
    assert rotated.decryptor(old.kid, "ECDH-ES+A128KW") is not None
    clock.advance(OVERLAP)
    ended = await server.tended(policy)
    assert ended is not None
    assert ended.decryptor(old.kid, "ECDH-ES+A128KW") is None
    with pytest.raises(KeyRefusedError, match="last active one of ECDH-ES"):
        await node(kept, clock).disable(new.kid)
