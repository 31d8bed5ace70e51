"""Keys that change under a provider at work: what is published, what signs, and what is still believed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import MutableMapping
from typing import Any, get_args

import httpx
import msgspec
import pytest
import structlog
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.crypto.base64url import base64url
from idp.crypto.jose import TokenError
from idp.crypto.kept_keys import KeptKeys
from idp.crypto.sealing import AesGcmSealer
from idp.model.client import SigningAlgorithm
from idp.model.clients.protection import Protection
from idp.model.policies.credentials import Lifespans
from idp.model.policies.keys import ANNOUNCED, key_policy
from idp.oidc.metadata.key_watch import follow_keys, watch_keys
from idp.oidc.token.tokens import read_id_token_hint
from tests.fakes import FakeClock
from tests.oidc.harness import PATH, REALM, Bank, segment
from tests.patience import until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864"),  # relying parties know it by that name
]
DISCOVERY = "/realms/bank/.well-known/openid-configuration"
DAY = 86400
HASHES = {"ES384": hashlib.sha384, "EdDSA": hashlib.sha512}


class Keyed:
    """A bank whose keys come from its store, and an operator with keys of the same store."""

    def __init__(self, bank: Bank, clock: FakeClock) -> None:
        sealer = AesGcmSealer([b"m" * 32])
        self.bank, self.clock = bank, clock
        self.server, self.operator = (
            KeptKeys(bank.stores.secrets, sealer, realm="bank", clock=clock, random=secrets.token_bytes)
            for _ in range(2)
        )

    async def follow(self) -> bool:
        return await follow_keys(self.bank.provider, self.server)

    async def published(self) -> dict[str, str]:
        keys = (await self.bank.http.get(PATH + "certs")).json()["keys"]
        return {key["kid"]: key["alg"] for key in keys if key["use"] == "sig"}

    def hint_is_believed(self, id_token: str) -> bool:
        """Tell whether a logout or an authorization request takes the hint."""
        try:
            read_id_token_hint(self.bank.provider, id_token)
        except TokenError:
            return False
        return True


@pytest.fixture
async def keyed(bank: Bank, clock: FakeClock) -> Keyed:
    keyed = Keyed(bank, clock)
    assert await keyed.follow()
    return keyed


async def key_set(bank: Bank) -> KeySet:
    return KeySet.import_key_set((await bank.http.get(PATH + "certs")).json())


@pytest.mark.parametrize("algorithm", get_args(SigningAlgorithm))
async def test_a_client_gets_tokens_of_the_algorithms_it_registered(keyed: Keyed, algorithm: SigningAlgorithm) -> None:
    bank = keyed.bank
    bank.change_client("app", id_token=Protection(signed=algorithm), access_token_algorithm=algorithm)
    await keyed.follow()
    answer = await bank.tokens()
    keys = await key_set(bank)
    for name in ("id_token", "access_token"):
        assert segment(answer[name], 0)["alg"] == algorithm
        jwt.decode(answer[name], keys, algorithms=[algorithm])
    digest = HASHES.get(algorithm, hashlib.sha256)(answer["access_token"].encode()).digest()
    assert segment(answer["id_token"], 1)["at_hash"] == base64url(digest[: len(digest) // 2])
    assert (await bank.userinfo(answer["access_token"])).status_code == 200


async def test_at_hash_goes_by_the_id_tokens_algorithm_and_not_by_the_access_tokens(keyed: Keyed) -> None:
    keyed.bank.change_client("app", id_token=Protection(signed="ES384"), access_token_algorithm="RS256")
    await keyed.follow()
    answer = await keyed.bank.tokens()
    digest = hashlib.sha384(answer["access_token"].encode()).digest()
    assert segment(answer["id_token"], 1)["at_hash"] == base64url(digest[:24])


async def test_discovery_lists_the_algorithms_that_there_are_keys_of(keyed: Keyed) -> None:
    async def listed() -> list[str]:
        document = (await keyed.bank.http.get(DISCOVERY)).json()
        algorithms: list[str] = document["id_token_signing_alg_values_supported"]
        return algorithms

    assert await listed() == ["ES256", "RS256"]
    key = await keyed.operator.rotate("EdDSA", at_once=False)
    assert await keyed.follow()
    assert await listed() == ["ES256", "RS256", "EdDSA"]
    await keyed.operator.disable(key.kid)
    assert await keyed.follow()
    assert await listed() == ["ES256", "RS256"]


async def test_a_realms_default_algorithm_has_a_key_as_soon_as_it_is_published(keyed: Keyed) -> None:
    keyed.bank.realm = msgspec.structs.replace(REALM, default_signature_algorithm="PS256")
    assert await keyed.follow()
    assert segment((await keyed.bank.tokens())["access_token"], 0)["alg"] == "PS256"


async def test_a_look_that_finds_nothing_changes_nothing(keyed: Keyed) -> None:
    keys = keyed.bank.provider.keys
    assert not await keyed.follow()
    assert keyed.bank.provider.keys is keys


async def test_tokens_of_a_passive_key_are_good_and_those_of_a_disabled_one_are_refused(keyed: Keyed) -> None:
    bank = keyed.bank
    tokens = await bank.tokens()
    old = segment(tokens["access_token"], 0)["kid"]
    assert segment(tokens["id_token"], 0)["kid"] == old

    await keyed.operator.rotate("ES256", at_once=True)
    await keyed.follow()
    assert old in await keyed.published()
    assert (await bank.userinfo(tokens["access_token"])).status_code == 200
    assert (await bank.introspect(tokens["access_token"]))["active"] is True
    assert keyed.hint_is_believed(tokens["id_token"])
    fresh = await bank.tokens()
    assert segment(fresh["access_token"], 0)["kid"] != old

    await keyed.operator.disable(old)
    await keyed.follow()
    assert old not in await keyed.published()
    refused = await bank.userinfo(tokens["access_token"])
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    assert await bank.introspect(tokens["access_token"]) == {"active": False}
    assert not keyed.hint_is_believed(tokens["id_token"])
    assert (await bank.userinfo(fresh["access_token"])).status_code == 200
    assert keyed.hint_is_believed(fresh["id_token"])


async def test_a_refresh_token_outlives_a_rotation_and_not_its_key(keyed: Keyed) -> None:
    bank = keyed.bank
    tokens = await bank.tokens()
    old = segment(tokens["refresh_token"], 0)["kid"]
    await keyed.operator.rotate("HS256", at_once=True)
    await keyed.follow()
    refreshed = await bank.refresh(tokens["refresh_token"])
    assert refreshed.status_code == 200
    newer = refreshed.json()["refresh_token"]
    assert segment(newer, 0)["kid"] != old
    await keyed.operator.disable(old)
    await keyed.follow()
    refused = await bank.refresh(tokens["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert (await bank.refresh(newer)).status_code == 200


async def test_no_refresh_key_of_any_state_is_published(keyed: Keyed) -> None:
    for at_once in (True, False):
        await keyed.operator.rotate("HS256", at_once=at_once)
    await keyed.follow()
    assert set((await keyed.published()).values()) == {"ES256", "RS256"}


async def test_the_schedule_of_the_realm_is_kept(keyed: Keyed) -> None:
    bank, clock = keyed.bank, keyed.clock
    attributes = {"hyrja.keyRotationDays": "30", "hyrja.keyOverlapDays": "7"}
    short = Lifespans(sso_max=3600, offline_idle=3600)
    bank.realm = msgspec.structs.replace(REALM, attributes=attributes, lifespans=short)
    await keyed.follow()
    before = await keyed.published()
    signing = bank.provider.keys.signer("ES256").kid

    clock.advance(30 * DAY - ANNOUNCED)
    assert await keyed.follow()
    announced = await keyed.published()
    assert set(before) < set(announced)
    assert sorted(announced.values()) == ["ES256", "ES256", "RS256", "RS256"]
    assert bank.provider.keys.signer("ES256").kid == signing

    clock.advance(ANNOUNCED)
    assert await keyed.follow()
    assert bank.provider.keys.signer("ES256").kid in set(announced) - set(before)
    assert set(await keyed.published()) == set(announced)

    clock.advance(7 * DAY - 1)
    assert not await keyed.follow()
    clock.advance(1)
    assert await keyed.follow()
    assert set(await keyed.published()) == set(announced) - set(before)


async def test_an_overlap_is_never_shorter_than_the_longest_life_of_a_token() -> None:
    realm = msgspec.structs.replace(
        REALM, attributes={"hyrja.keyOverlapDays": "1"}, lifespans=Lifespans(offline_idle=9 * DAY)
    )
    assert key_policy(realm).overlap == 9 * DAY


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "soon", "99999", "³", "٣"])
async def test_days_that_make_no_sense_are_no_schedule(text: str) -> None:
    realm = msgspec.structs.replace(REALM, attributes={"hyrja.keyRotationDays": text})
    assert key_policy(realm).rotation is None


async def test_what_the_log_says_of_keys_is_public(keyed: Keyed) -> None:
    await keyed.operator.rotate("ES256", at_once=True)
    await keyed.follow()
    (line,) = [line for line in keyed.bank.logged if line["event"] == "signing keys loaded"][-1:]
    assert line["signing"]["ES256"] == keyed.bank.provider.keys.signer("ES256").kid
    ring = await keyed.operator.ring()
    text = json.dumps(keyed.bank.logged, default=str)
    assert not any(key.private and key.private.hex() in text for key in ring.keys)


async def test_an_answer_of_the_key_set_is_never_half_old(keyed: Keyed) -> None:
    reply: httpx.Response = await keyed.bank.http.get(PATH + "certs")
    assert reply.content == keyed.bank.provider.keys.jwks()
    await keyed.operator.rotate("RS256", at_once=False)
    await keyed.follow()
    assert (await keyed.bank.http.get(PATH + "certs")).content == keyed.bank.provider.keys.jwks() != reply.content


async def test_a_realm_whose_keys_do_not_open_keeps_its_own_and_no_other_realm_waits(keyed: Keyed) -> None:
    stranger = KeptKeys(
        keyed.bank.stores.secrets,
        AesGcmSealer([b"x" * 32]),
        realm="bank",
        clock=keyed.clock,
        random=secrets.token_bytes,
    )
    broken = Bank(keyed.clock)
    had = broken.provider.keys
    key = await keyed.operator.rotate("ES256", at_once=True)
    said: list[str] = []

    def keep(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> str:
        said.append(line["realm"])
        raise structlog.DropEvent

    log = structlog.wrap_logger(None, processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(0))
    watched = {"broken": (broken.provider, stranger), "bank": (keyed.bank.provider, keyed.server)}
    watching = asyncio.create_task(watch_keys(watched, log))
    await until(lambda: keyed.bank.provider.keys.signer("ES256").kid == key.kid)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert broken.provider.keys is had
    assert set(said) == {"broken"}
