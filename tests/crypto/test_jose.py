from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.crypto.jose import TokenError, json_value, mint, verify
from idp.crypto.signing_keys import SigningKey, SigningKeys

ISSUER = "https://id.bank.al/realms/bank"
EC = SigningKey("ES256", ec.generate_private_key(ec.SECP256R1()), created_at=1)
RSA = SigningKey("RS256", rsa.generate_private_key(public_exponent=65537, key_size=2048), created_at=1)
FOREIGN = SigningKey("ES256", ec.generate_private_key(ec.SECP256R1()), created_at=1)
KEYS = SigningKeys([EC, RSA], refresh_key=b"r" * 32, code_key=b"c" * 32)
CLAIMS: dict[str, Any] = {"iss": ISSUER, "sub": "ana", "iat": 1000, "exp": 2000}


def read(token: str, *, typ: str | tuple[str, ...] = "at+jwt", now: int | None = 1500) -> dict[str, Any]:
    return verify(token, keys=KEYS.public, typ=typ, issuer=ISSUER, now=now)


def segment(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: object, payload: object, key: Any = EC) -> str:
    """Sign anything at all with a key of ours, as a careless issuer would."""
    message = f"{segment(header)}.{segment(payload)}"
    return f"{message}.{segment(key.sign(message.encode()))}"


def header(**changes: object) -> dict[str, object]:
    return {"alg": "ES256", "kid": EC.kid, "typ": "at+jwt", **changes}


@pytest.mark.parametrize("key", [EC, RSA], ids=["ES256", "RS256"])
def test_what_we_mint_we_read_back(key: SigningKey) -> None:
    assert read(mint(key, typ="at+jwt", claims=CLAIMS)) == CLAIMS


@pytest.mark.parametrize("key", [EC, RSA], ids=["ES256", "RS256"])
def test_joserfc_reads_what_we_mint(key: SigningKey) -> None:
    token = jwt.decode(
        mint(key, typ="at+jwt", claims=CLAIMS),
        KeySet.import_key_set(json.loads(KEYS.jwks())),
        algorithms=[key.algorithm],
    )
    assert token.claims == CLAIMS
    assert token.header == {"alg": key.algorithm, "kid": key.kid, "typ": "at+jwt"}


@pytest.mark.parametrize("key", [EC, RSA], ids=["ES256", "RS256"])
def test_we_read_what_joserfc_mints_with_our_key(key: SigningKey) -> None:
    from joserfc.jwk import ECKey, RSAKey  # noqa: PLC0415 - only this test makes private JWKs

    pem = key._private.private_bytes(*_PKCS8)
    imported = ECKey.import_key(pem) if key is EC else RSAKey.import_key(pem)
    token = jwt.encode(
        {"alg": key.algorithm, "kid": key.kid, "typ": "at+jwt"}, CLAIMS, imported, algorithms=[key.algorithm]
    )
    assert read(token) == CLAIMS


def test_refresh_tokens_have_a_key_of_their_own() -> None:
    token = mint(KEYS.refresh_signer, typ="refresh+jwt", claims=CLAIMS)
    assert verify(token, keys=KEYS.refresh, typ="refresh+jwt", issuer=ISSUER, now=1500) == CLAIMS
    with pytest.raises(TokenError, match="no key of ours"):
        read(token, typ="refresh+jwt")


@pytest.mark.parametrize("minted", ["at+jwt", "JWT", "refresh+jwt", "logout+jwt"])
@pytest.mark.parametrize("expected", ["at+jwt", "JWT", "refresh+jwt", "logout+jwt"])
def test_no_kind_of_token_passes_for_another(minted: str, expected: str) -> None:
    token = mint(EC, typ=minted, claims=CLAIMS)
    if minted == expected:
        assert read(token, typ=expected) == CLAIMS
        return
    with pytest.raises(TokenError, match="wrong typ"):
        read(token, typ=expected)


