"""Pairwise subjects: one user, another name for each sector, wherever a name leaves (OpenID Connect Core §8)."""

from __future__ import annotations

import json

import msgspec
import pytest

from idp.model.clients.pairwise import Pairwise
from idp.model.clients.protection import Protection
from idp.model.secret import Secret
from idp.oidc.clients.subject import subject_of
from tests.oidc.harness import ANA, CLIENTS, Bank, credentials, payload

pytestmark = pytest.mark.anyio
SALTED = Pairwise(sector="app.bank.al", salt=Secret("2f6f3a50-1c55-4bf6-9f9c-0d5d7e3f0e11"))


def named(bank: Bank, pairwise: Pairwise | None, user_id: str = ANA.id) -> str:
    return subject_of(bank.provider, msgspec.structs.replace(CLIENTS["app"], pairwise=pairwise), user_id)


async def test_a_client_without_pairwise_subjects_sees_the_users_id(bank: Bank) -> None:
    assert named(bank, None) == ANA.id


async def test_a_name_is_the_one_that_keycloak_gives(bank: Bank) -> None:
    # UUID.nameUUIDFromBytes(SHA-256(sector ‖ user ‖ salt)), with Java's bit operations by hand.
    assert named(bank, SALTED) == "48be25bb-c7d7-38c1-ae91-721c856582f1"


async def test_names_differ_by_sector_salt_and_user(bank: Bank) -> None:
    others = [
        msgspec.structs.replace(SALTED, sector="other.bank.al"),
        msgspec.structs.replace(SALTED, salt=Secret("another salt")),
        msgspec.structs.replace(SALTED, salt=None),
    ]
    found = {named(bank, SALTED), named(bank, SALTED, "user-2"), *(named(bank, other) for other in others), ANA.id}
    assert len(found) == 6


async def test_without_a_salt_clients_of_one_sector_agree_and_the_name_cannot_be_computed(bank: Bank) -> None:
    unsalted = Pairwise(sector="app.bank.al")
    assert named(bank, unsalted) == named(bank, Pairwise(sector="app.bank.al"))
    assert named(bank, unsalted) != named(bank, Pairwise(sector="app.bank.al", salt=Secret("")))


async def test_every_token_and_answer_has_the_same_name_and_none_the_users_id(bank: Bank) -> None:
    bank.change_client("app", pairwise=SALTED)
    tokens = await bank.tokens()
    name = named(bank, SALTED)
    for kind in ("access_token", "id_token", "refresh_token"):
        assert payload(tokens[kind])["sub"] == name
        assert ANA.id not in json.dumps(payload(tokens[kind]))
    assert (await bank.userinfo(tokens["access_token"])).json()["sub"] == name
    for kind in ("access_token", "refresh_token"):
        introspected = await bank.introspect(tokens[kind])
        assert "username" not in introspected, "it is the same name everywhere"
        assert (introspected["active"], introspected["sub"]) == (True, name)
    refreshed = (await bank.refresh(tokens["refresh_token"])).json()
    assert payload(refreshed["id_token"])["sub"] == name, "Core §12.2: the same as before"
    bank.change_client("app", userinfo=Protection(signed="ES256"))
    assert payload((await bank.userinfo(refreshed["access_token"])).text)["sub"] == name


async def test_offline_tokens_find_their_user_without_a_session(bank: Bank) -> None:
    bank.change_client("app", pairwise=SALTED)
    tokens = await bank.tokens(scope=("openid", "offline_access"))
    await bank.stores.user_sessions.end("sid-1")
    assert (await bank.userinfo(tokens["access_token"])).json()["sub"] == named(bank, SALTED)


async def test_a_token_that_names_another_than_its_grants_user_counts_for_nobody(bank: Bank) -> None:
    bank.change_client("app", pairwise=SALTED)
    token = (await bank.tokens())["access_token"]
    bank.change_client("app", pairwise=None)
    assert (await bank.userinfo(token)).status_code == 401
    assert await bank.introspect(token) == {"active": False}


async def test_a_disabled_customers_tokens_are_dead_under_every_name(bank: Bank) -> None:
    bank.change_client("app", pairwise=SALTED)
    token = (await bank.tokens())["access_token"]
    await bank.change_customer(enabled=False)
    assert (await bank.userinfo(token)).status_code == 401


async def test_events_name_the_user_and_never_a_clients_name_for_them(bank: Bank) -> None:
    bank.change_client("app", pairwise=SALTED)
    tokens = await bank.tokens()
    await bank.post("revoke", {"token": tokens["access_token"], **credentials("app")})
    await bank.post("revoke", {"token": tokens["refresh_token"], **credentials("app")})
    events = await bank.stores.events.recent(limit=100)
    assert [event.type for event in events].count("REVOKE_GRANT") == 2
    assert {event.user_id for event in events} == {ANA.id}


async def test_a_client_that_acts_for_itself_has_one_name_too(bank: Bank) -> None:
    bank.change_client("app", pairwise=SALTED, service_account=True)
    reply = await bank.post("token", {"grant_type": "client_credentials", **credentials("app")})
    assert (await bank.introspect(reply.json()["access_token"]))["active"]


async def test_discovery_offers_both_kinds(bank: Bank) -> None:
    reply = await bank.http.get("/realms/bank/.well-known/openid-configuration")
    assert reply.json()["subject_types_supported"] == ["public", "pairwise"]
