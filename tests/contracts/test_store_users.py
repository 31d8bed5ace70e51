from __future__ import annotations

import unicodedata
from functools import partial
from itertools import count
from typing import Any

import msgspec
import pytest

from idp.model.trusted.upstream import FederatedIdentity
from idp.model.user import User
from idp.ports import RealmStores
from tests.contracts.store_contract import race
from tests.contracts.values import a_user
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


async def test_a_user_is_found_by_id_name_and_address_with_everything_in_it(realm: RealmStores) -> None:
    assert await realm.users.create(a_user())
    assert await realm.users.by_id("user-1") == a_user()
    assert await realm.users.present("user-1") == a_user()
    assert await realm.users.by_username("agim") == a_user()
    assert await realm.users.by_email("agim@example.al") == a_user()


async def test_nobody_else_is_found(realm: RealmStores) -> None:
    await realm.users.create(a_user(email=""))
    assert await realm.users.by_id("agim") is None
    assert await realm.users.present("agim") is None
    assert await realm.users.by_username("user-1") is None
    assert await realm.users.by_username("") is None
    assert await realm.users.by_email("") is None
    assert await realm.users.by_email("agim") is None


@pytest.mark.parametrize("typed", ["ENGJËLL", "engjëll", "Engjëll", unicodedata.normalize("NFD", "Engjëll")])
async def test_a_name_and_an_address_are_found_in_any_case_and_from_any_keyboard(
    realm: RealmStores, typed: str
) -> None:
    await realm.users.create(a_user(username="Engjëll", email="Engjëll@Example.al"))
    for found in (await realm.users.by_username(typed), await realm.users.by_email(f"{typed}@EXAMPLE.AL")):
        assert found is not None
        assert found.username == "Engjëll"


@pytest.mark.parametrize("typed", ["\ud800", "a\x00gim", "agim\x00", "agim' OR '1'='1", "%", "a" * 100_000])
async def test_strange_input_finds_nobody(realm: RealmStores, typed: str) -> None:
    await realm.users.create(a_user())
    assert await realm.users.by_username(typed) is None
    assert await realm.users.by_email(typed) is None


async def test_a_name_is_taken_in_every_case(realm: RealmStores) -> None:
    assert await realm.users.create(a_user())
    assert not await realm.users.create(a_user("user-2", username="AGIM"))
    assert await realm.users.by_id("user-2") is None


async def test_an_id_is_taken(realm: RealmStores) -> None:
    assert await realm.users.create(a_user())
    assert not await realm.users.create(a_user(username="besa"))
    assert await realm.users.by_username("besa") is None
    assert await realm.users.create(a_user("user-2", username="besa"))  # The refused user holds no claim on the name.


async def test_an_address_that_several_users_have_finds_nobody(realm: RealmStores) -> None:
    await realm.users.create(a_user())
    await realm.users.create(a_user("user-2", username="besa", email="AGIM@example.al"))
    assert await realm.users.by_email("agim@example.al") is None


async def test_a_user_is_replaced_at_its_revision_only(realm: RealmStores) -> None:
    await realm.users.create(a_user())
    changed = msgspec.structs.replace(a_user(), first_name="Besnik")
    assert await realm.users.replace(changed)
    assert not await realm.users.replace(a_user())
    assert await realm.users.by_username("agim") == msgspec.structs.replace(changed, revision=1)


async def test_an_unknown_user_is_not_replaced(realm: RealmStores) -> None:
    assert not await realm.users.replace(a_user())
    assert await realm.users.by_id("user-1") is None


async def test_a_new_address_finds_the_user_and_the_old_one_does_not(realm: RealmStores) -> None:
    await realm.users.create(a_user())
    await realm.users.replace(msgspec.structs.replace(a_user(), email="new@example.al"))
    assert await realm.users.by_email("agim@example.al") is None
    found = await realm.users.by_email("new@example.al")
    assert found is not None
    assert found.id == "user-1"


async def test_a_username_does_not_change(realm: RealmStores) -> None:
    await realm.users.create(a_user())
    with pytest.raises(ValueError, match="username"):
        await realm.users.replace(a_user(username="besa"))
    assert await realm.users.by_id("user-1") == a_user()


async def test_all_users_come_by_username(realm: RealmStores) -> None:
    for user_id, name in (("1", "cela"), ("2", "Agim"), ("3", "besa")):
        await realm.users.create(a_user(user_id, username=name))
    assert [user.username async for user in realm.users.every()] == ["Agim", "besa", "cela"]


async def test_a_name_goes_to_one_of_many_racers(realm: RealmStores, rounds: int) -> None:
    for number in range(rounds):
        ids = count()

        async def register(name: str = f"name-{number}", ids: count[int] = ids) -> bool:
            return await realm.users.create(a_user(f"{name}-{next(ids)}", username=name))

        assert (await race(register)).count(True) == 1
    assert len([user async for user in realm.users.every()]) == rounds


async def test_one_of_many_changes_of_one_revision_is_stored(realm: RealmStores, rounds: int) -> None:
    await realm.users.create(a_user())
    for number in range(rounds):
        user = msgspec.structs.replace(a_user(), revision=number)
        results = await race(partial(realm.users.replace, user))
        assert results.count(True) == 1


async def test_a_user_who_is_removed_is_found_by_nothing_and_leaves_the_name_to_others(realm: RealmStores) -> None:
    await realm.users.create(a_user())
    assert await realm.users.remove("user-1")
    assert await realm.users.by_id("user-1") is None
    assert await realm.users.by_username("agim") is None
    assert await realm.users.by_email("agim@example.al") is None
    assert [user async for user in realm.users.every()] == []
    assert not await realm.users.replace(a_user())
    assert await realm.users.create(a_user("user-2"))


