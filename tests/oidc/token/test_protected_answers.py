"""ID tokens, UserInfo and introspection as a client has registered them: checked with another library."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from idp.crypto.encryption import encrypted
from idp.crypto.jose import TokenError
from idp.crypto.public_keys import EncryptionKey
from idp.model.clients.assertion import KeySource
from idp.model.clients.protection import Protection
from idp.model.oauth import Authorization, AuthorizationRequest
from idp.oidc.token.tokens import issue_in_front, read_access_token, read_id_token_hint
from tests.fakes import FakeClock
from tests.oidc.harness import ANA, PATH, REDIRECT, Bank, credentials, payload, segment

pytestmark = pytest.mark.anyio
EC = ECKey.generate_key("P-256", {"kid": "ec", "use": "enc"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "enc"})
KEYS = KeySource(jwks=json.dumps({"keys": [key.as_dict(private=False) for key in (EC, RSA)]}))
ACCEPT = {"Accept": "application/token-introspection+jwt"}
ISSUER = "https://id.bank.al/realms/bank"


async def opened(bank: Bank, token: str, key: Any = EC) -> dict[str, Any]:
    """Return the claims of a nested token, as a client reads it with a library of its own."""
    read = jwe.decrypt_compact(token, key, algorithms=["ECDH-ES", "RSA-OAEP", "A128CBC-HS256", "A256GCM"])
    assert read.protected["cty"] == "JWT"
    return await verified(bank, (read.plaintext or b"").decode())


async def verified(bank: Bank, token: str, algorithm: str = "ES256") -> dict[str, Any]:
    keys = KeySet.import_key_set((await bank.http.get(PATH + "certs")).json())
    return jwt.decode(token, keys, algorithms=[algorithm]).claims


async def introspected(bank: Bank, token: str, **headers: str) -> httpx.Response:
    return await bank.post("token/introspect", {"token": token, **credentials("app")}, headers=headers)


async def test_an_id_token_is_encrypted_to_who_has_registered_so(bank: Bank) -> None:
    bank.change_client("app", keys=KEYS, id_token=Protection(encrypted="RSA-OAEP", encoding="A256GCM"))
    answer = await bank.tokens()
    claims = await opened(bank, answer["id_token"], RSA)
    assert (claims["sub"], claims["aud"], claims["nonce"]) == (ANA.id, "app", "n-1")
    refreshed = (await bank.refresh(answer["refresh_token"])).json()
    assert (await opened(bank, refreshed["id_token"], RSA))["sub"] == ANA.id
    assert payload(answer["access_token"])["sub"] == ANA.id, "the access token is for an API, not for the client"


async def test_without_a_key_to_encrypt_to_no_token_is_issued(bank: Bank) -> None:
    bank.change_client("app", id_token=Protection(encrypted="RSA-OAEP"))
    await bank.customer()
    await bank.login()
    reply = await bank.redeem(await bank.code())
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")
    assert "token" not in reply.json()


async def test_a_refresh_token_is_not_used_up_for_an_answer_that_cannot_be_encrypted(clock: FakeClock) -> None:
    bank = Bank(clock, rotate_refresh_tokens=True)
    first = await bank.tokens()
    bank.change_client("app", id_token=Protection(encrypted="RSA-OAEP"))
    reply = await bank.refresh(first["refresh_token"])
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")
    bank.change_client("app", keys=KEYS)
    assert (await bank.refresh(first["refresh_token"])).status_code == 200


async def test_an_unsigned_id_token_is_for_who_has_registered_none(bank: Bank) -> None:
    bank.change_client("app", id_token=Protection(signed="none"))
    token = (await bank.tokens())["id_token"]
    assert (segment(token, 0), token[-1]) == ({"alg": "none", "typ": "JWT"}, ".")
    assert (payload(token)["sub"], "at_hash" in payload(token)) == (ANA.id, False)
    with pytest.raises(TokenError):
        read_id_token_hint(bank.provider, token)


async def test_no_id_token_is_unsigned_in_an_address(bank: Bank) -> None:
    """OpenID Connect Core §2: `none` is for the token endpoint, whatever is registered."""
    bank.change_client("app", id_token=Protection(signed="none"))
    request = AuthorizationRequest(
        client_id="app",
        redirect_uri=REDIRECT,
        response_mode="fragment",
        scope=("openid",),
        response_type=("id_token",),
        nonce="n",
    )
    earned = Authorization(
        client_id="app",
        user_id=ANA.id,
        sid="sid-1",
        transaction_id="tx",
        scope=("openid",),
        auth_time=bank.provider.now(),
        acr="2fa",
        amr=(),
        nonce="n",
    )
    client = bank.realm.clients["app"]
    answer = issue_in_front(bank.provider, client, earned, ANA, request=request, code=None)
    assert (await verified(bank, answer["id_token"]))["sub"] == ANA.id


async def test_an_id_token_may_come_back_encrypted_to_us(bank: Bank) -> None:
    """OpenID Connect Core §3.1.2.1: a client that got it encrypted may encrypt it to the provider again."""
    token = (await bank.tokens())["id_token"]
    decryptor = bank.provider.keys.decryptor(None, "ECDH-ES")
    assert decryptor is not None
    ours = EncryptionKey(public=decryptor.private.public_key(), algorithms=("ECDH-ES",), kid=decryptor.kid)

    def back(content: bytes) -> str:
        return encrypted(content, ours, algorithm="ECDH-ES", encoding="A128GCM", cty="JWT")

    assert read_id_token_hint(bank.provider, back(token.encode()))["sub"] == ANA.id
    for content in (b"\xff", b"{}", token.encode()[:-4], back(token.encode()).encode()):
        with pytest.raises(TokenError):
            read_id_token_hint(bank.provider, back(content))


async def test_userinfo_is_signed_for_who_has_registered_so(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    bank.change_client("app", userinfo=Protection(signed="RS256"))
    reply = await bank.userinfo(token)
    assert (reply.headers["content-type"], reply.headers["cache-control"]) == ("application/jwt", "no-store")
    claims = await verified(bank, reply.text, "RS256")
    assert (claims["iss"], claims["aud"], claims["sub"], claims["email"]) == (ISSUER, "app", ANA.id, "ana@bank.al")
    for read in (read_id_token_hint, read_access_token):
        with pytest.raises(TokenError):
            read(bank.provider, reply.text)


async def test_userinfo_is_signed_and_encrypted(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    bank.change_client("app", keys=KEYS, userinfo=Protection(signed="ES256", encrypted="ECDH-ES"))
    reply = await bank.userinfo(token)
    assert reply.headers["content-type"] == "application/jwt"
    assert (await opened(bank, reply.text))["email"] == "ana@bank.al"


async def test_userinfo_is_only_encrypted_where_no_signature_is_registered(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    bank.change_client("app", keys=KEYS, userinfo=Protection(encrypted="ECDH-ES"))
    reply = await bank.userinfo(token)
    read = jwe.decrypt_compact(reply.text, EC, algorithms=["ECDH-ES", "A128CBC-HS256"])
    claims = json.loads(read.plaintext or b"")
    assert (claims["sub"], claims["iss"], claims["aud"]) == (ANA.id, ISSUER, "app")


async def test_userinfo_takes_the_token_from_a_form(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    bank.change_client("app", userinfo=Protection(signed="ES256"))
    reply = await bank.post("userinfo", {"access_token": token})
    assert (await verified(bank, reply.text))["sub"] == ANA.id


async def test_userinfo_that_cannot_be_encrypted_is_not_sent(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    bank.change_client("app", userinfo=Protection(encrypted="ECDH-ES"))
    reply = await bank.userinfo(token)
    assert reply.status_code == 400
    assert "ana" not in reply.text


async def test_introspection_is_a_token_for_who_asks_for_one(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    reply = await introspected(bank, token, **ACCEPT)
    assert reply.headers["content-type"] == "application/token-introspection+jwt"
    assert segment(reply.text, 0)["typ"] == "token-introspection+jwt"
    claims = await verified(bank, reply.text)
    assert set(claims) == {"iss", "aud", "iat", "token_introspection"}, "RFC 9701 §5: no sub and no exp of its own"
    assert (claims["iss"], claims["aud"], claims["iat"]) == (ISSUER, "app", bank.provider.now())
    assert claims["token_introspection"] == (await introspected(bank, token)).json()


async def test_a_dead_token_is_introspected_as_a_token_too(bank: Bank) -> None:
    await bank.tokens()
    reply = await introspected(bank, "nonsense", **ACCEPT)
    assert (await verified(bank, reply.text))["token_introspection"] == {"active": False}


async def test_introspection_is_signed_and_encrypted_as_registered(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    bank.change_client("app", keys=KEYS, introspection=Protection(signed="ES256", encrypted="ECDH-ES"))
    assert (await opened(bank, (await introspected(bank, token, **ACCEPT)).text))["token_introspection"]["active"]
    assert (await introspected(bank, token)).json()["active"], "who does not ask for a token gets JSON"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/jwt", "application/json"),
        ("application/token-introspection+jwt;q=0", "application/json"),
        ("application/token-introspection+jwt; q=0.0, application/json", "application/json"),
        ("application/json, Application/Token-Introspection+JWT;q=0.5", "application/token-introspection+jwt"),
    ],
)
async def test_only_who_names_the_media_type_gets_a_token(bank: Bank, accept: str, media_type: str) -> None:
    await bank.tokens()
    assert (await introspected(bank, "x", Accept=accept)).headers["content-type"] == media_type


async def test_an_introspection_answer_passes_for_no_token(bank: Bank) -> None:
    """RFC 9701 §8.1: it is signed by the key that signs access tokens and ID tokens."""
    token = (await bank.tokens())["access_token"]
    answer = (await introspected(bank, token, **ACCEPT)).text
    for read in (read_id_token_hint, read_access_token):
        with pytest.raises(TokenError):
            read(bank.provider, answer)
    assert (await bank.userinfo(answer)).status_code == 401
