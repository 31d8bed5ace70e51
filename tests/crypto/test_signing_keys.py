from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping

import pytest
from joserfc.jwk import ECKey, RSAKey

from idp.crypto.sealing import AesGcmSealer
from idp.crypto.signing_keys import SigningKeys, SymmetricKey, open_signing_keys

pytestmark = pytest.mark.anyio
SEALER = AesGcmSealer([b"m" * 32])
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "k"}


class Kept:
    """Kept secrets in a dictionary, with a turn of the event loop in every call."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, bytes]] = {}

    async def all(self, purpose: str) -> Mapping[str, bytes]:
        await asyncio.sleep(0)
        return dict(self.values.get(purpose, {}))

    async def keep(self, purpose: str, secret_id: str, sealed: bytes) -> bool:
        await asyncio.sleep(0)
        return self.values.setdefault(purpose, {}).setdefault(secret_id, sealed) is sealed


async def opened(kept: Kept, *, realm: str = "bank") -> SigningKeys:
    return await open_signing_keys(kept, SEALER, realm=realm, clock=lambda: 1000.0, random=secrets.token_bytes)


async def test_keys_are_made_once_and_found_again_after_a_restart() -> None:
    kept = Kept()
    first, again = await opened(kept), await opened(kept)
    assert first.jwks() == again.jwks()
    assert (first.refresh_key, first.code_key) == (again.refresh_key, again.code_key)
    assert first.refresh_key != first.code_key


async def test_nodes_that_start_together_agree_on_the_keys() -> None:
    kept = Kept()
    nodes = await asyncio.gather(*(opened(kept) for _ in range(3)))
    assert len({(node.jwks(), node.refresh_key, node.code_key) for node in nodes}) == 1


async def test_the_key_set_has_public_members_only() -> None:
    keys = json.loads((await opened(Kept())).jwks())["keys"]
    assert {key["alg"]: sorted(key) for key in keys} == {
        "ES256": ["alg", "crv", "kid", "kty", "use", "x", "y"],
        "RS256": ["alg", "e", "kid", "kty", "n", "use"],
    }
    assert not any(PRIVATE_MEMBERS & key.keys() for key in keys)


async def test_a_kid_is_the_rfc_7638_thumbprint() -> None:
    for key in json.loads((await opened(Kept())).jwks())["keys"]:
        imported = ECKey.import_key(key) if key["kty"] == "EC" else RSAKey.import_key(key)
        assert imported.thumbprint() == key["kid"]


async def test_the_kept_keys_are_sealed_for_their_realm() -> None:
    kept = Kept()
    await opened(kept, realm="small-business")
    with pytest.raises(ValueError, match="belongs somewhere else"):
        await opened(kept, realm="sme-corporate")


async def test_no_symmetric_key_is_found_among_the_published_ones() -> None:
    keys = await opened(Kept())
    assert keys.public(keys.refresh_signer.kid) is None
    assert keys.refresh(keys.signer("ES256").kid) is None
    assert keys.refresh(keys.refresh_signer.kid) is keys.refresh_signer


@pytest.mark.parametrize("secret", [b"", b"short", b"x" * 31])
def test_cve_2026_49852_an_empty_or_short_hmac_key_is_refused(secret: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SymmetricKey(secret)
