"""Others' keys: which ones count, and which one is meant."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from idp.crypto.base64url import base64url
from idp.crypto.public_keys import ForeignKey, KeyRefusedError, read_certificate, read_key_set

EC: dict[str, Any] = ECKey.generate_key("P-256", {"kid": "ec"}).as_dict(private=False)
RSA: dict[str, Any] = RSAKey.generate_key(2048, {"kid": "rsa"}).as_dict(private=False)
ED: dict[str, Any] = OKPKey.generate_key("Ed25519", {"kid": "ed"}).as_dict(private=False)
SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key().public_numbers()  # noqa: S505 - weak, to be refused


def of(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


def test_a_key_is_for_the_algorithms_of_its_type() -> None:
    found = read_key_set(of(EC, RSA, ED, ECKey.generate_key("P-384", {"kid": "x"}).as_dict(private=False)))
    assert [key.algorithms for key in found.keys] == [("ES256",), ("PS256", "RS256"), ("EdDSA",), ("ES384",)]
    assert [key.kid for key in found.keys] == ["ec", "rsa", "ed", "x"]


def test_a_named_algorithm_narrows_the_key() -> None:
    assert read_key_set(of({**RSA, "alg": "PS256"})).keys[0].algorithms == ("PS256",)


def test_keys_for_other_uses_are_left_out_and_told() -> None:
    found = read_key_set(of(EC, {**RSA, "use": "enc"}, {**ED, "key_ops": ["encrypt"]}, {"kty": "AKP"}))
    assert [key.kid for key in found.keys] == ["ec"]
    assert [key.kid for key in found.encryption] == ["ec", "rsa"]
    assert len(found.refused) == 2


@pytest.mark.parametrize(
    ("members", "verifies", "encrypts"),
    [
        ({}, True, True),
        ({"use": "sig"}, True, False),
        ({"use": "enc"}, False, True),
        ({"key_ops": ["verify"]}, True, False),
        ({"key_ops": ["deriveBits"]}, False, True),
        ({"key_ops": []}, False, True),
        ({"alg": "ES256"}, True, False),
        ({"alg": "ECDH-ES+A256KW"}, False, True),
    ],
)
def test_a_key_does_what_its_owner_lets_it_do(members: dict[str, Any], *, verifies: bool, encrypts: bool) -> None:
    found = read_key_set(of({**EC, **members}))
    assert (bool(found.keys), bool(found.encryption)) == (verifies, encrypts)
    assert (found.find("ec", "ES256") is not None, found.recipient("ECDH-ES+A256KW") is not None) == (
        verifies,
        encrypts,
    )


def test_what_is_encrypted_goes_to_the_first_key_that_fits() -> None:
    second = ECKey.generate_key("P-256", {"kid": "second"}).as_dict(private=False)
    found = read_key_set(of(EC, RSA, second))
    for algorithm, kid in (("ECDH-ES", "ec"), ("RSA-OAEP-256", "rsa")):
        recipient = found.recipient(algorithm)
        assert recipient is not None
        assert recipient.kid == kid
        assert found.has(None, algorithm)
    named = read_key_set(of(EC, RSA, {**second, "use": "enc"})).recipient("ECDH-ES")
    assert named is not None
    assert named.kid == "second", "the other may be one that its owner signs with"
    assert found.recipient("RSA1_5") is None
    assert not found.has(None, "RSA1_5")


@pytest.mark.parametrize(
    "jwk",
    [
        pytest.param(OctKey.generate_key(256).as_dict(), id="CVE-2026-114615 symmetric"),
        pytest.param(ECKey.generate_key("P-256").as_dict(private=True), id="private"),
        pytest.param({**RSA, "d": "AQ"}, id="half private"),
        pytest.param({**RSA, "n": base64url(SMALL.n.to_bytes(128))}, id="RSA of 1024 bits"),
        pytest.param({**RSA, "n": base64url(b"\xff" * 2048)}, id="RSA of 16384 bits"),
        pytest.param({**RSA, "e": base64url(b"\x01" + b"\x00" * 8 + b"\x01")}, id="a huge exponent"),
        pytest.param({**RSA, "e": "AQ"}, id="exponent one"),
        pytest.param({**RSA, "n": 7}, id="modulus is a number"),
        pytest.param({**RSA, "alg": "HS256"}, id="RSA key for HMAC"),
        pytest.param({**RSA, "alg": "RSA-OAEP", "use": "sig"}, id="RSA key for encryption and for signatures"),
        pytest.param({**RSA, "alg": "RSA1_5"}, id="RSA key for RSA1_5"),
        pytest.param({**ED, "use": "enc"}, id="Ed25519 key for encryption"),
        pytest.param({**RSA, "alg": ["RS256"]}, id="algorithm is a list"),
        pytest.param({**EC, "x": EC["y"]}, id="not on the curve"),
        pytest.param({**EC, "crv": "P-384"}, id="another curve"),
        pytest.param({**EC, "crv": "secp256k1"}, id="a curve that is not offered"),
        pytest.param({**EC, "x": EC["x"] + "="}, id="padded"),
        pytest.param({**EC, "x": "é"}, id="not ASCII"),
        pytest.param({"kty": "EC", "crv": "P-256"}, id="no point"),
        pytest.param({**ED, "crv": "Ed448"}, id="Ed448"),
        pytest.param({**ED, "crv": "X25519"}, id="a key for agreement"),
        pytest.param({**ED, "x": "AQ"}, id="a short Ed25519 key"),
        pytest.param({**EC, "kid": 7}, id="kid is a number"),
        pytest.param({**EC, "kty": ["EC"]}, id="type is a list"),
        pytest.param({**EC, "key_ops": 7}, id="operations are a number"),
        pytest.param([], id="a list"),
        pytest.param(None, id="null"),
    ],
)
def test_a_weak_broken_private_or_symmetric_key_is_refused(jwk: object) -> None:
    with pytest.raises(KeyRefusedError):
        read_key_set(of(jwk))
    assert [key.kid for key in read_key_set(of(jwk, ED)).keys] == ["ed"]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{}", id="no keys"),
        pytest.param(b'{"keys": {}}', id="keys are an object"),
        pytest.param(of(), id="no key"),
        pytest.param(of(*[EC] * 33), id="too many"),
        pytest.param(of(EC) + b" " * 65536, id="too large"),
        pytest.param(of(EC).replace(b'"kty"', b'"kty": "RSA", "kty"'), id="a member twice"),
        pytest.param(b"[" * 60000, id="deep"),
    ],
)
def test_what_is_no_usable_set_is_refused(document: bytes) -> None:
    with pytest.raises(KeyRefusedError):
        read_key_set(document)


def test_only_one_key_is_ever_meant() -> None:
    other = ECKey.generate_key("P-256", {"kid": "ec2"}).as_dict(private=False)
    nameless = {name: value for name, value in EC.items() if name != "kid"}
    two = read_key_set(of(EC, other, RSA))
    assert (two.find("ec", "ES256"), two.find("ec2", "ES256")) == (two.keys[0], two.keys[1])
    assert two.find(None, "ES256") is None, "both could be meant"
    assert two.find(None, "RS256") == two.keys[2]
    assert two.find("rsa", "ES256") is None, "the name is of a key of another type"
    assert read_key_set(of(EC, {**other, "kid": "ec"})).find("ec", "ES256") is None, "one name for two keys"
    assert read_key_set(of(EC, {**RSA, "kid": "ec"})).find("ec", "ES256") is not None, "of two types: FAPI 2.0 §5.4"
    assert read_key_set(of(nameless)).find("any", "ES256") is not None
    assert read_key_set(of(nameless, other)).find("unknown", "ES256") is not None, "the one nameless key"


@pytest.mark.parametrize("algorithm", ["HS256", "none", "", "RS256"])
def test_a_key_verifies_nothing_under_an_algorithm_that_is_not_its_own(algorithm: str) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    key = ForeignKey(public=private.public_key(), algorithms=("EdDSA",))
    assert key.verifies(private.sign(b"m"), b"m", algorithm="EdDSA")
    assert not key.verifies(private.sign(b"m"), b"m", algorithm=algorithm)


@given(signature=st.binary(max_size=200))
def test_no_made_up_signature_is_right_or_breaks_anything(signature: bytes) -> None:
    for key in read_key_set(of(EC, RSA, ED)).keys:
        for algorithm in key.algorithms:
            assert not key.verifies(signature, b"m", algorithm=algorithm)


@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["keys", "kty", "crv", "x", "y", "n", "e", "alg", "use", "key_ops", "kid"]), inner
            )
        ),
        max_leaves=20,
    )
)
def test_whatever_json_is_published_is_read_or_refused(document: Any) -> None:
    for value in (document, {"keys": [document]}, {"keys": [{**EC, **document} if isinstance(document, dict) else EC]}):
        try:
            found = read_key_set(json.dumps(value).encode())
            assert found.keys or found.encryption
        except KeyRefusedError:
            continue


def certificate(private: Any) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "robot")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
    builder = builder.serial_number(7).not_valid_before(start).not_valid_after(start + dt.timedelta(days=1))
    algorithm = None if isinstance(private, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(private, algorithm).public_bytes(serialization.Encoding.PEM).decode()


def bare(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if "-----" not in line)


def test_a_certificate_holds_one_nameless_key_and_keycloak_keeps_it_without_the_lines_of_pem() -> None:
    pem = certificate(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    assert read_certificate(pem) == read_certificate(bare(pem))
    found = read_certificate(pem)
    assert found.find("whatever", "RS256") == found.find(None, "PS256") == found.keys[0]
    assert read_certificate(certificate(ec.generate_private_key(ec.SECP256R1()))).keys[0].algorithms == ("ES256",)
    assert read_certificate(certificate(ed25519.Ed25519PrivateKey.generate())).keys[0].algorithms == ("EdDSA",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "AAAA",
        "not base64!",
        base64.b64encode(b"\x30\x03\x02\x01\x01").decode(),
        certificate(rsa.generate_private_key(public_exponent=65537, key_size=1024)),  # noqa: S505 - weak, to be refused
        certificate(ec.generate_private_key(ec.SECP256K1())),
        certificate(dsa.generate_private_key(2048)),
    ],
    ids=["nothing", "no DER", "no base64", "another structure", "RSA of 1024 bits", "another curve", "DSA"],
)
def test_a_certificate_without_a_usable_key_is_refused(text: str) -> None:
    with pytest.raises(KeyRefusedError):
        read_certificate(text)
