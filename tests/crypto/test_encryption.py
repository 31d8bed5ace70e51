"""What is encrypted to us and what we encrypt: read by another library, and refused in every wrong form."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import ECKey, OctKey, RSAKey

from idp.crypto.base64url import base64url
from idp.crypto.content_encryption import KEY_SIZE, Ciphertext, deciphered, enciphered
from idp.crypto.decryption_keys import DecryptionKey, DecryptionKeys
from idp.crypto.encryption import LARGEST_ENCRYPTED, decrypted, encrypted, looks_encrypted
from idp.crypto.jose import TokenError, decoded_segment
from idp.crypto.key_management import OAEP, carried
from idp.model.clients.protection import CONTENT_ENCRYPTION, KEY_MANAGEMENT, ContentEncryption, KeyManagement
from idp.model.struct import Frozen

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
OURS = DecryptionKeys([DecryptionKey("RSA-OAEP", RSA, published=True), DecryptionKey("ECDH-ES", EC, published=True)])
KIDS: dict[str, str] = {
    algorithm: key.kid for algorithm in KEY_MANAGEMENT if (key := OURS.find(None, algorithm)) is not None
}
REGISTRY = jwe.JWERegistry(algorithms=[*KEY_MANAGEMENT, *CONTENT_ENCRYPTION, "dir", "A128KW", "DEF"])
CONTENT = b'{"iss":"app"}'


class Peer(Frozen, frozen=True, kw_only=True):
    """A client's public key."""

    public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    kid: str | None = "theirs"


def peer_key(algorithm: str) -> Any:
    """Return our private key as joserfc has it: the independent peer reads what we wrote to it."""
    private = RSA if algorithm.startswith("RSA") else EC
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return RSAKey.import_key(pem) if algorithm.startswith("RSA") else ECKey.import_key(pem)


def theirs(algorithm: str = "ECDH-ES", encoding: str = "A128CBC-HS256", content: bytes = CONTENT, **header: Any) -> str:
    """Return what another library encrypts to us."""
    members = {"alg": algorithm, "enc": encoding, "kid": KIDS.get(algorithm, "none"), **header}
    key = peer_key(algorithm)
    protected = {name: value for name, value in members.items() if value is not None}
    return jwe.encrypt_compact(protected, content, key, registry=REGISTRY)


@pytest.mark.parametrize("encoding", CONTENT_ENCRYPTION)
@pytest.mark.parametrize("algorithm", KEY_MANAGEMENT)
def test_another_library_and_we_read_each_other(algorithm: KeyManagement, encoding: ContentEncryption) -> None:
    header, content = decrypted(theirs(algorithm, encoding, cty="JWT"), OURS.find)
    assert (header.alg, header.enc, header.cty, content) == (algorithm, encoding, "jwt", CONTENT)
    public = RSA.public_key() if algorithm.startswith("RSA") else EC.public_key()
    ours = encrypted(CONTENT, Peer(public=public), algorithm=algorithm, encoding=encoding, typ="JWT", cty="JWT")
    read = jwe.decrypt_compact(ours, peer_key(algorithm), registry=REGISTRY)
    assert read.plaintext == CONTENT
    assert (read.protected["kid"], read.protected["cty"]) == ("theirs", "JWT")


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1()])
def test_a_client_may_have_a_key_of_either_curve(curve: ec.EllipticCurve) -> None:
    private = ec.generate_private_key(curve)
    token = encrypted(CONTENT, Peer(public=private.public_key()), algorithm="ECDH-ES", encoding="A256GCM")
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert jwe.decrypt_compact(token, ECKey.import_key(pem), registry=REGISTRY).plaintext == CONTENT


def test_the_key_agreement_of_the_specification() -> None:
    """RFC 7518 Appendix C: Alice's ephemeral key, Bob's key, and the parties' names give this content key."""
    point = {
        "kty": "EC",
        "crv": "P-256",
        "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
        "y": "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps",
    }
    secret = int.from_bytes(decoded_segment(b"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"))
    bob = DecryptionKey("ECDH-ES", ec.derive_private_key(secret, ec.SECP256R1()), published=True)
    header = {"alg": "ECDH-ES", "enc": "A128GCM", "apu": "QWxpY2U", "apv": "Qm9i", "epk": point}
    protected = base64url(json.dumps(header).encode())
    sealed = enciphered("A128GCM", decoded_segment(b"VqqN6vgjbSBcIijNcacQGg"), CONTENT, associated=protected.encode())
    token = ".".join([protected, "", *map(base64url, (sealed.iv, sealed.content, sealed.tag))])
    assert decrypted(token, DecryptionKeys([bob]).find)[1] == CONTENT


