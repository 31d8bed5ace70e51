from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import sys
import threading
from collections.abc import Iterator

import pytest
from argon2.low_level import Type, hash_secret_raw

from idp.crypto.passwords import Argon2Passwords
from idp.ports import OverloadedError, Unobserved

pytestmark = pytest.mark.anyio
B64 = base64.b64encode


@pytest.fixture
def passwords() -> Iterator[Argon2Passwords]:
    hasher = Argon2Passwords(workers=2, queue=50, memory_kib=64, iterations=1)
    yield hasher
    hasher.close()


def stored(algorithm: str, value: bytes, *, iterations: int, parameters: dict[str, list[str]]) -> bytes:
    salt = B64(b"salt of sixteen!").decode()
    return json.dumps(
        {
            "algorithm": algorithm,
            "value": B64(value).decode(),
            "salt": salt,
            "hashIterations": iterations,
            "additionalParameters": parameters,
        }
    ).encode()


def keycloak_argon2(password: str, *, kind: str = "id") -> bytes:
    types = {"id": Type.ID, "i": Type.I, "d": Type.D}
    value = hash_secret_raw(
        password.encode(),
        b"salt of sixteen!",
        time_cost=5,
        memory_cost=256,
        parallelism=1,
        hash_len=32,
        type=types[kind],
    )
    parameters = {"hashLength": ["32"], "memory": ["256"], "type": [kind], "version": ["1.3"], "parallelism": ["1"]}
    return stored("argon2", value, iterations=5, parameters=parameters)


def keycloak_pbkdf2(password: str, *, algorithm: str, digest: str, size: int = 64) -> bytes:
    value = hashlib.pbkdf2_hmac(digest, password.encode(), b"salt of sixteen!", 100, dklen=size)
    return stored(algorithm, value, iterations=100, parameters={})


async def test_the_right_password_verifies_and_a_wrong_one_does_not(passwords: Argon2Passwords) -> None:
    hashed = await passwords.hash("Fjalëkalim i gjatë")
    assert await passwords.verify("Fjalëkalim i gjatë", hashed)
    assert not await passwords.verify("Fjalekalim i gjate", hashed)
    assert not passwords.outdated(hashed)


async def test_two_hashes_of_one_password_differ(passwords: Argon2Passwords) -> None:
    assert await passwords.hash("x" * 12) != await passwords.hash("x" * 12)


async def test_a_password_typed_on_another_keyboard_verifies(passwords: Argon2Passwords) -> None:
    hashed = await passwords.hash("përse")
    assert await passwords.verify("pe\u0308rse", hashed)


@pytest.mark.parametrize("kind", ["id", "i", "d"])
async def test_keycloak_argon2_hashes_verify_and_are_outdated(passwords: Argon2Passwords, kind: str) -> None:
    hashed = keycloak_argon2("secret word", kind=kind)
    assert await passwords.verify("secret word", hashed)
    assert not await passwords.verify("secret wort", hashed)
    assert passwords.outdated(hashed)


@pytest.mark.parametrize(
    ("algorithm", "digest", "size"),
    [
        ("pbkdf2", "sha1", 64),
        ("pbkdf2-sha256", "sha256", 64),
        ("pbkdf2-sha256", "sha256", 32),
        ("pbkdf2-sha512", "sha512", 64),
    ],
)
async def test_keycloak_pbkdf2_hashes_verify_and_are_outdated(
    passwords: Argon2Passwords, algorithm: str, digest: str, size: int
) -> None:
    hashed = keycloak_pbkdf2("secret word", algorithm=algorithm, digest=digest, size=size)
    assert await passwords.verify("secret word", hashed)
    assert not await passwords.verify("secret wort", hashed)
    assert passwords.outdated(hashed)


async def test_keycloak_hashes_what_was_typed_not_its_normal_form(passwords: Argon2Passwords) -> None:
    hashed = keycloak_argon2("pe\u0308rse")
    assert await passwords.verify("pe\u0308rse", hashed)
    assert not await passwords.verify("përse", hashed)


async def test_without_a_hash_nothing_verifies(passwords: Argon2Passwords) -> None:
    assert not await passwords.verify("", None)
    assert not await passwords.verify("dummy", None)


@pytest.mark.parametrize(
    "hashed",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe", id="not text"),
        pytest.param(b"[]", id="not an object"),
        pytest.param(b'{"algorithm":"md5","value":"YQ==","salt":"YQ==","hashIterations":1}', id="unknown algorithm"),
        pytest.param(b'{"algorithm":"argon2","value":"","salt":"YQ==","hashIterations":1}', id="empty value"),
        pytest.param(b'{"algorithm":"pbkdf2","value":"","salt":"YQ==","hashIterations":1}', id="empty pbkdf2 value"),
        pytest.param(b'{"algorithm":"argon2","value":"YQ==","salt":"!","hashIterations":1}', id="salt is not base64"),
        pytest.param(b'{"algorithm":"argon2","value":"YQ==","salt":"YQ==","hashIterations":0}', id="no iterations"),
        pytest.param(b'{"algorithm":"argon2","value":"YQ==","salt":"YQ==","hashIterations":1}', id="salt too short"),
        pytest.param(
            b'{"algorithm":"argon2","value":"YQ==","salt":"YWFhYWFhYWE=","hashIterations":1,'
            b'"additionalParameters":{"type":["xx"]}}',
            id="unknown argon2 type",
        ),
        pytest.param(
            b'{"algorithm":"argon2","value":"YQ==","salt":"YWFhYWFhYWE=","hashIterations":1,'
            b'"additionalParameters":{"memory":["many"]}}',
            id="memory is not a number",
        ),
        pytest.param(
            b'{"algorithm":"argon2","value":"YQ==","salt":"YWFhYWFhYWE=","hashIterations":1,'
            b'"additionalParameters":{"memory":["999999999"]}}',
            id="memory without bound",
        ),
        pytest.param(
            b'{"algorithm":"pbkdf2","value":"YQ==","salt":"YWFh","hashIterations":999999999}', id="hours of iterations"
        ),
    ],
)
async def test_a_hash_that_cannot_be_read_is_never_right_and_never_raises(
    passwords: Argon2Passwords, hashed: bytes
) -> None:
    assert not await passwords.verify("anything", hashed)
    assert not await passwords.verify("", hashed)