@pytest.mark.parametrize("typ", ["AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_a_media_type_is_compared_without_case_and_prefix(typ: str) -> None:
    assert read(signed(header(typ=typ), CLAIMS)) == CLAIMS


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(header(alg="none"), id="CVE-2026-28802 alg none"),
        pytest.param(header(alg="NonE"), id="alg none in another case"),
        pytest.param(header(alg="HS256"), id="CVE-2026-114615 public key as HMAC key"),
        pytest.param(header(alg="RS256"), id="another algorithm than the key's"),
        pytest.param(header(alg="ES384"), id="another curve"),
        pytest.param(header(kid=FOREIGN.kid), id="a key that is not ours"),
        pytest.param(header(kid=""), id="empty kid"),
        pytest.param(header(kid=["a"]), id="kid is a list"),
        pytest.param(header(typ="JWT"), id="another type"),
        pytest.param(header(typ=None), id="type is null"),
        pytest.param(header(crit=["exp"], exp=1), id="CVE-2025-59420 unknown crit"),
        pytest.param(header(crit=[]), id="CVE-2026-32597 empty crit"),
        pytest.param(header(b64=False), id="unencoded payload"),
        pytest.param(header(jwk=FOREIGN.jwk), id="CVE-2026-27962 key in the header"),
        pytest.param(header(jku="https://evil.example/jwks"), id="key by address"),
        pytest.param(header(x5u="https://evil.example/cert"), id="certificate by address"),
        pytest.param(header(x5c=["MII"]), id="certificate in the header"),
        pytest.param(header(zip="DEF"), id="compression"),
        pytest.param(header(cty="JWT"), id="nested token"),
        pytest.param({"alg": "ES256", "kid": EC.kid}, id="no type"),
        pytest.param({"alg": "ES256", "typ": "at+jwt"}, id="no kid"),
        pytest.param({"kid": EC.kid, "typ": "at+jwt"}, id="no alg"),
        pytest.param([], id="a list"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xff", id="not text"),
        pytest.param(b"{", id="not JSON"),
        pytest.param(json.dumps(header()).encode() + b" " * 600, id="a long header"),
    ],
)
def test_a_hostile_header_is_refused_even_if_well_signed(hostile: object) -> None:
    with pytest.raises(TokenError):
        read(signed(hostile, CLAIMS))


@pytest.mark.parametrize("member", ["alg", "kid", "typ"])
def test_a_duplicate_header_member_is_refused(member: str) -> None:
    raw = json.dumps(header())[:-1] + f', "{member}": {json.dumps(header()[member])}}}'
    with pytest.raises(TokenError, match="duplicate"):
        read(signed(raw.encode(), CLAIMS))


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(json.dumps(CLAIMS)[:-1].encode() + b', "sub": "root"}', id="duplicate member"),
        pytest.param(json.dumps({**CLAIMS, "a": {}}).replace("{}", '{"b":1,"b":2}').encode(), id="nested duplicate"),
        pytest.param({**CLAIMS, "iss": "https://evil.example"}, id="another issuer"),
        pytest.param({**CLAIMS, "iss": [ISSUER]}, id="CVE-2026-75509 issuer in a list"),
        pytest.param({**CLAIMS, "iss": ISSUER + "/"}, id="issuer with a slash more"),
        pytest.param({"sub": "ana", "iat": 1000, "exp": 2000}, id="no issuer"),
        pytest.param({**CLAIMS, "exp": 1500}, id="expires now"),
        pytest.param({**CLAIMS, "exp": "2000"}, id="exp is text"),
        pytest.param({**CLAIMS, "exp": True}, id="exp is a boolean"),
        pytest.param({**CLAIMS, "exp": 1e400}, id="exp is infinite"),
        pytest.param({**CLAIMS, "exp": 2000.5}, id="exp is a fraction"),
        pytest.param({"iss": ISSUER, "iat": 1000}, id="no exp"),
        pytest.param({"iss": ISSUER, "exp": 2000}, id="no iat"),
        pytest.param({**CLAIMS, "x": float("nan")}, id="NaN"),
        pytest.param(b'{"exp": ' + b"9" * 5000 + b"}", id="a huge number"),
        pytest.param(b"[" * 5000, id="deep nesting"),
        pytest.param([CLAIMS], id="a list"),
        pytest.param(b"\xed\xa0\x80", id="not UTF-8"),
    ],
)
def test_hostile_claims_are_refused_even_if_well_signed(payload: object) -> None:
    with pytest.raises(TokenError):
        read(signed(header(), payload))


def test_an_expired_token_is_read_only_where_that_is_asked_for() -> None:
    token = mint(EC, typ="JWT", claims=CLAIMS)
    assert read(token, typ="JWT", now=None) == CLAIMS
    with pytest.raises(TokenError, match="expired"):
        read(token, typ="JWT", now=2000)


def test_a_foreign_signature_under_our_kid_is_refused() -> None:
    with pytest.raises(TokenError, match="bad signature"):
        read(signed(header(), CLAIMS, FOREIGN))


def test_a_changed_payload_is_refused() -> None:
    head, _, signature = mint(EC, typ="at+jwt", claims=CLAIMS).split(".")
    with pytest.raises(TokenError, match="bad signature"):
        read(f"{head}.{segment({**CLAIMS, 'sub': 'root'})}.{signature}")


