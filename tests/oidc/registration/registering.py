"""A bank that registers clients, and what a client sends to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from joserfc.jwk import ECKey

from idp.crypto.digest import digest
from idp.model.clients.registration import InitialToken, RegistrationRules, Restrictions
from idp.ports import UnfetchableError
from idp.realms.representation import realm as file
from tests.fakes import FakeClock
from tests.oidc.harness import Bank

PATH = "/realms/bank/clients-registrations/openid-connect"
CALLBACK = "https://client.example/callback"
SECTOR = "https://client.example/sector.json"
METADATA, REDIRECT = (400, "invalid_client_metadata"), (400, "invalid_redirect_uri")
OPEN = RegistrationRules(open=True, an_hour=1000, anonymous=Restrictions(), authenticated=Restrictions())
Members = dict[str, Any]


def public_jwks() -> Members:
    """Return the key set of a client that signs."""
    return {"keys": [ECKey.generate_key("P-256", {"kid": "k", "use": "sig"}).as_dict(private=False)]}


class FakeOutbound:
    """An `idp.ports.Outbound` of fixed documents."""

    def __init__(self, documents: dict[str, bytes]) -> None:
        self.documents = documents
        self.asked: list[str] = []

    async def fetch(self, address: str, *, largest: int) -> bytes:
        self.asked.append(address)
        if address not in self.documents or len(self.documents[address]) > largest:
            raise UnfetchableError("the address answered 404")
        return self.documents[address]

    async def post(
        self, address: str, *, body: bytes, content_type: str, headers: Mapping[str, str] | None = None
    ) -> int:
        raise UnfetchableError(f"{address} is not posted to here: {body!r} {content_type} {headers}")


async def registrar(clock: FakeClock, rules: RegistrationRules = OPEN, **realm: Any) -> Bank:
    """Open a bank whose realm registers clients by these rules."""
    bank = Bank(clock, registration=rules, **realm)
    assert await bank.provider.registrations.open(file.Realm(realm="bank"), bank.realm) == ()
    return bank


async def initial_token(bank: Bank, *, remaining: int = 1, lasts: int = 600) -> str:
    text = bank.provider.random_text()
    token = InitialToken(id="token-1", remaining=remaining, expires_at=bank.provider.now() + lasts)
    await bank.stores.initial_tokens.create(digest(text), token)
    return text


async def send(bank: Bank, token: str | None = None, /, **members: Any) -> httpx.Response:
    """Ask for a registration; `None` leaves a member out."""
    asked = {"redirect_uris": [CALLBACK], **members}
    given = {name: value for name, value in asked.items() if value is not None}
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return await bank.http.post(PATH, json=given, headers=headers)


async def registered(bank: Bank, token: str | None = None, /, **members: Any) -> Members:
    reply = await send(bank, token, **members)
    assert reply.status_code == 201, reply.text
    answer: Members = reply.json()
    return answer


async def manage(
    bank: Bank, method: str, client: Members, *, token: str | None = None, json: Members | None = None
) -> httpx.Response:
    headers = {"authorization": f"Bearer {token or client['registration_access_token']}"}
    return await bank.http.request(method, f"{PATH}/{client['client_id']}", headers=headers, json=json)


def refusal(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]
