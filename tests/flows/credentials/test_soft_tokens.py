"""The address in the QR code, by kind of token, and the codes of a token by counter."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from idp.flows.credentials.enrolment import Enrolment
from idp.flows.credentials.soft_tokens import burnt, moved_on
from idp.flows.step import Challenge
from idp.model.policies.credentials import OtpPolicy
from tests.flows.bench import SEED, Bench, demo_realm

pytestmark = pytest.mark.anyio


async def shown(policy: OtpPolicy) -> Challenge:
    bench = Bench()
    login = bench.login(await bench.add_user())
    realm = msgspec.structs.replace(demo_realm(), otp_policy=policy)
    challenge = await Enrolment(realm=realm, services=bench.services).challenge(login)
    assert isinstance(challenge, Challenge)
    return challenge


async def test_the_qr_code_of_a_counting_token_says_where_it_begins() -> None:
    challenge = await shown(OtpPolicy(kind="hotp", initial_counter=5, algorithm="HmacSHA256"))
    address = urlsplit(challenge.fields["otpauth"])
    assert (address.scheme, address.netloc) == ("otpauth", "hotp")
    assert parse_qs(address.query)["counter"] == ["5"]
    assert parse_qs(address.query)["algorithm"] == ["SHA256"]
    assert challenge.fields["app_url"] == "", "our own application makes codes by time only"


async def test_the_qr_code_of_a_token_by_time_is_as_ever() -> None:
    challenge = await shown(OtpPolicy())
    address = urlsplit(challenge.fields["otpauth"])
    assert (address.netloc, "counter" in parse_qs(address.query)) == ("totp", False)
    assert challenge.fields["app_url"]


async def test_a_counter_is_burnt_with_everything_before_it() -> None:
    bench = Bench()
    token = msgspec.structs.replace(bench.token_credential(), kind="hotp", counter=2)
    user = await bench.add_user()
    await bench.stores.users.replace(msgspec.structs.replace(user, credentials=(*user.credentials, token)))

    async def gives(code: str) -> int | None:
        (present,) = (await bench.user()).otps
        found = await burnt(bench.services, SEED, code, present, now=bench.now, window=3)
        if found is not None:
            await moved_on(bench.services, user.id, present, found)
        return found

    # RFC 4226, appendix D: the codes of the counters 3, 4, 5 and 1, of the very seed of the bench.
    assert await gives("338314") == 4
    assert (await bench.user()).otps[0].counter == 5
    for used in ("338314", "969429", "287082"):
        assert await gives(used) is None
    assert await gives("254676") == 5


async def test_of_two_requests_with_one_code_one_burns_it() -> None:
    bench = Bench()
    token = msgspec.structs.replace(bench.token_credential(), kind="hotp", counter=0)
    found = [await burnt(bench.services, SEED, "755224", token, now=bench.now, window=1) for _ in range(2)]
    assert found == [0, None]


async def test_the_counter_of_a_token_by_time_stays_at_nothing() -> None:
    bench = Bench()
    before = await bench.add_user(token=True)
    await moved_on(bench.services, before.id, before.otps[0], 7)
    assert await bench.user() == before
