"""`user-session-limits`: so many sessions of one user at once, in the realm and with a client."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.stories.browser import Browser
from tests.stories.settled import Home, Town, opened
from tests.stories.world import RelyingParty

pytestmark = pytest.mark.anyio
DENY, TERMINATE = "Deny new session", "Terminate oldest session"


def limits(**config: str) -> Any:
    """Put the step at the end of the forms of the login."""

    def edit(document: dict[str, Any]) -> None:
        forms = next(flow for flow in document["authenticationFlows"] if flow["alias"] == "bank forms")
        step = {"authenticator": "user-session-limits", "requirement": "REQUIRED", "priority": 90}
        forms["authenticationExecutions"].append(
            {**step, "authenticatorFlow": False, "authenticatorConfig": "session limits"}
        )
        document["authenticatorConfig"].append({"alias": "session limits", "config": config})

    return edit


async def login(town: Town, client: RelyingParty | None = None) -> Browser:
    """Log Arta in from a browser of its own; see what the client is told."""
    town.clock.advance(30)
    browser = await town.arta.begin(client or town.bank)
    await town.arta.log_in(browser)
    return browser


async def sessions(town: Town) -> int:
    user = await town.user("arta.hoxha")
    return len(await town.site.desks["small-business"].provider.stores.user_sessions.of_user(user.id))


async def end_all(town: Town) -> None:
    user = await town.user("arta.hoxha")
    stores = town.site.desks["small-business"].provider.stores
    for session in await stores.user_sessions.of_user(user.id):
        await stores.user_sessions.end(session.sid)


async def test_one_session_too_many_is_refused_and_the_others_live_on(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=limits(userRealmLimit="2", behavior=DENY)) as town:
        await end_all(town)
        tokens = (await town.bank.redeem((await login(town)).answer["code"])).json()
        await login(town)
        third = await login(town)
        assert third.answer["error"] == "access_denied"
        assert "code" not in third.answer
        assert await sessions(town) == 2
        assert await town.userinfo(tokens["access_token"]) == 200
        assert "LOGIN_ERROR" in await town.event_types()


async def test_who_logs_in_again_in_the_same_browser_has_no_new_session(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=limits(userRealmLimit="1", behavior=DENY)) as town:
        await end_all(town)
        browser = await login(town)
        town.clock.advance(30)
        await browser.open(town.bank.request(prompt="login"))
        await town.arta.log_in(browser)
        assert "code" in browser.answer
        assert await sessions(town) == 1


async def test_the_oldest_session_gives_way(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=limits(userRealmLimit="1", behavior=TERMINATE)) as town:
        await end_all(town)
        first = await login(town)
        tokens = (await town.bank.redeem(first.answer["code"])).json()
        second = await login(town)
        assert "code" in second.answer
        assert await sessions(town) == 1
        assert await town.are_dead(tokens)
        assert "LOGOUT" in await town.event_types()


async def test_the_limit_of_a_client_counts_its_own_sessions_only(home: Home, tmp_path: Path) -> None:
    edit = limits(userRealmLimit="0", userClientLimit="1", behavior=DENY, errorMessage="One place at a time")
    async with opened(home, tmp_path, edit=edit) as town:
        await end_all(town)
        assert "code" in (await login(town)).answer
        assert "code" in (await login(town, town.cards)).answer
        refused = await login(town)
        assert refused.answer["error_description"].startswith("One place at a time. Reference: ")


async def test_a_share_that_is_too_much_is_taken_back_and_the_session_goes_on(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=limits(userRealmLimit="", userClientLimit="1", behavior=DENY)) as town:
        await end_all(town)
        await login(town)
        other = await login(town, town.cards)
        town.clock.advance(30)
        await other.open(town.bank.request(prompt="login"))
        await town.arta.log_in(other)
        assert other.answer["error"] == "access_denied"
        user = await town.user("arta.hoxha")
        stores = town.site.desks["small-business"].provider.stores
        shares = [sorted(session.clients) for session in await stores.user_sessions.of_user(user.id)]
        assert sorted(shares) == [["cards"], ["internet-banking"]]


async def test_never_more_sessions_than_the_limit_however_many_logins_end_at_once(home: Home, tmp_path: Path) -> None:
    def password_only(document: dict[str, Any]) -> None:
        limits(userRealmLimit="1", behavior=DENY)(document)
        forms = next(flow for flow in document["authenticationFlows"] if flow["alias"] == "bank forms")
        executions = forms["authenticationExecutions"]
        forms["authenticationExecutions"] = [executions[0], executions[-1]]

    async with opened(home, tmp_path, edit=password_only) as town:
        await end_all(town)
        browsers = [await town.arta.begin(town.bank) for _ in range(4)]
        await asyncio.gather(*(town.arta.give_password(browser) for browser in browsers))
        let_in = [browser for browser in browsers if browser.arrived and "code" in browser.answer]
        assert len(let_in) <= 1
        assert await sessions(town) == len(let_in)


async def test_without_the_step_there_is_no_limit(town: Town) -> None:
    for _ in range(5):
        assert "code" in (await login(town)).answer