def test_the_content_encryption_of_the_specification() -> None:
    """RFC 7518 Appendix B.1: AES_128_CBC_HMAC_SHA_256."""
    sealed = Ciphertext(
        iv=bytes.fromhex("1af38c2dc2b96ffdd86694092341bc04"),
        content=bytes.fromhex(
            "c80edfa32ddf39d5ef00c0b468834279a2e46a1b8049f792f76bfe54b903a9c9a94ac9b47ad2655c5f10f9aef71427e2fc6f9b3f399a221489f16362c7032336"
            "09d45ac69864e3321cf82935ac4096c86e133314c54019e8ca7980dfa4b9cf1b384c486f3a54c51078158ee5d79de59fbd34d848b3d69550a67646344427ade5"
            "4b8851ffb598f7f80074b9473c82e2db"
        ),
        tag=bytes.fromhex("652c3fa36b0a7c5b3219fab3a30bc1c4"),
    )
    associated = b"The second principle of Auguste Kerckhoffs"
    plain = deciphered("A128CBC-HS256", bytes(range(32)), sealed, associated=associated)
    assert plain.startswith(b"A cipher system must not be required to be secret")


def well_made(*, ephemeral: dict[str, str] | None = None, zeros: bytes = b"", **more: Any) -> str:
    """Return a token in which nothing is wrong but what is asked for: the content is authenticated with it."""
    key = carried("ECDH-ES", EC.public_key(), encoding="A128GCM", size=16)
    epk = key.parameters["epk"] | (ephemeral or {})
    epk["x"] = base64url(zeros + decoded_segment(epk["x"].encode()))
    header = {"alg": "ECDH-ES", "enc": "A128GCM", "kid": KIDS["ECDH-ES"], "epk": epk, **more}
    protected = base64url(json.dumps(header).encode())
    sealed = enciphered("A128GCM", key.key, CONTENT, associated=protected.encode())
    return ".".join([protected, "", *map(base64url, (sealed.iv, sealed.content, sealed.tag))])


def test_a_token_in_which_nothing_is_wrong_is_read() -> None:
    assert decrypted(well_made(typ="JWT"), OURS.find)[1] == CONTENT


def split(token: str) -> list[str]:
    return token.split(".")


def with_header(token: str, **changes: Any) -> str:
    """Change the header; the content was authenticated with the former one."""
    segments = split(token)
    header = json.loads(decoded_segment(segments[0].encode())) | changes
    kept = {name: value for name, value in header.items() if value is not None}
    return ".".join([base64url(json.dumps(kept).encode()), *segments[1:]])


def flipped(token: str, position: int) -> str:
    segments = split(token)
    raw = bytearray(decoded_segment(segments[position].encode()))
    raw[0] ^= 1
    return ".".join([*segments[:position], base64url(bytes(raw)), *segments[position + 1 :]])


def resealed(cut: Callable[[Ciphertext], Ciphertext], encoding: ContentEncryption = "A128GCM") -> str:
    """Return a token whose content key is known, so that only what `cut` does to the ciphertext is wrong."""
    token = encrypted(CONTENT, Peer(public=EC.public_key(), kid=None), algorithm="ECDH-ES", encoding=encoding)
    assert decrypted(token, OURS.find)[1] == CONTENT
    segments = split(token)
    sealed = cut(
        Ciphertext(
            **{
                name: decoded_segment(segment.encode())
                for name, segment in zip(("iv", "content", "tag"), segments[2:], strict=True)
            }
        )
    )
    return ".".join([*segments[:2], *map(base64url, (sealed.iv, sealed.content, sealed.tag))])


