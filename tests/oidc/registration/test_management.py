"""GET, PUT and DELETE of a registered client (RFC 7592), and what another one's token opens: nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from idp.model.clients.registration import Restrictions
from tests.fakes import FakeClock
from tests.oidc.harness import Bank
from tests.oidc.registration.registering import (
    CALLBACK,
    OPEN,
    PATH,
    Members,
    initial_token,
    manage,
    refusal,
    registered,
    registrar,
)

pytestmark = pytest.mark.anyio
OURS = ("registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at")


def update(client: Members, **changed: Any) -> Members:
    """Return what a client sends that wants to change something of itself."""
    members = {**client, **changed}
    return {name: value for name, value in members.items() if name not in OURS and value is not None}


async def test_a_client_reads_what_it_registered(bank: Bank) -> None:
    client = await registered(bank, client_name="Pagesat", initiate_login_uri="https://client.example/login")
    reply = await manage(bank, "GET", client)
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-store"
    assert reply.json() == client


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_another_clients_token_opens_nothing(bank: Bank, method: str) -> None:
    mine, yours = await registered(bank), await registered(bank)
    json = update(yours, client_name="Mine now") if method == "PUT" else None
    reply = await manage(bank, method, yours, token=mine["registration_access_token"], json=json)
    assert refusal(reply) == (401, "invalid_token")
    assert (await manage(bank, "GET", yours)).json() == yours


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("client_id", ["app", "spa", "", "x", "../app", "%2e%2e"])
async def test_clients_of_the_file_and_of_nobody_are_not_managed(bank: Bank, method: str, client_id: str) -> None:
    client = await registered(bank)
    headers = {"authorization": f"Bearer {client['registration_access_token']}"}
    json = {"client_id": client_id, "redirect_uris": [CALLBACK]} if method == "PUT" else None
    reply = await bank.http.request(method, f"{PATH}/{client_id}", headers=headers, json=json)
    assert reply.status_code in {401, 405, 599}  # 599: the path is another one, and not of these endpoints
    assert bank.provider.client("app") is not None


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer ", "Basic YTpi", "Bearer wrong"])
async def test_without_its_token_a_client_is_not_told_whether_it_exists(bank: Bank, header: str | None) -> None:
    client = await registered(bank)
    headers = {} if header is None else {"authorization": header}
    known = await bank.http.get(f"{PATH}/{client['client_id']}", headers=headers)
    unknown = await bank.http.get(f"{PATH}/0c0ffee0-0000-4000-8000-000000000000", headers=headers)
    assert refusal(known) == refusal(unknown) == (401, "invalid_token")
    assert known.content == unknown.content
    assert known.headers["www-authenticate"] == unknown.headers["www-authenticate"]


async def test_an_initial_token_is_no_registration_token(bank: Bank) -> None:
    initial = await initial_token(bank, remaining=2)
    client = await registered(bank, initial)
    assert refusal(await manage(bank, "GET", client, token=initial)) == (401, "invalid_token")


class TestUpdate:
    async def test_an_update_replaces_everything_and_counts_at_once(self, bank: Bank) -> None:
        client = await registered(bank, client_name="Before", contacts=["it@client.example"], scope="email")
        moved = "https://client.example/moved"
        asked = update(client, client_name="After", contacts=None, redirect_uris=[moved], scope="openid phone")
        reply = await manage(bank, "PUT", client, json=asked)
        assert reply.status_code == 200, reply.text
        answer = reply.json()
        assert "contacts" not in answer
        assert (answer["client_name"], answer["client_secret"]) == ("After", client["client_secret"])
        made = bank.provider.client(client["client_id"])
        assert made is not None
        assert (made.name, made.redirect_uris, made.optional_scopes) == ("After", (moved,), ("phone",))

    async def test_an_update_ends_the_token_it_was_made_with(self, bank: Bank) -> None:
        client = await registered(bank)
        answer = (await manage(bank, "PUT", client, json=update(client))).json()
        assert refusal(await manage(bank, "GET", client)) == (401, "invalid_token")
        assert (await manage(bank, "GET", answer)).json() == answer

    async def test_a_refused_update_changes_nothing(self, bank: Bank) -> None:
        client = await registered(bank)
        reply = await manage(bank, "PUT", client, json=update(client, redirect_uris=["http://evil.example/"]))
        assert refusal(reply) == (400, "invalid_redirect_uri")
        assert (await manage(bank, "GET", client)).json() == client

    @pytest.mark.parametrize(
        "changed",
        [
            {"client_id": "app"},
            {"client_id": None},
            {"client_secret": "a secret of the client's own choice, long enough"},
            {"client_secret": 1},
            {"registration_access_token": "x"},
            {"registration_client_uri": "https://client.example/"},
            {"client_id_issued_at": 1},
            {"client_secret_expires_at": 0},
        ],
        ids=str,
    )
    async def test_a_client_does_not_choose_what_is_ours(self, bank: Bank, changed: Members) -> None:
        client = await registered(bank)
        asked = {**update(client), **changed}
        given = {name: value for name, value in asked.items() if value is not None}
        assert refusal(await manage(bank, "PUT", client, json=given)) == (400, "invalid_client_metadata")

    async def test_who_comes_to_need_a_secret_gets_one_and_who_no_longer_does_loses_it(self, bank: Bank) -> None:
        client = await registered(bank, token_endpoint_auth_method="none")
        with_secret = (
            await manage(bank, "PUT", client, json=update(client, token_endpoint_auth_method="client_secret_post"))
        ).json()
        assert with_secret["client_secret"]
        without = update(with_secret, token_endpoint_auth_method="none")
        again = (await manage(bank, "PUT", with_secret, json=without)).json()
        assert "client_secret" not in again
        made = bank.provider.client(client["client_id"])
        assert made is not None
        assert made.secret is None

    async def test_an_update_is_held_to_the_policies_of_the_registration(self, clock: FakeClock) -> None:
        strict = Restrictions(trusted_hosts=("client.example",), addresses_at_trusted_hosts=True)
        bank = await registrar(clock, msgspec.structs.replace(OPEN, anonymous=strict))
        client = await registered(bank)
        elsewhere = update(client, redirect_uris=["https://elsewhere.example/"])
        assert refusal(await manage(bank, "PUT", client, json=elsewhere)) == (400, "invalid_client_metadata")
        own = update(client, grant_types=["authorization_code", "client_credentials"])
        assert refusal(await manage(bank, "PUT", client, json=own)) == (400, "invalid_client_metadata")

    async def test_updates_are_counted_with_the_registrations(self, clock: FakeClock) -> None:
        bank = await registrar(clock, msgspec.structs.replace(OPEN, an_hour=2))
        client = await registered(bank)
        answer = (await manage(bank, "PUT", client, json=update(client))).json()
        assert refusal(await manage(bank, "PUT", answer, json=update(answer))) == (429, "temporarily_unavailable")

    async def test_of_two_updates_that_began_together_one_wins(self, bank: Bank) -> None:
        client = await registered(bank)
        record = await bank.stores.registered_clients.get(client["client_id"])
        assert record is not None
        assert await bank.stores.registered_clients.replace(record)
        assert not await bank.stores.registered_clients.replace(record)


class TestDeletion:
    async def test_a_deleted_client_is_gone_with_its_token(self, bank: Bank) -> None:
        client = await registered(bank)
        reply = await manage(bank, "DELETE", client)
        assert (reply.status_code, reply.content) == (204, b"")
        assert bank.provider.client(client["client_id"]) is None
        assert refusal(await manage(bank, "GET", client)) == (401, "invalid_token")
        assert refusal(await manage(bank, "DELETE", client)) == (401, "invalid_token")
        assert (await bank.events())[0] == "CLIENT_DELETE"

    async def test_tokens_and_codes_of_a_deleted_client_are_worth_nothing(self, bank: Bank) -> None:
        client = await registered(bank, grant_types=["authorization_code", "refresh_token"])
        client_id, auth = client["client_id"], (client["client_id"], client["client_secret"])
        await bank.customer()
        await bank.login(clients=(client_id,))
        form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": "v" * 64}
        code = await bank.code(client_id, redirect_uri=CALLBACK)
        waiting = await bank.code(client_id, redirect_uri=CALLBACK)
        tokens = (await bank.post("token", {**form, "code": code}, auth=auth)).json()
        assert (await bank.userinfo(tokens["access_token"])).status_code == 200
        await manage(bank, "DELETE", client)
        assert (await bank.userinfo(tokens["access_token"])).status_code == 401
        assert await bank.introspect(tokens["access_token"]) == {"active": False}
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        for asked in (refresh, {**form, "code": waiting}):
            assert refusal(await bank.post("token", asked, auth=auth)) == (401, "invalid_client")
