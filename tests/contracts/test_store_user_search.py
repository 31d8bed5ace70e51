from __future__ import annotations

from typing import Any

import msgspec
import pytest

from idp.model.user import User
from idp.model.user_search import UserField, UserSearch
from idp.ports import RealmStores
from idp.stores.kernel import Kernel
from tests.contracts.values import a_user

pytestmark = pytest.mark.anyio


def somebody(name: str, first: str, last: str, *, email: str = "", phone: str = "") -> User:
    return msgspec.structs.replace(
        a_user(f"id-{name}", username=name, email=email),
        first_name=first,
        last_name=last,
        attributes={"phoneNumber": (phone,)} if phone else {},
    )


PEOPLE = (
    somebody("u1", "Arta", "Hoxha", email="arta@bank.al", phone="+355691234567"),
    somebody("u2", "Agim", "Arifi", email="agim@example.al", phone="+355692000999"),
    somebody("arben", "Zef", "Deda", email="zef@bank.al"),
    somebody("artan", "Artan", "Artani", email="artan@bank.al"),
    somebody("u5", "Ëngjëll", "Çoku", email="Engjell@Bank.al"),
    somebody("355u", "Dritan", "Dema"),
)


async def found(realm: RealmStores, text: str, *fields: UserField, limit: int = 50, **asked: Any) -> list[str]:
    search = UserSearch(text=text, fields=fields or tuple(UserField), **asked)
    page = await realm.users.search(search, limit=limit)
    assert page.after == "" or len(page.users) == limit
    return [user.username for user in page.users]


@pytest.fixture
async def people(realm: RealmStores) -> RealmStores:
    for one in PEOPLE:
        assert await realm.users.create(one)
    return realm


async def test_users_are_found_by_what_any_field_begins_with_and_each_once(people: RealmStores) -> None:
    # By username, then by address, then by first or last name: who was shown is not shown again.
    assert await found(people, "ar") == ["arben", "artan", "u1", "u2"]
    assert await found(people, "AR", UserField.NAME) == ["u2", "u1", "artan"]
    assert await found(people, "nobody") == []


async def test_users_are_found_by_the_beginning_of_one_field(people: RealmStores) -> None:
    for field, text, names in (
        (UserField.EMAIL, "ART", ["u1", "artan"]),
        (UserField.EMAIL, "engjell@bank.al", ["u5"]),
        (UserField.NAME, "hoxha", ["u1"]),
        (UserField.NAME, "Hoxha Ar", ["u1"]),
        (UserField.NAME, "  arta   HOX", ["u1"]),
        (UserField.NAME, "ëNGJ", ["u5"]),
        (UserField.PHONE, "+355 69", ["u1", "u2"]),
        (UserField.PHONE, "00355 69-123", ["u1"]),
        (UserField.PHONE, "355692", ["u2"]),
        (UserField.USERNAME, "ART", ["artan"]),
        (UserField.USERNAME, "355", ["355u"]),
    ):
        assert await found(people, text, field) == names, (field, text)


async def test_an_exact_search_finds_the_whole_text_alone(people: RealmStores) -> None:
    for text, names in (
        ("art", []),
        ("artan", ["artan"]),
        ("artan@bank.al", ["artan"]),
        ("artani artan", ["artan"]),
        ("+355691234567", ["u1"]),
        ("35569123456", []),
    ):
        assert await found(people, text, exact=True) == names, text


async def test_what_nobody_is_called_finds_nobody(people: RealmStores) -> None:
    for text in ("", " ", "\n", "phone:", "%", "_", "a\nid", "\ud800", "+", "a" * 10_000):
        for field in (UserField.EMAIL, UserField.NAME, UserField.PHONE):
            assert await found(people, text, field) == [], (field, text)


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_pages_put_together_are_the_whole(people: RealmStores, limit: int) -> None:
    search, names, after = UserSearch(text="a"), [], ""
    for _ in range(9):
        page = await people.users.search(search, after=after, limit=limit)
        names += [user.username for user in page.users]
        assert len(page.users) <= limit
        after = page.after
        if not after:
            break
    assert names == ["arben", "artan", "u2", "u1"]


async def test_a_page_goes_on_although_its_last_user_is_gone(people: RealmStores) -> None:
    page = await people.users.search(UserSearch(text="ar", fields=(UserField.NAME,)), limit=2)
    assert [user.username for user in page.users] == ["u2", "u1"]
    assert await people.users.remove("id-u1")
    page = await people.users.search(UserSearch(text="ar", fields=(UserField.NAME,)), after=page.after, limit=2)
    assert [user.username for user in page.users] == ["artan"]


@pytest.mark.parametrize("after", ["nothing", "colour:red", ":"])
async def test_a_place_that_was_never_said_is_an_error(people: RealmStores, after: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        await people.users.search(UserSearch(text="a"), after=after, limit=1)


async def test_what_changes_is_found_anew_and_no_more_by_what_it_was(people: RealmStores) -> None:
    before = PEOPLE[0]
    married = msgspec.structs.replace(before, last_name="Leka", attributes={}, email="arta.leka@bank.al")
    assert await people.users.replace(married)
    assert await found(people, "leka") == ["u1"]
    assert await found(people, "arta.leka") == ["u1"]
    for gone in ("hoxha", "arta@", "+355691"):
        assert await found(people, gone) == []
    assert await found(people, "arta", UserField.NAME) == ["u1", "artan"]


async def test_a_user_who_is_removed_leaves_nothing_to_be_found_by(people: RealmStores, kernel: Kernel) -> None:
    for one in PEOPLE:
        assert await people.users.remove(one.id)
    assert await found(people, "a") == []
    assert await kernel.every("user-term", "small-business") == {}


async def test_what_somebody_without_a_name_does_is_written_once(realm: RealmStores, kernel: Kernel) -> None:
    await realm.users.create(somebody("machine", "", ""))
    assert await kernel.every("user-term", "small-business") == {}


async def test_a_name_of_any_length_is_found_by_its_beginning(realm: RealmStores) -> None:
    long = "x" * 5_000
    await realm.users.create(somebody("long", long, ""))
    assert await found(realm, "x" * 100) == ["long"]
    assert await found(realm, long) == ["long"]