EPK = json.loads(decoded_segment(split(theirs())[0].encode()))["epk"]
OTHER_CURVE = ECKey.generate_key("P-384").as_dict(private=False)
FOREIGN = OctKey.generate_key(128)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="nothing"),
        pytest.param("a.b.c", id="a signed token's form"),
        pytest.param("....", id="five nothings"),
        pytest.param(theirs() + ".", id="six segments"),
        pytest.param(theirs()[:-3], id="truncated"),
        pytest.param("é" + theirs(), id="not ASCII"),
        pytest.param(theirs(content=b"x" * LARGEST_ENCRYPTED), id="oversized"),
        pytest.param(well_made(note="x"), id="a member that is not allowed"),
        pytest.param(well_made(crit=["exp"]), id="crit"),
        pytest.param(well_made(jwk=EPK), id="a key that comes along"),
        pytest.param(well_made(zip="DEF"), id="said to be compressed"),
        pytest.param(well_made(typ=7), id="typ is a number"),
        pytest.param(well_made(typ="x" * 2100), id="a long header that is well made"),
        pytest.param(with_header(theirs(), kid=7), id="kid is a number"),
        pytest.param(with_header(theirs(), kid="x" * 2100), id="a long header"),
        pytest.param(with_header(theirs(), alg=None), id="no alg"),
        pytest.param(with_header(theirs(), enc=None), id="no enc"),
        pytest.param(theirs(kid="unknown"), id="no key of ours"),
        pytest.param(theirs(kid=KIDS["RSA-OAEP"]), id="the key is of another kind"),
        pytest.param(theirs("RSA-OAEP", "A128GCM", kid=KIDS["ECDH-ES"]), id="another kind, the other way"),
        pytest.param(with_header(theirs("RSA-OAEP"), alg="RSA1_5"), id="RSA1_5"),
        pytest.param(theirs(zip="DEF"), id="compressed"),
        pytest.param(
            jwe.encrypt_compact({"alg": "dir", "enc": "A128GCM"}, CONTENT, FOREIGN, registry=REGISTRY), id="dir"
        ),
        pytest.param(
            jwe.encrypt_compact({"alg": "A128KW", "enc": "A128GCM"}, CONTENT, FOREIGN, registry=REGISTRY), id="A128KW"
        ),
        pytest.param(with_header(theirs(), alg="PBES2-HS256+A128KW", p2c=2**31), id="a password, iterated for ever"),
        pytest.param(with_header(theirs("RSA-OAEP"), alg="RSA-OAEP-256"), id="another padding"),
        pytest.param(with_header(theirs(), enc="A256CBC-HS512"), id="another content encryption"),
        pytest.param(with_header(theirs(), typ="x"), id="a changed header"),
        pytest.param(flipped(theirs("RSA-OAEP"), 1), id="another content key"),
        pytest.param(flipped(theirs("ECDH-ES+A128KW"), 1), id="another wrapped key"),
        pytest.param(flipped(theirs(), 2), id="another iv"),
        pytest.param(flipped(theirs(), 3), id="another content"),
        pytest.param(flipped(theirs(), 4), id="another tag"),
        pytest.param(theirs().replace("..", ".AAAA.", 1), id="a key beside the agreed one"),
        pytest.param(with_header(theirs(), epk=None), id="no epk"),
        pytest.param(with_header(theirs(), epk=[]), id="epk is a list"),
        pytest.param(well_made(ephemeral={"d": "AQ"}), id="epk is private"),
        pytest.param(well_made(ephemeral={"kid": "x"}), id="epk has a name"),
        pytest.param(well_made(ephemeral={"kty": "OKP"}), id="epk is of another type"),
        pytest.param(well_made(ephemeral={"crv": "P-384"}), id="epk is said to be of another curve"),
        pytest.param(with_header(theirs(), epk={**EPK, "x": EPK["y"]}), id="invalid curve: not a point"),
        pytest.param(with_header(theirs(), epk={**EPK, "x": "AA", "y": "AA"}), id="invalid curve: the origin"),
        pytest.param(well_made(zeros=b"\0"), id="a coordinate with a zero before it"),
        pytest.param(with_header(theirs(), epk={**EPK, "x": 7}), id="a coordinate is a number"),
        pytest.param(
            with_header(theirs(), epk={name: OTHER_CURVE[name] for name in ("kty", "crv", "x", "y")}),
            id="invalid curve: a point of another curve",
        ),
        pytest.param(with_header(theirs(), epk={**EPK, "crv": ["P-256"]}), id="the curve is a list"),
        pytest.param(with_header(theirs(), apu="a b"), id="apu is not base64url"),
        pytest.param(
            resealed(lambda c: Ciphertext(iv=c.iv, content=c.content, tag=c.tag[:12])), id="a short tag"
        ),
        pytest.param(resealed(lambda c: Ciphertext(iv=c.iv, content=c.content, tag=b"")), id="no tag"),
        pytest.param(
            resealed(lambda c: Ciphertext(iv=c.iv, content=c.content[:-1], tag=c.content[-1:] + c.tag)),
            id="a boundary moved between content and tag",
        ),
        pytest.param(
            resealed(lambda c: Ciphertext(iv=c.iv, content=c.content, tag=c.tag[:8]), "A128CBC-HS256"),
            id="a short tag of an HMAC",
        ),
        pytest.param(resealed(lambda c: Ciphertext(iv=c.iv + b"\0", content=c.content, tag=c.tag)), id="a long iv"),
        pytest.param(
            resealed(lambda c: Ciphertext(iv=c.iv + c.content[:1], content=c.content[1:], tag=c.tag), "A128CBC-HS256"),
            id="a boundary moved within what the HMAC covers",
        ),
    ],
)  # fmt: skip
def test_what_is_not_encrypted_to_us_just_so_is_refused(token: str) -> None:
    with pytest.raises(TokenError):
        decrypted(token, OURS.find)


