"""Tokens that are bound to a certificate (RFC 8705 §3 and §4)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from idp.crypto.base64url import base64url
from idp.model.clients.sender import SenderRules
from idp.oidc.routes import hot_endpoints
from tests.certificates import Holder, issued
from tests.fakes import FakeClock
from tests.oidc.harness import Bank, payload
from tests.oidc.proofs import ask_userinfo, jkt_of, proof

pytestmark = pytest.mark.anyio
OWN, OTHER = issued(), issued("CN=other")


class CertifiedBank(Bank):
    """A bank whose requests come with the certificate of `holder`."""

    holder: Holder | None = None

    def _application(self) -> Any:
        find = hot_endpoints({"bank": self.provider})

        async def application(scope: Any, receive: Any, send: Any) -> None:
            found = find(scope)
            assert found is not None
            scope["extensions"] = self.holder.scope() if self.holder is not None else {}
            await found(scope, receive, send)

        return application


@pytest.fixture
def bank(clock: FakeClock) -> CertifiedBank:
    bank = CertifiedBank(clock)
    bank.holder = OWN
    for client_id in ("app", "spa"):
        bank.change_client(client_id, sender=SenderRules(certificate_bound=True))
    return bank


def thumbprint(holder: Holder) -> str:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - as another library computes it

    return base64url(holder.certificate.fingerprint(SHA256()))


def told(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]


async def test_a_token_is_bound_to_the_certificate_of_its_request(bank: CertifiedBank) -> None:
    answer = await bank.tokens()
    assert payload(answer["access_token"])["cnf"] == {"x5t#S256": thumbprint(OWN)}
    assert answer["token_type"] == "Bearer"


async def test_a_client_that_need_not_is_not_bound(bank: CertifiedBank) -> None:
    bank.change_client("app", sender=SenderRules())
    assert "cnf" not in payload((await bank.tokens())["access_token"])


async def test_without_a_certificate_there_is_no_token(bank: CertifiedBank) -> None:
    await bank.customer()
    await bank.login()
    bank.holder = None
    code = await bank.code()
    reply = await bank.redeem(code)
    assert told(reply) == (400, "invalid_request")
    assert reply.json()["error_description"] == "Client Certification missing for MTLS HoK Token Binding"
    bank.holder = OWN
    assert (await bank.redeem(code)).status_code == 200, "and the code is not spent"


async def test_userinfo_answers_the_holder_alone(bank: CertifiedBank) -> None:
    token = (await bank.tokens())["access_token"]
    assert (await bank.userinfo(token)).status_code == 200
    for holder in (OTHER, None):
        bank.holder = holder
        reply = await bank.userinfo(token)
        assert told(reply) == (401, "invalid_token")
        assert reply.headers["www-authenticate"].startswith('Bearer realm="bank", error="invalid_token"')


async def test_introspection_tells_the_certificate(bank: CertifiedBank) -> None:
    known = await bank.introspect((await bank.tokens())["access_token"])
    assert (known["cnf"], known["token_type"]) == ({"x5t#S256": thumbprint(OWN)}, "Bearer")


async def test_a_public_clients_refresh_token_is_bound_to_the_certificate(bank: CertifiedBank) -> None:
    token = (await bank.tokens("spa"))["refresh_token"]
    bank.holder = OTHER
    assert told(await bank.refresh(token, "spa")) == (400, "invalid_grant")
    bank.holder = OWN
    assert (await bank.refresh(token, "spa")).status_code == 200


async def test_a_confidential_clients_new_token_is_bound_to_the_certificate_of_now(bank: CertifiedBank) -> None:
    token = (await bank.tokens())["refresh_token"]
    bank.holder = OTHER
    answer = (await bank.refresh(token)).json()
    assert payload(answer["access_token"])["cnf"] == {"x5t#S256": thumbprint(OTHER)}


async def test_a_grant_that_was_bound_never_turns_into_bearer_tokens(bank: CertifiedBank) -> None:
    token = (await bank.tokens())["refresh_token"]
    bank.change_client("app", sender=SenderRules())
    assert told(await bank.refresh(token)) == (400, "invalid_grant")


async def test_a_token_may_be_bound_to_both_keys_and_then_needs_both(bank: CertifiedBank) -> None:
    bank.http.headers["DPoP"] = proof(bank)
    token = (await bank.tokens())["access_token"]
    del bank.http.headers["DPoP"]
    assert payload(token)["cnf"] == {"jkt": jkt_of(), "x5t#S256": thumbprint(OWN)}
    assert (await ask_userinfo(bank, token)).status_code == 200
    bank.holder = OTHER
    assert told(await ask_userinfo(bank, token)) == (401, "invalid_token")