async def test_nobody_is_removed_twice_or_in_the_place_of_another(realm: RealmStores) -> None:
    await realm.users.create(a_user())
    assert not await realm.users.remove("agim")
    assert await realm.users.remove("user-1")
    assert not await realm.users.remove("user-1")


BANKID = FederatedIdentity(alias="bankid", subject="S-1", username="agim.b")


def linked(user_id: str = "user-1", **changes: Any) -> User:
    return msgspec.structs.replace(a_user(user_id, **changes), identities=(BANKID,))


async def test_a_user_is_found_by_a_federated_identity_and_by_no_other(realm: RealmStores) -> None:
    await realm.users.create(linked())
    assert await realm.users.by_identity("bankid", "S-1") == linked()
    for alias, subject in (("bankid", "s-1"), ("other", "S-1"), ("bankid\nS", "1"), ("", "")):
        assert await realm.users.by_identity(alias, subject) is None


async def test_an_identity_belongs_to_one_user(realm: RealmStores) -> None:
    await realm.users.create(linked())
    assert not await realm.users.create(linked("user-2", username="besa"))
    assert await realm.users.by_username("besa") is None
    await realm.users.create(a_user("user-2", username="besa"))
    assert not await realm.users.replace(linked("user-2", username="besa"))
    assert await realm.users.by_identity("bankid", "S-1") == linked()


async def test_an_identity_comes_and_goes_with_the_user(realm: RealmStores) -> None:
    await realm.users.create(a_user())
    assert await realm.users.replace(linked())
    found = await realm.users.by_identity("bankid", "S-1")
    assert found is not None
    assert await realm.users.replace(msgspec.structs.replace(found, identities=()))
    assert await realm.users.by_identity("bankid", "S-1") is None
    await realm.users.create(linked("user-2", username="besa"))
    assert await realm.users.remove("user-2")
    assert await realm.users.by_identity("bankid", "S-1") is None
    assert await realm.users.create(linked("user-3", username="cen"))


async def test_an_identity_goes_to_one_of_many_racers(realm: RealmStores, rounds: int) -> None:
    for turn in range(rounds):
        ids = count()
        identity = FederatedIdentity(alias="bankid", subject=f"R-{turn}")

        async def arrive(turn: int = turn, ids: count[int] = ids, identity: FederatedIdentity = identity) -> bool:
            name = f"{turn}-{next(ids)}"
            return await realm.users.create(
                msgspec.structs.replace(a_user(name, username=name), identities=(identity,))
            )

        assert (await race(arrive)).count(True) == 1


async def test_an_address_is_kept_for_one_holder_for_two_minutes(realm: RealmStores, clock: FakeClock) -> None:
    assert await realm.users.reserve_address("Arta@Example.al", "one")
    assert await realm.users.reserve_address("arta@example.AL", "one"), "a form that is sent again"
    assert not await realm.users.reserve_address("arta@example.al", "two")
    assert await realm.users.reserve_address("besa@example.al", "two")
    clock.advance(121)
    assert await realm.users.reserve_address("arta@example.al", "two")


async def test_an_address_that_somebody_has_is_kept_for_nobody_else(realm: RealmStores) -> None:
    await realm.users.create(a_user(email="agim@example.al"))
    assert not await realm.users.reserve_address("AGIM@example.al", "user-2")
    assert await realm.users.reserve_address("besa@example.al", "user-2")


async def test_whoever_has_an_address_may_reserve_it_but_not_if_another_has_it_as_well(realm: RealmStores) -> None:
    await realm.users.create(a_user(email="agim@example.al"))
    assert await realm.users.reserve_address("agim@example.al", "user-1")
    await realm.users.create(a_user("user-2", username="besa", email="agim@example.al"))
    assert not await realm.users.reserve_address("agim@example.al", "user-1")


async def test_of_many_who_want_one_address_one_gets_it(realm: RealmStores, rounds: int) -> None:
    for turn in range(rounds):
        ids, address = count(), f"{turn}@example.al"

        async def register(turn: int = turn, ids: count[int] = ids, address: str = address) -> bool:
            name = f"{turn}-{next(ids)}"
            if not await realm.users.reserve_address(address, name):
                return False
            return await realm.users.create(a_user(name, username=name, email=address))

        assert (await race(register)).count(True) == 1
        assert await realm.users.by_email(address) is not None


async def test_users_are_paged_by_name(realm: RealmStores) -> None:
    for number, name in enumerate(("Besa", "arta", "Arben", "agim", "Ëngjëll", "ar")):
        assert await realm.users.create(a_user(f"id-{number}", username=name, email=""))

    async def names(**asked: Any) -> list[str]:
        return [user.username for user in await realm.users.page(**asked)]

    assert await names(limit=3) == ["agim", "ar", "Arben"]
    assert await names(after="ARBEN", limit=3) == ["arta", "Besa", "Ëngjëll"]
    assert await names(prefix="AR", limit=10) == ["ar", "Arben", "arta"]
    assert await names(prefix="ar", after="arben", limit=10) == ["arta"]
    assert await names(prefix="ëng", limit=10) == ["Ëngjëll"]
    assert await names(prefix="x", limit=10) == []
    assert [user.username async for user in realm.users.every()] == ["agim", "ar", "Arben", "arta", "Besa", "Ëngjëll"]
