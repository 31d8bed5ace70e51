"""Who may register a client, and within which bounds (RFC 7591 §3, §5)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from idp.model.clients.registration import RegistrationRules, Restrictions
from tests.fakes import FakeClock
from tests.oidc.harness import Bank
from tests.oidc.registration.registering import (
    CALLBACK,
    METADATA,
    OPEN,
    PATH,
    REDIRECT,
    initial_token,
    manage,
    refusal,
    registered,
    registrar,
    send,
)

pytestmark = pytest.mark.anyio


class TestAdmission:
    async def test_a_bank_registers_nobody_without_an_initial_token(self, clock: FakeClock) -> None:
        bank = await registrar(clock, RegistrationRules())
        reply = await send(bank)
        assert refusal(reply) == (401, "invalid_token")
        assert reply.headers["www-authenticate"].startswith("Bearer ")

    async def test_an_initial_token_is_good_for_as_many_as_it_says(self, clock: FakeClock) -> None:
        bank = await registrar(clock, RegistrationRules())
        token = await initial_token(bank, remaining=2)
        await registered(bank, token)
        assert refusal(await send(bank, token, redirect_uris=[])) == REDIRECT  # a mistake costs nothing
        await registered(bank, token)
        assert refusal(await send(bank, token)) == (401, "invalid_token")

    async def test_an_initial_token_expires(self, clock: FakeClock) -> None:
        bank = await registrar(clock, RegistrationRules())
        token = await initial_token(bank, lasts=60)
        clock.advance(60)
        assert refusal(await send(bank, token)) == (401, "invalid_token")

    @pytest.mark.parametrize("header", ["Bearer wrong", "Bearer", "Basic YTpi", "", "Bearer  "])
    async def test_a_wrong_token_is_refused_where_none_is_needed(self, bank: Bank, header: str) -> None:
        reply = await bank.http.post(PATH, json={"redirect_uris": [CALLBACK]}, headers={"authorization": header})
        assert refusal(reply) == (401, "invalid_token")

    async def test_people_are_asked_and_no_role_is_released_unless_a_policy_says_otherwise(
        self, clock: FakeClock
    ) -> None:
        bank = await registrar(clock, RegistrationRules())
        made = bank.provider.client((await registered(bank, await initial_token(bank)))["client_id"])
        assert made is not None
        assert made.consent_required
        assert not made.full_scope_allowed

    async def test_a_realm_has_room_for_so_many(self, clock: FakeClock) -> None:
        few = Restrictions(most_clients=2)
        bank = await registrar(clock, msgspec.structs.replace(OPEN, anonymous=few))
        await registered(bank)
        second = await registered(bank)
        assert refusal(await send(bank)) == (403, "access_denied")
        await manage(bank, "DELETE", second)
        await registered(bank)

    async def test_an_address_registers_so_many_in_an_hour(self, clock: FakeClock) -> None:
        bank = await registrar(clock, msgspec.structs.replace(OPEN, an_hour=2))
        await registered(bank)
        await send(bank, redirect_uris=[])
        reply = await send(bank)
        assert refusal(reply) == (429, "temporarily_unavailable")
        assert reply.headers["retry-after"] == "3600"

    async def test_all_addresses_of_one_subscriber_are_one(self, clock: FakeClock) -> None:
        """A line at home has 2⁶⁴ addresses of IPv6: a budget for each would be none."""
        bank = await registrar(clock, msgspec.structs.replace(OPEN, an_hour=1))
        statuses = [
            (await bank.from_address(address).post(PATH, json={"redirect_uris": [CALLBACK]})).status_code
            for address in ("2a02:1::1", "2a02:1::ffff", "2a02:1:0:1::1", "198.51.100.1", "198.51.100.2")
        ]
        assert statuses == [201, 429, 201, 201, 201]
        clock.advance(3600)
        await registered(bank)

    @pytest.mark.parametrize(
        ("hosts", "status"),
        [(("127.0.0.1",), 201), (("127.0.0.0/8",), 201), (("10.0.0.0/8", "127.0.0.2"), 403), ((), 403)],
    )
    async def test_strangers_may_come_from_trusted_addresses(
        self, clock: FakeClock, hosts: tuple[str, ...], status: int
    ) -> None:
        trusted = Restrictions(trusted_hosts=hosts, from_trusted_host=True)
        bank = await registrar(clock, RegistrationRules(anonymous=trusted))
        assert (await send(bank)).status_code == status

    @pytest.mark.parametrize(
        ("members", "accepted"),
        [
            ({}, True),
            ({"redirect_uris": ["https://a.apps.example/cb"]}, True),
            ({"redirect_uris": ["https://apps.example/cb"]}, False),
            ({"redirect_uris": ["https://evilapps.example/cb"]}, False),
            ({"logo_uri": "https://elsewhere.example/logo.png"}, False),
            ({"client_uri": "https://elsewhere.example/"}, False),
            ({"request_uris": ["https://elsewhere.example/r"]}, False),
            ({"jwks_uri": "https://elsewhere.example/jwks"}, False),
            ({"logo_uri#sq": "https://client.example/logo.png", "client_name#sq": "Klienti"}, True),
            ({"logo_uri#sq": "https://elsewhere.example/logo.png"}, False),
            ({"tos_uri#sq": "https://elsewhere.example/tos"}, False),
        ],
    )
    async def test_addresses_may_have_to_be_at_trusted_hosts(
        self, clock: FakeClock, members: dict[str, Any], *, accepted: bool
    ) -> None:
        trusted = Restrictions(trusted_hosts=("client.example", "*.apps.example"), addresses_at_trusted_hosts=True)
        bank = await registrar(clock, msgspec.structs.replace(OPEN, anonymous=trusted))
        if accepted:
            await registered(bank, **members)
        else:
            assert refusal(await send(bank, **members)) == METADATA

    async def test_a_policy_names_the_scopes(self, clock: FakeClock) -> None:
        named = Restrictions(scopes=frozenset({"phone"}), default_scopes=False)
        bank = await registrar(clock, msgspec.structs.replace(OPEN, anonymous=named))
        assert (await registered(bank, scope="openid email phone"))["scope"] == "openid phone"

    async def test_a_policy_names_the_mappers(self, clock: FakeClock) -> None:
        none = Restrictions(mappers=frozenset({"oidc-full-name-mapper"}))
        bank = await registrar(clock, msgspec.structs.replace(OPEN, anonymous=none))
        assert refusal(await send(bank, subject_type="pairwise")) == METADATA
        await registered(bank)

    async def test_a_disabled_client_is_registered_and_cannot_be_used(self, clock: FakeClock) -> None:
        bank = await registrar(clock, msgspec.structs.replace(OPEN, anonymous=Restrictions(enabled=False)))
        client = await registered(bank)
        assert bank.provider.client(client["client_id"]) is None
        assert (await manage(bank, "GET", client)).status_code == 200