@pytest.mark.parametrize("encoding", ["A128CBC-HS256", "A256GCM"])
def test_whatever_fails_in_the_ciphers_fails_alike(encoding: str) -> None:
    """RFC 7516 §11.5: nobody learns whether the key or the content was wrong."""
    good = theirs("RSA-OAEP", encoding)
    reasons = set()
    for position in (1, 2, 3, 4):
        with pytest.raises(TokenError) as refused:
            decrypted(flipped(good, position), OURS.find)
        reasons.add(str(refused.value))
    assert len(reasons) == 1


def test_a_key_of_the_wrong_size_is_no_key() -> None:
    short = RSA.public_key().encrypt(b"k" * 16, OAEP["RSA-OAEP"])
    segments = split(theirs("RSA-OAEP", "A256GCM"))
    with pytest.raises(TokenError):
        decrypted(".".join([segments[0], base64url(short), *segments[2:]]), OURS.find)
    long = enciphered("A256GCM", b"k" * 32, CONTENT, associated=b"")
    assert deciphered("A256GCM", b"k" * 32, long, associated=b"") == CONTENT
    with pytest.raises(TokenError):
        deciphered("A128GCM", b"k" * 32, long, associated=b"")


def test_an_initialization_vector_of_another_size_is_refused() -> None:
    sealed = AESGCM(b"k" * 16).encrypt(b"i" * 16, CONTENT, b"")
    with pytest.raises(TokenError):
        deciphered(
            "A128GCM", b"k" * 16, Ciphertext(iv=b"i" * 16, content=sealed[:-16], tag=sealed[-16:]), associated=b""
        )


def test_without_a_kid_the_published_key_of_the_kind_is_meant() -> None:
    assert decrypted(theirs(kid=None), OURS.find)[1] == CONTENT
    former = DecryptionKeys([DecryptionKey("ECDH-ES", EC, published=False)])
    assert decrypted(theirs(), former.find)[1] == CONTENT, "the former key still decrypts what names it"
    with pytest.raises(TokenError):
        decrypted(theirs(kid=None), former.find)
    assert former.jwks == []
    assert former.algorithms == ()


def test_no_two_encryptions_are_alike() -> None:
    made = [
        split(encrypted(CONTENT, Peer(public=EC.public_key()), algorithm="ECDH-ES", encoding="A128CBC-HS256"))
        for _ in "ab"
    ]
    assert made[0][2] != made[1][2], "an initialization vector is used once"
    assert made[0][0] != made[1][0], "an ephemeral key is used once"


@pytest.mark.parametrize("encoding", CONTENT_ENCRYPTION)
def test_every_length_of_a_content_comes_back(encoding: ContentEncryption) -> None:
    key = bytes(KEY_SIZE[encoding])
    for length in range(40):
        sealed = enciphered(encoding, key, b"p" * length, associated=b"a")
        assert deciphered(encoding, key, sealed, associated=b"a") == b"p" * length


@given(st.text())
@example("." * 4)
@example("e30....")
def test_no_text_does_anything_but_be_refused(text: str) -> None:
    with pytest.raises(TokenError):
        decrypted(text, OURS.find)


@given(
    st.dictionaries(
        st.sampled_from(["alg", "enc", "epk", "kid", "apu", "cty"]), st.text() | st.integers() | st.lists(st.text())
    )
)
def test_no_header_does_anything_but_be_refused(changes: dict[str, Any]) -> None:
    changed = with_header(theirs(kid=None), **changes, typ="changed")
    with pytest.raises(TokenError):
        decrypted(changed, OURS.find)


def test_the_form_tells_an_encrypted_token_from_a_signed_one() -> None:
    assert looks_encrypted(theirs())
    assert not looks_encrypted("a.b.c")
