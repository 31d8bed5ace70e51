"""A node that remembers for a second how the world was (decision 0040): what it gives out then must not last."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from idp.flows.customers.users import amend
from idp.stores.optimistic import Place, RecordKey, Stamped
from tests.stores.memory_place import MemoryPlace
from tests.stories.rearranged import customer
from tests.stories.test_two_nodes import REALM, Pair, active, pair
from tests.stories.world import RelyingParty

pytestmark = pytest.mark.anyio


class Remembering:
    """A place as a node sees it that reads users and sessions from its memory: as they were when it began to."""

    def __init__(self, place: MemoryPlace) -> None:
        self._place = place
        self._remembered = place

    def __getattr__(self, name: str) -> Any:
        return getattr(self._place, name)

    def remember(self) -> None:
        self._remembered = self._place.copy()

    async def get(self, key: RecordKey) -> Stamped | None:
        place = self._remembered if key.kind in {"user", "username", "user-session"} else self._place
        return await place.get(key)


class View:
    """Makes the first node's view of the place, and keeps hold of it."""

    def __call__(self, place: MemoryPlace) -> Place:
        self.place = Remembering(place)
        return cast("Place", self.place)


async def code_of(nodes: Pair, client: RelyingParty, **request: str) -> str:
    """Log in at the node that remembers nothing, and return the code."""
    browser = await customer(nodes.there).begin(client, **request)
    await customer(nodes.there).log_in(browser)
    return browser.answer["code"]


async def test_a_code_of_a_session_that_ended_elsewhere_is_worth_nothing(tmp_path: Path) -> None:
    view = View()
    async with pair(tmp_path, seen_here=view) as nodes:
        here, there = nodes.here.client(), nodes.there.client()
        here.verifier = there.verifier
        code = await code_of(nodes, there, scope="openid offline_access")
        view.place.remember()
        stores = nodes.there.site.desks[REALM].provider.stores
        (session,) = await stores.user_sessions.of_user((await nodes.there.user("arta.hoxha")).id)
        await stores.user_sessions.end(session.sid)
        answer = await here.redeem(code)
        assert (answer.status_code, answer.json().get("error")) == (400, "invalid_grant"), (
            "its offline access would last"
        )


async def test_a_share_that_began_elsewhere_is_ended_with_its_stolen_token(tmp_path: Path) -> None:
    view = View()
    async with pair(tmp_path, seen_here=view) as nodes:
        banking, cards = nodes.there.client(), nodes.there.client(client_id="cards")
        browser = await customer(nodes.there).begin(banking)
        await customer(nodes.there).log_in(browser)
        view.place.remember()
        await browser.open(cards.request())
        tokens = (await cards.redeem(browser.answer["code"])).json()
        token = tokens["access_token"]
        assert (await cards.post("token/introspect", token=token)).json()["active"]
        revoked = await nodes.here.client(client_id="cards").post("revoke", token=tokens["refresh_token"])
        assert revoked.status_code == 200
        assert not (await cards.post("token/introspect", token=token)).json()["active"]


async def test_a_user_who_was_disabled_elsewhere_gets_no_session(tmp_path: Path) -> None:
    view = View()
    async with pair(tmp_path, seen_here=view) as nodes:
        browser = await customer(nodes.here).begin(nodes.here.client())
        await customer(nodes.here).give_password(browser)
        view.place.remember()
        await nodes.there.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, enabled=False))
        await browser.submit("kc-otp-login-form", otp=customer(nodes.here).next_code())
        assert browser.answer["error"] == "access_denied"
        user = await nodes.there.user("arta.hoxha")
        assert await nodes.there.site.desks[REALM].provider.stores.user_sessions.of_user(user.id) == []


async def test_who_changes_a_user_that_another_node_has_changed_is_not_held_up(tmp_path: Path) -> None:
    view = View()
    async with pair(tmp_path, seen_here=view) as nodes:
        view.place.remember()
        await nodes.there.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, first_name="There"))
        user = await nodes.there.user("arta.hoxha")
        users = nodes.here.site.desks[REALM].provider.stores.users
        await amend(users, user.id, lambda user: msgspec.structs.replace(user, last_name="Here"))
        user = await nodes.there.user("arta.hoxha")
        assert (user.first_name, user.last_name) == ("There", "Here")


async def test_it_remembers(tmp_path: Path) -> None:
    """Otherwise the stories here would say nothing."""
    view = View()
    async with pair(tmp_path, seen_here=view) as nodes:
        token = (await nodes.tokens())["access_token"]
        view.place.remember()
        await nodes.there.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, enabled=False))
        assert await active(nodes.here, token)
        assert not await active(nodes.there, token)
