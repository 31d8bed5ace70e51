"""What is meant for one client alone: signed, encrypted to its key wherever it is, and never in clear instead."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from idp.model.clients.assertion import KeySource
from idp.model.clients.protection import KEY_MANAGEMENT, KeyManagement, Protection
from idp.oidc.clients.protection import encrypted_claims, protected
from idp.oidc.errors import ErrorCode, OAuthError
from tests.oidc.harness import PATH, Bank, segment

pytestmark = pytest.mark.anyio
CLAIMS = {"iss": "https://id.bank.al/realms/bank", "sub": "ana"}
EC = ECKey.generate_key("P-256", {"kid": "ec", "use": "enc"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "enc"})
JWKS = json.dumps({"keys": [key.as_dict(private=False) for key in (EC, RSA)]})


async def made(bank: Bank, protection: Protection, **client: Any) -> str:
    bank.change_client("app", **client)
    return await protected(bank.provider, bank.realm.clients["app"], CLAIMS, typ="JWT", protection=protection)


async def signing_keys(bank: Bank) -> KeySet:
    return KeySet.import_key_set((await bank.http.get(PATH + "certs")).json())


async def test_the_realms_algorithm_signs_where_none_is_registered(bank: Bank) -> None:
    token = await made(bank, Protection())
    assert segment(token, 0)["alg"] == "ES256"
    assert jwt.decode(token, await signing_keys(bank), algorithms=["ES256"]).claims == CLAIMS


async def test_a_registered_algorithm_signs(bank: Bank) -> None:
    token = await made(bank, Protection(signed="RS256"))
    assert jwt.decode(token, await signing_keys(bank), algorithms=["RS256"]).claims == CLAIMS


async def test_only_who_has_registered_none_gets_an_unsigned_token(bank: Bank) -> None:
    token = await made(bank, Protection(signed="none"))
    assert (segment(token, 0), segment(token, 1), token[-1]) == ({"alg": "none", "typ": "JWT"}, CLAIMS, ".")


@pytest.mark.parametrize("algorithm", KEY_MANAGEMENT)
async def test_a_token_is_signed_and_then_encrypted_to_the_clients_key(bank: Bank, algorithm: KeyManagement) -> None:
    protection = Protection(encrypted=algorithm, encoding="A256GCM")
    token = await made(bank, protection, keys=KeySource(jwks=JWKS))
    read = jwe.decrypt_compact(token, RSA if algorithm.startswith("RSA") else EC, algorithms=[algorithm, "A256GCM"])
    assert (read.protected["cty"], read.protected["enc"]) == ("JWT", "A256GCM")
    assert read.plaintext is not None
    nested = jwt.decode(read.plaintext.decode(), await signing_keys(bank), algorithms=["ES256"])
    assert nested.claims == CLAIMS


async def test_claims_may_be_encrypted_without_a_signature(bank: Bank) -> None:
    bank.change_client("app", keys=KeySource(jwks=JWKS))
    protection = Protection(encrypted="ECDH-ES")
    token = await encrypted_claims(bank.provider, bank.realm.clients["app"], CLAIMS, protection)
    read = jwe.decrypt_compact(token, EC, algorithms=["ECDH-ES", "A128CBC-HS256"])
    assert json.loads(read.plaintext or b"") == CLAIMS
    assert "cty" not in read.protected


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(KeySource(), id="none"),
        pytest.param(KeySource(jwks=json.dumps({"keys": [EC.as_dict(private=False)]})), id="of another kind"),
        pytest.param(KeySource(jwks="{"), id="unreadable"),
        pytest.param(KeySource(jwks_url="https://nowhere.example/jwks"), id="not to be had"),
    ],
)
async def test_without_a_key_to_encrypt_to_there_is_no_answer_at_all(bank: Bank, keys: KeySource) -> None:
    with pytest.raises(OAuthError) as refused:
        await made(bank, Protection(encrypted="RSA-OAEP"), keys=keys)
    assert refused.value.code is ErrorCode.INVALID_REQUEST
    assert refused.value.detail.startswith("encryption: ")
    assert "ana" not in refused.value.description
