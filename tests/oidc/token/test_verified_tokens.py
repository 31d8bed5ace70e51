"""An access token that was verified a moment ago is not verified again; whatever makes it worthless still does."""

from __future__ import annotations

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from idp.crypto.jose import TokenError
from idp.crypto.signing_keys import SigningKey, SigningKeys
from idp.oidc.token.tokens import _MOST_REMEMBERED, _verified_tokens, read_access_token
from tests.fakes import FakeClock
from tests.oidc.harness import ANA, Bank

pytestmark = pytest.mark.anyio


async def test_a_token_is_remembered_by_its_whole_text(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    claims = read_access_token(bank.provider, token)
    assert bank.provider.derived(_verified_tokens) == {token: claims}
    assert read_access_token(bank.provider, token) == claims
    header, payload, signature = token.split(".")
    for other in (f"{header}.{payload}.{signature[:-2]}AA", f"{header}.{payload}.", token + "=", token.upper()):
        with pytest.raises(TokenError):
            read_access_token(bank.provider, other)


async def test_what_a_caller_does_to_the_claims_is_not_remembered(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    read_access_token(bank.provider, token)["sub"] = "somebody else"
    read_access_token(bank.provider, token)["sub"] = "somebody else"
    assert read_access_token(bank.provider, token)["sub"] == "user-ana"


async def test_a_remembered_token_expires(bank: Bank, clock: FakeClock) -> None:
    answer = await bank.tokens()
    read_access_token(bank.provider, answer["access_token"])
    clock.advance(answer["expires_in"] - 1)
    assert read_access_token(bank.provider, answer["access_token"])
    clock.advance(1)
    with pytest.raises(TokenError, match="expired"):
        read_access_token(bank.provider, answer["access_token"])


async def test_a_remembered_token_is_revoked_and_ended_like_any_other(bank: Bank) -> None:
    answer = await bank.tokens()
    assert (await bank.userinfo(answer["access_token"])).status_code == 200
    await bank.stores.user_sessions.end("sid-1")
    assert (await bank.userinfo(answer["access_token"])).status_code == 401
    assert await bank.introspect(answer["access_token"]) == {"active": False}


async def test_a_key_that_was_disabled_takes_its_remembered_tokens_along(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    read_access_token(bank.provider, token)
    successor = SigningKey("ES256", ec.generate_private_key(ec.SECP256R1()), created_at=2)
    bank.provider.keys = SigningKeys([successor], refresh_key=b"r" * 32, code_key=b"c" * 32)
    with pytest.raises(TokenError, match="no key of ours"):
        read_access_token(bank.provider, token)


async def test_the_memory_is_bounded(bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    verified = bank.provider.derived(_verified_tokens)
    verified.update({f"token-{number}": {} for number in range(_MOST_REMEMBERED)})
    read_access_token(bank.provider, token)
    assert list(bank.provider.derived(_verified_tokens)) == [token]


async def test_a_long_token_is_verified_every_time(bank: Bank) -> None:
    await bank.customer(msgspec.structs.replace(ANA, attributes={"locale": ("x" * 3000,)}))
    token = (await bank.tokens())["access_token"]
    assert len(token) > 2048
    assert read_access_token(bank.provider, token)["sub"] == "user-ana"
    assert bank.provider.derived(_verified_tokens) == {}