@pytest.mark.parametrize("key", [EC, RSA], ids=["ES256", "RS256"])
@pytest.mark.parametrize("change", [lambda s: s[:0], lambda s: s[:-1], lambda s: s + b"\0", lambda s: b"\0" * len(s)])
def test_a_signature_of_the_wrong_shape_is_refused(key: SigningKey, change: Callable[[bytes], bytes]) -> None:
    head, body, signature = mint(key, typ="at+jwt", claims=CLAIMS).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    with pytest.raises(TokenError, match="bad signature"):
        read(f"{head}.{body}.{segment(change(raw))}")


@pytest.mark.parametrize(
    "spelling",
    [
        pytest.param(lambda t: t + "=", id="CVE-2026-62995 padding"),
        pytest.param(lambda t: t + "==", id="more padding"),
        pytest.param(lambda t: t[:-1] + _with_stray_bit(t[-1]), id="stray bits"),
        pytest.param(lambda t: t + " ", id="a space"),
        pytest.param(lambda t: t[:-4] + "\n" + t[-4:], id="a line break"),
        pytest.param(lambda t: "!" + t, id="a character outside the alphabet"),
        pytest.param(lambda t: t + ".", id="a fourth segment"),
        pytest.param(lambda t: t.replace(".", "..", 1), id="an empty segment"),
        pytest.param(lambda t: t.rpartition(".")[0], id="two segments"),
        pytest.param(lambda t: t + "é", id="not ASCII"),
        pytest.param(lambda t: t + "A" * 20_000, id="too long"),
        pytest.param(lambda _: "", id="empty"),
        pytest.param(
            lambda t: json.dumps(dict(zip(("protected", "payload", "signature"), t.split("."), strict=True))),
            id="CVE-2026-96760 JSON serialisation",
        ),
    ],
)
def test_a_token_has_exactly_one_spelling(spelling: Callable[[str], str]) -> None:
    token = mint(EC, typ="at+jwt", claims=CLAIMS)
    assert read(token) == CLAIMS
    with pytest.raises(TokenError):
        read(spelling(token))


def _with_stray_bit(last: str) -> str:
    """86 characters carry 516 bits for a signature of 512: the four lowest bits of the last one must be zero."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(last) ^ 1]


@given(st.text(max_size=300))
def test_no_text_raises_anything_but_a_token_error(text: str) -> None:
    with pytest.raises(TokenError):
        read(text)


@given(head=st.binary(max_size=60), body=st.binary(max_size=60), tail=st.binary(max_size=80))
def test_no_three_segments_raise_anything_but_a_token_error(head: bytes, body: bytes, tail: bytes) -> None:
    with pytest.raises(TokenError):
        read(f"{segment(head)}.{segment(body)}.{segment(tail)}")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    head=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jwk"]), _JSON, max_size=4),
    claims=st.dictionaries(st.sampled_from(["iss", "sub", "exp", "iat", "nbf"]), _JSON, max_size=4),
)
def test_no_signed_json_raises_anything_but_a_token_error(head: dict[str, Any], claims: dict[str, Any]) -> None:
    for hostile in (head, header()):
        with pytest.raises(TokenError):
            read(signed(hostile, claims))


@given(st.dictionaries(st.text(max_size=8), _JSON, max_size=5))
def test_any_claims_survive_the_round_trip(extra: dict[str, Any]) -> None:
    claims = {**json.loads(json.dumps(extra).replace("Infinity", "0").replace("NaN", "0")), **CLAIMS}
    assert read(mint(EC, typ="at+jwt", claims=claims)) == claims


def _pkcs8() -> tuple[Any, Any, Any]:
    from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415 - only for the interchange test

    return s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()


_PKCS8 = _pkcs8()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.booleans())
def test_json_is_read_as_it_was_written(value: object, escaped: bool) -> None:  # noqa: FBT001 - given by hypothesis
    assert json_value(json.dumps(value, ensure_ascii=escaped).encode()) == value


@pytest.mark.parametrize("raw", [rb'"\ud800"', rb'{"\uDC00": 1}', rb'[[{"x": ["\udc00\ud800"]}]]'])
def test_half_of_a_character_is_no_json(raw: bytes) -> None:
    """RFC 8259 §8.2: what software does with it is unpredictable; ours could neither digest nor store it."""
    with pytest.raises(TokenError):
        json_value(raw)


@given(st.text(st.characters(), max_size=8))
def test_whatever_text_json_spells_can_be_written_again(text: str) -> None:
    try:
        read = json_value(json.dumps({text: text}).encode())
    except TokenError:
        return
    assert read[text].encode().decode() == text
