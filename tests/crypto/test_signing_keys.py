from __future__ import annotations

import json
from typing import get_args

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.crypto.jose import mint
from idp.crypto.key_pairs import PrivateKey, generated, half_hash, loaded, pkcs8
from idp.crypto.signing_keys import SigningKey, SigningKeys, SymmetricKey
from idp.model.client import SigningAlgorithm

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE: dict[SigningAlgorithm, PrivateKey] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": RSA,
    "PS256": RSA,
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
KEYS = {algorithm: SigningKey(algorithm, private, created_at=1) for algorithm, private in PRIVATE.items()}
ALGORITHMS = list(KEYS)
SIZES = {"ES256": 64, "ES384": 96, "EdDSA": 64, "RS256": 256, "PS256": 256}
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "k"}


def a_set(*keys: SigningKey) -> SigningKeys:
    return SigningKeys(keys, refresh_key=b"r" * 32, code_key=b"c" * 32)


def test_every_algorithm_is_tried_here() -> None:
    assert set(ALGORITHMS) == set(get_args(SigningAlgorithm))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_verifies_what_it_signed_and_nothing_else(algorithm: SigningAlgorithm) -> None:
    key = KEYS[algorithm]
    signature = key.sign(b"message")
    assert len(signature) == SIZES[algorithm]
    assert key.verifies(signature, b"message")
    assert not key.verifies(signature, b"massage")
    for wrong in (b"", signature[:-1], signature + b"\0", b"\0" * len(signature), b"\xff" * len(signature)):
        assert not key.verifies(wrong, b"message")


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "EdDSA"])
@given(place=st.integers(0, 95), bit=st.integers(0, 7))
def test_a_signature_of_which_one_bit_is_turned_is_none(algorithm: SigningAlgorithm, place: int, bit: int) -> None:
    key = KEYS[algorithm]
    signature = bytearray(key.sign(b"message"))
    signature[place % len(signature)] ^= 1 << bit
    assert not key.verifies(bytes(signature), b"message")


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")  # relying parties still know it by that name
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_another_library_reads_what_we_sign_with_every_algorithm(algorithm: SigningAlgorithm) -> None:
    keys = a_set(KEYS[algorithm])
    token = mint(keys.signer(algorithm), typ="JWT", claims={"sub": "ana"})
    published = KeySet.import_key_set(json.loads(keys.jwks()))
    assert jwt.decode(token, published, algorithms=[algorithm]).claims == {"sub": "ana"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_kid_is_the_rfc_7638_thumbprint(algorithm: SigningAlgorithm) -> None:
    jwk = KEYS[algorithm].jwk
    (imported,) = KeySet.import_key_set({"keys": [dict(jwk)]}).keys
    assert imported.thumbprint() == jwk["kid"]


def test_the_thumbprint_of_rfc_8037_is_the_one_it_prints() -> None:
    # RFC 8037 Appendix A.1 and A.3.
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = SigningKey("EdDSA", ed25519.Ed25519PrivateKey.from_private_bytes(seed), created_at=1)
    assert key.jwk["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_key_set_has_public_members_only() -> None:
    keys = json.loads(a_set(*KEYS.values()).jwks())["keys"]
    assert {key["alg"]: sorted(key) for key in keys} == {
        "ES256": ["alg", "crv", "kid", "kty", "use", "x", "y"],
        "ES384": ["alg", "crv", "kid", "kty", "use", "x", "y"],
        "EdDSA": ["alg", "crv", "kid", "kty", "use", "x"],
        "RS256": ["alg", "e", "kid", "kty", "n", "use"],
        "PS256": ["alg", "e", "kid", "kty", "n", "use"],
    }
    assert not any(PRIVATE_MEMBERS & key.keys() for key in keys)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_key_is_used_with_the_algorithm_of_another_kind(algorithm: SigningAlgorithm) -> None:
    for other, private in PRIVATE.items():
        if type(private) is type(PRIVATE[algorithm]) and other[0] != "E":
            continue
        if other != algorithm:
            with pytest.raises(ValueError, match="not an algorithm of this kind"):
                SigningKey(algorithm, private, created_at=1)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.anyio
async def test_a_key_is_kept_and_loaded_again(algorithm: SigningAlgorithm) -> None:
    made = SigningKey(algorithm, await generated(algorithm), created_at=1)
    again = SigningKey(algorithm, loaded(pkcs8(PRIVATE[algorithm])), created_at=1)
    assert again.kid == KEYS[algorithm].kid
    assert made.kid != again.kid


def test_a_kept_key_of_an_unknown_kind_is_not_loaded() -> None:
    from cryptography.hazmat.primitives.asymmetric import x25519  # noqa: PLC0415 - for this test alone
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - as above
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    document = x25519.X25519PrivateKey.generate().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="unknown kind"):
        loaded(document)


def test_the_newest_key_that_may_sign_signs_and_all_verify() -> None:
    first = KEYS["ES256"]
    second = SigningKey("ES256", ec.generate_private_key(ec.SECP256R1()), created_at=2)
    waiting = SigningKey("ES256", ec.generate_private_key(ec.SECP256R1()), created_at=3, signs=False)
    keys = a_set(second, waiting, first)
    assert keys.signer("ES256") is second
    assert [key["kid"] for key in json.loads(keys.jwks())["keys"]] == [waiting.kid, second.kid, first.kid]
    assert all(keys.public(key.kid) is key for key in (first, second, waiting))
    assert keys.algorithms == ("ES256",)


def test_no_symmetric_key_is_found_among_the_published_ones() -> None:
    keys = SigningKeys([KEYS["ES256"]], refresh_key=b"r" * 32, code_key=b"c" * 32, other_refresh_keys=[b"o" * 32])
    assert keys.public(keys.refresh_signer.kid) is None
    assert keys.refresh(KEYS["ES256"].kid) is None
    assert keys.refresh(keys.refresh_signer.kid) is keys.refresh_signer
    assert keys.refresh(SymmetricKey(b"o" * 32).kid) is not None
    assert keys.refresh(SymmetricKey(b"c" * 32).kid) is None


@pytest.mark.parametrize("secret", [b"", b"short", b"x" * 31])
def test_cve_2026_49852_an_empty_or_short_hmac_key_is_refused(secret: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SymmetricKey(secret)


# `openssl dgst -sha256|-sha384|-sha512 -binary`, the left half of it, base64url; the value is OpenID Connect Core's.
VALUE = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"


@pytest.mark.parametrize(
    ("algorithm", "length"), [("ES256", 22), ("RS256", 22), ("PS256", 22), ("ES384", 32), ("EdDSA", 43)]
)
def test_half_a_hash_is_by_the_hash_of_the_algorithm(algorithm: str, length: int) -> None:
    assert len(half_hash(VALUE, algorithm=algorithm)) == length


def test_the_example_of_openid_connect_core_is_what_it_prints() -> None:
    # OpenID Connect Core Appendix A.3: the at_hash of this access token with RS256.
    assert half_hash(VALUE, algorithm="RS256") == "77QmUPtjPfzWtF2AnpK9RQ"
