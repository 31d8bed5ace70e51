from __future__ import annotations

import base64
import hashlib

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.crypto.one_time_codes import accepted_counter, accepted_step, keyed_code, normalised, truncated
from idp.model.policies.credentials import OtpAlgorithm

SEED = b"12345678901234567890"
SEEDS: dict[OtpAlgorithm, bytes] = {
    "HmacSHA1": SEED,
    "HmacSHA256": b"12345678901234567890123456789012",
    "HmacSHA512": b"1234567890123456789012345678901234567890123456789012345678901234",
}
HOTP_VECTORS = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
TOTP_VECTORS: list[tuple[int, str, str, str]] = [
    (59, "94287082", "46119246", "90693936"),
    (1111111109, "07081804", "68084774", "25091201"),
    (1111111111, "14050471", "67062674", "99943326"),
    (1234567890, "89005924", "91819424", "93441116"),
    (2000000000, "69279037", "90698825", "38618901"),
    (20000000000, "65353130", "77737706", "47863826"),
]


@pytest.mark.parametrize(("counter", "code"), list(enumerate(HOTP_VECTORS)))
def test_codes_match_rfc_4226_appendix_d(counter: int, code: str) -> None:
    assert truncated(SEED, counter) == code


@pytest.mark.parametrize(("now", "sha1", "sha256", "sha512"), TOTP_VECTORS)
def test_codes_match_rfc_6238_appendix_b(now: int, sha1: str, sha256: str, sha512: str) -> None:
    expected: dict[OtpAlgorithm, str] = {"HmacSHA1": sha1, "HmacSHA256": sha256, "HmacSHA512": sha512}
    for algorithm, code in expected.items():
        seed = SEEDS[algorithm]
        assert truncated(seed, now // 30, algorithm=algorithm, digits=8) == code
        assert accepted_step(seed, code, now=now, algorithm=algorithm, digits=8) == now // 30


def code_at(step: int) -> str:
    return truncated(SEED, step)


@pytest.mark.parametrize(
    ("now", "window", "accepted"),
    [
        pytest.param(3000, 1, {100, 99}, id="the first second"),
        pytest.param(3009, 1, {100, 99}, id="the tenth second"),
        pytest.param(3010, 1, {100}, id="the eleventh second (CVE-2024-7318)"),
        pytest.param(3029, 1, {100}, id="the last second"),
        pytest.param(3000, 0, {100}, id="no window"),
        pytest.param(3000, 5, {100, 99}, id="a wide window never widens it"),
    ],
)
def test_only_the_current_step_and_for_ten_seconds_the_previous_one(now: int, window: int, accepted: set[int]) -> None:
    found = {step for step in range(90, 111) if accepted_step(SEED, code_at(step), now=now, window=window) is not None}
    assert found == accepted


def test_the_step_that_was_accepted_is_told() -> None:
    assert accepted_step(SEED, code_at(99), now=3001) == 99


@pytest.mark.parametrize("code", ["", "1", "abcdef", "\u0660" * 6, "1234567", "0" * 10_000])
def test_anything_else_is_not_accepted(code: str) -> None:
    assert accepted_step(SEED, code, now=3000) is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("012345", "012345"),
        (" 012 345 ", "012345"),
        ("012-345", "012345"),
        ("012–345", "012345"),  # noqa: RUF001 - the dash that phones put in
        ("\u202a012345\u202c", "012345"),
        ("٠١٢٣٤٥", "012345"),
        ("０１２３４５", "012345"),  # noqa: RUF001 - full-width digits
        ("012345x", ""),
        ("½", ""),
        ("²", ""),
        ("", ""),
        ("+1", ""),
        ("1" * 65, ""),
    ],
)
def test_what_a_person_types_is_read_as_digits(typed: str, meant: str) -> None:
    assert normalised(typed) == meant


@given(st.text())
def test_normalising_gives_only_ascii_digits_and_is_idempotent(typed: str) -> None:
    code = normalised(typed)
    assert code == "" or (code.isascii() and code.isdigit())
    assert normalised(code) == code


def test_a_keyed_code_has_the_asked_number_of_digits() -> None:
    codes = [keyed_code(b"k", str(number), digits=6) for number in range(200)]
    assert {len(code) for code in codes} == {6}
    assert len(set(codes)) > 190
    assert any(code.startswith("0") for code in codes)
    assert len(keyed_code(b"k", "x", digits=8)) == 8


def test_a_keyed_code_depends_on_key_and_on_where_its_parts_begin() -> None:
    assert keyed_code(b"k", "ab", "c", digits=9) != keyed_code(b"k", "a", "bc", digits=9)
    assert keyed_code(b"k", "ab", digits=9) != keyed_code(b"K", "ab", digits=9)
    assert keyed_code(b"k", "ab", digits=9) == keyed_code(b"k", "ab", digits=9)


HOTP = ("755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489")
"""RFC 4226, appendix D: the codes of the counters 0 to 9."""


def test_codes_by_counter_are_those_of_the_rfc() -> None:
    for counter, code in enumerate(HOTP):
        assert accepted_counter(b"12345678901234567890", code, expected=counter, window=0) == counter


def test_a_counter_is_found_ahead_within_the_window_and_never_behind() -> None:
    seed = b"12345678901234567890"
    assert accepted_counter(seed, HOTP[5], expected=3, window=2) == 5
    assert accepted_counter(seed, HOTP[6], expected=3, window=2) is None
    assert accepted_counter(seed, HOTP[2], expected=3, window=2) is None
    assert accepted_counter(seed, "", expected=0, window=9) is None


@given(
    secret=st.binary(min_size=14, max_size=64),
    counter=st.integers(0, 2**63),
    algorithm=st.sampled_from(["HmacSHA1", "HmacSHA256", "HmacSHA512"]),
    digits=st.integers(6, 10),
)
def test_codes_are_those_of_another_library(secret: bytes, counter: int, algorithm: OtpAlgorithm, digits: int) -> None:
    theirs = pyotp.HOTP(
        base64.b32encode(secret).decode(), digits=digits, digest=getattr(hashlib, algorithm[4:].lower())
    )
    assert truncated(secret, counter, algorithm=algorithm, digits=digits) == theirs.generate_otp(counter)
