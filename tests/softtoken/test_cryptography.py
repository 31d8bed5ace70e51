"""The application's own cryptography against the vectors of its specifications and against other implementations."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import pytest
from argon2.low_level import Type, hash_secret_raw

if TYPE_CHECKING:
    from tests.softtoken.phone import Phone

pytestmark = pytest.mark.browser

HEX = "Array.from({}, (byte) => byte.toString(16).padStart(2, '0')).join('')"


def test_blake2b_gives_the_digest_of_the_specification(workshop: Phone) -> None:
    digest = workshop.computed("blake2b.js", HEX.format("m.blake2b(new TextEncoder().encode('abc'))"))

    assert digest == (  # RFC 7693 appendix A
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"
    )


@pytest.mark.parametrize("length", [0, 1, 127, 128, 129, 256, 1000])
def test_blake2b_agrees_with_another_implementation_at_the_edges_of_its_blocks(workshop: Phone, length: int) -> None:
    message = bytes(i % 251 for i in range(length))

    digest = workshop.computed("blake2b.js", HEX.format("m.blake2b(Uint8Array.from(input), 40)"), list(message))

    assert digest == hashlib.blake2b(message, digest_size=40).hexdigest()


def test_argon2id_gives_the_tag_of_the_specification(workshop: Phone) -> None:
    tag = workshop.computed(
        "argon2.js",
        HEX.format(
            "m.argon2id({password: new Uint8Array(32).fill(1), salt: new Uint8Array(16).fill(2),"
            "secret: new Uint8Array(8).fill(3), associated: new Uint8Array(12).fill(4),"
            "memoryKiB: 32, passes: 3, lanes: 4})"
        ),
    )

    assert tag == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"  # RFC 9106 §5.3


@pytest.mark.parametrize(
    ("memory", "passes", "lanes", "length"),
    [
        pytest.param(19456, 2, 1, 32, id="as the vault uses it"),
        pytest.param(1024, 1, 2, 64, id="two lanes, one pass"),
        pytest.param(4099, 3, 3, 100, id="memory that is not a multiple, a long tag"),
    ],
)
def test_argon2id_agrees_with_another_implementation(
    workshop: Phone, memory: int, passes: int, lanes: int, length: int
) -> None:
    pin, salt = b"493817", bytes(range(16))

    tag = workshop.computed(
        "argon2.js",
        HEX.format("m.argon2id({...input, password: Uint8Array.from(input.pin), salt: Uint8Array.from(input.salt)})"),
        {
            "pin": list(pin),
            "salt": list(salt),
            "memoryKiB": memory,
            "passes": passes,
            "lanes": lanes,
            "length": length,
        },
    )

    assert tag == hash_secret_raw(pin, salt, passes, memory, lanes, length, Type.ID).hex()


# RFC 6238 appendix B: the seed is this, repeated to the length of the hash.
DIGITS = b"1234567890" * 7
SEEDS = {"SHA1": DIGITS[:20], "SHA256": DIGITS[:32], "SHA512": DIGITS[:64]}


@pytest.mark.parametrize(
    ("moment", "algorithm", "code"),
    [
        (59, "SHA1", "94287082"),
        (59, "SHA256", "46119246"),
        (59, "SHA512", "90693936"),
        (1111111109, "SHA1", "07081804"),
        (1111111109, "SHA256", "68084774"),
        (1111111109, "SHA512", "25091201"),
        (1111111111, "SHA1", "14050471"),
        (1111111111, "SHA256", "67062674"),
        (1111111111, "SHA512", "99943326"),
        (1234567890, "SHA1", "89005924"),
        (1234567890, "SHA256", "91819424"),
        (1234567890, "SHA512", "93441116"),
        (2000000000, "SHA1", "69279037"),
        (2000000000, "SHA256", "90698825"),
        (2000000000, "SHA512", "38618901"),
        (20000000000, "SHA1", "65353130"),
        (20000000000, "SHA256", "77737706"),
        (20000000000, "SHA512", "47863826"),
    ],
)
def test_codes_are_those_of_the_specification(workshop: Phone, moment: int, algorithm: str, code: str) -> None:
    given = workshop.computed(
        "otp.js",
        "m.codeFor(Uint8Array.from(input.seed), m.stepAt(input.moment, 30), {algorithm: input.algorithm, digits: 8})",
        {"seed": list(SEEDS[algorithm]), "moment": moment, "algorithm": algorithm},
    )

    assert given == code


@pytest.mark.parametrize("length", range(1, 41))
def test_a_seed_is_read_as_it_was_written(workshop: Phone, length: int) -> None:
    seed = hashlib.shake_128(b"seed").digest(length)
    written = base64.b32encode(seed).decode()

    read = workshop.computed(
        "otpauth.js", "[m.base32(input), m.base32(input.toLowerCase())].map((b) => [...b])", written
    )

    assert [bytes(value) for value in read] == [seed, seed]