@pytest.mark.parametrize("hashed", [b"", b"[]"])
def test_an_unreadable_hash_is_outdated(passwords: Argon2Passwords, hashed: bytes) -> None:
    assert passwords.outdated(hashed)


async def test_a_very_long_password_is_refused(passwords: Argon2Passwords) -> None:
    longest = "x" * 1024
    assert await passwords.verify(longest, await passwords.hash(longest))
    assert not await passwords.verify("x" * 1025, keycloak_argon2("x" * 1025))
    with pytest.raises(ValueError, match="too long"):
        await passwords.hash("x" * 1025)


async def test_a_lone_surrogate_is_a_wrong_password(passwords: Argon2Passwords) -> None:
    assert not await passwords.verify("\ud800", await passwords.hash("x"))


async def test_other_parameters_make_a_hash_outdated(passwords: Argon2Passwords) -> None:
    stronger = Argon2Passwords(workers=1, queue=1, memory_kib=128, iterations=1)
    hashed = await passwords.hash("x")
    assert stronger.outdated(hashed)
    assert await stronger.verify("x", hashed)
    stronger.close()


async def test_more_callers_than_the_queue_holds_are_told_at_once() -> None:
    passwords = Argon2Passwords(workers=1, queue=2, memory_kib=1024, iterations=3)
    with passwords.place(), passwords.place(), passwords.place():  # one at work, two waiting
        results = await asyncio.gather(*(passwords.verify("x", None) for _ in range(10)), return_exceptions=True)
    assert [type(result) for result in results] == [OverloadedError] * 10
    results = await asyncio.gather(*(passwords.verify("x", None) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [bool] * 3
    assert await passwords.verify("x", None) is False  # there is room again
    passwords.close()


async def test_one_subscriber_fills_half_of_the_queue_and_leaves_the_rest_to_others() -> None:
    passwords = Argon2Passwords(workers=1, queue=3, memory_kib=64, iterations=1)
    try:
        with passwords.share("192.0.2.1"), passwords.share("192.0.2.1"):
            for _ in range(2):
                with pytest.raises(OverloadedError), passwords.share("192.0.2.1"):
                    pytest.fail("a third one of four")
            with passwords.share("192.0.2.2"):
                assert await passwords.verify("x", None) is False
        with passwords.share("192.0.2.1"):
            pass
        assert not passwords._shares, "who is done with is forgotten"
    finally:
        passwords.close()


async def test_a_caller_that_goes_away_gives_its_place_back() -> None:
    passwords = Argon2Passwords(workers=1, queue=1, memory_kib=64, iterations=1)
    for _ in range(10):
        task = asyncio.create_task(passwords.verify("x", None))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.01)
    assert await passwords.verify("x", None) is False
    passwords.close()


@pytest.mark.parametrize(("iterations", "memory_kib"), [(0, 64), (1, 4)])
def test_impossible_parameters_are_refused_at_start(iterations: int, memory_kib: int) -> None:
    with pytest.raises(ValueError, match="argon2 needs"):
        Argon2Passwords(workers=1, queue=1, iterations=iterations, memory_kib=memory_kib)


@pytest.mark.anyio
async def test_a_place_that_is_held_is_nobody_elses_and_is_free_for_the_verification_that_follows() -> None:
    passwords = Argon2Passwords(workers=1, queue=0, memory_kib=64, iterations=1)
    try:
        with passwords.place():
            with pytest.raises(OverloadedError), passwords.place():
                pytest.fail("there was only one place")
            with pytest.raises(OverloadedError):
                await passwords.verify("somebody else", None)
        assert not await passwords.verify("whoever held the place", None)
    finally:
        passwords.close()


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has a niceness of its own on Linux alone")
async def test_hashing_gives_way_to_everything_else_of_the_process() -> None:
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    passwords = Argon2Passwords(workers=1, queue=1, memory_kib=64, iterations=1)
    await passwords.hash("x")
    (worker,) = [thread for thread in threading.enumerate() if thread.name.startswith("passwords")]
    assert os.getpriority(os.PRIO_PROCESS, worker.native_id or 0) > ours
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == ours
    passwords.close()


class Hashes(Unobserved):
    """An observer that keeps what it hears of hashes."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, float]] = []

    def hashed(self, waited: float, took: float) -> None:
        self.heard.append((waited, took))


async def test_who_watches_hears_how_long_each_waited_and_sees_how_many_wait() -> None:
    hashes = Hashes()
    hasher = Argon2Passwords(workers=1, queue=50, memory_kib=64, iterations=1, observer=hashes)
    waiting = [asyncio.ensure_future(hasher.hash("a password")) for _ in range(5)]
    await asyncio.sleep(0)
    assert 1 <= hasher.queued <= 5
    await asyncio.gather(*waiting)
    hasher.close()
    assert hasher.queued == 0
    assert len(hashes.heard) == 5
    assert all(waited >= 0 and took > 0 for waited, took in hashes.heard)
    assert max(waited for waited, _ in hashes.heard) > min(took for _, took in hashes.heard), "the last one waited"
