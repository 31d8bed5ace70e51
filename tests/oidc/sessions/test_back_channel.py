"""Back-channel logout: every client that wants to know is told, once it is known that it knows, or that it does not."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.crypto.jose import TokenError
from idp.model.clients.logout import LogoutChannels
from idp.model.clients.pairwise import Pairwise
from idp.model.clients.protection import Protection
from idp.oidc.clients.subject import subject_of
from idp.oidc.metadata.jwks import jwks
from idp.oidc.sessions.back_channel import attempt, tell_due
from idp.oidc.sessions.user_sessions import end_session
from idp.oidc.token.tokens import read_access_token, read_id_token_hint, read_refresh_token
from idp.web.http import Request
from tests.fakes import Post
from tests.oidc.harness import ANA, Bank, payload, segment

pytestmark = pytest.mark.anyio
APP = "https://app.bank.al/backchannel?of=bank"
SPA = "https://spa.bank.al/backchannel"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
async def told(bank: Bank) -> Bank:
    """A bank with a session at three clients, two of which want to hear of its end."""
    bank.provider.outbound = bank.sites
    bank.change_client("app", logout=LogoutChannels(back_channel_url=APP, back_channel_needs_sid=True))
    bank.change_client("spa", logout=LogoutChannels(back_channel_url=SPA))
    await bank.customer()
    await bank.login()
    return bank


async def look(bank: Bank, after: int) -> None:
    """Look at what is due, so many seconds later."""
    bank.clock.advance(after)
    await tell_due(bank.provider)
    await bank.provider.errands.finished()


def token(post: Post) -> str:
    assert post.content_type == "application/x-www-form-urlencoded"
    assert set(post.form) == {"logout_token"}
    return post.form["logout_token"]


async def test_each_client_with_an_address_is_posted_a_token_before_the_logout_is_answered(told: Bank) -> None:
    assert await end_session(told.provider, "sid-1") is not None
    assert sorted(post.address for post in told.sites.posts) == [APP, SPA]
    assert sorted(await told.events()) == ["LOGOUT", "LOGOUT_DELIVERED", "LOGOUT_DELIVERED"]
    assert await told.stores.logout_deliveries.due(now=told.provider.now() + 86_000, limit=9) == []


async def test_the_token_is_one_that_a_library_of_others_accepts(told: Bank) -> None:
    await end_session(told.provider, "sid-1")
    published = await jwks(told.provider, Request({"method": "GET", "path": "", "headers": []}), b"")
    keys = KeySet.import_key_set(msgspec.json.decode(published.body))
    now = told.provider.now()
    found: dict[str, Any] = {}
    for post in told.sites.posts:
        read = jwt.decode(token(post), keys, algorithms=["ES256"])
        assert read.header["typ"] == "logout+jwt"
        found[read.claims["aud"]] = read.claims
    common = {
        "iss": told.provider.issuer,
        "sub": ANA.id,
        "iat": now,
        "exp": now + 120,
        "events": {EVENT: {}},
    }
    jtis = [claims.pop("jti") for claims in found.values()]
    assert len(set(jtis)) == 2
    assert found["app"] == {**common, "aud": "app", "sid": "sid-1"}
    assert found["spa"] == {**common, "aud": "spa"}


async def test_the_token_is_signed_as_the_clients_id_tokens_are(told: Bank) -> None:
    told.change_client("app", id_token=Protection(signed="RS256"))
    await end_session(told.provider, "sid-1")
    algorithms = {post.address: segment(token(post), 0)["alg"] for post in told.sites.posts}
    assert algorithms == {APP: "RS256", SPA: "ES256"}


async def test_a_logout_token_passes_for_no_other_token(told: Bank) -> None:
    await end_session(told.provider, "sid-1")
    for read in (read_access_token, read_id_token_hint, read_refresh_token):
        with pytest.raises(TokenError):
            read(told.provider, token(told.sites.posts[0]))


async def test_a_client_that_fails_is_told_again_with_the_same_jti_until_it_knows(told: Bank) -> None:
    told.sites.statuses[APP] = 503
    await end_session(told.provider, "sid-1")
    await look(told, 9)
    assert len(told.sites.posts) == 2, "not yet"
    await look(told, 1)
    told.sites.statuses[APP] = "the address cannot be reached: ConnectError"
    await look(told, 60)
    told.sites.statuses[APP] = 204
    await look(told, 300)
    await look(told, 86_000)
    posts = [token(post) for post in told.sites.posts if post.address == APP]
    assert len(posts) == 4
    assert len({segment(post, 1)["jti"] for post in posts}) == 1
    assert [segment(post, 1)["iat"] - segment(posts[0], 1)["iat"] for post in posts] == [0, 10, 70, 370]
    (event,) = [e for e in await told.stores.events.recent(limit=9) if e.detail.get("attempts") == "4"]
    assert (event.type, event.client_id, event.sid, event.user_id) == ("LOGOUT_DELIVERED", "app", "sid-1", ANA.id)
    assert event.transaction_id == "tx-sid-1"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param(400, "the address answered 400", id="refused"),
        pytest.param(302, "the address answered 302", id="a redirect"),
        pytest.param("the name is of an address that is not called", None, id="SSRF"),
    ],
)
async def test_a_client_that_never_knows_is_given_up_with_a_record(
    told: Bank, status: int | str, reason: str | None
) -> None:
    told.sites.statuses[APP] = status
    await end_session(told.provider, "sid-1")
    for wait in (10, 60, 300, 900, 3600):
        await look(told, wait)
    await look(told, 3600)
    assert len([post for post in told.sites.posts if post.address == APP]) == 6
    (event, *_) = await told.stores.events.recent(limit=9)
    assert (event.type, event.client_id, event.error) == ("LOGOUT_UNDELIVERED", "app", "logout_failed")
    assert event.detail == {"attempts": "6", "reason": reason or str(status)}
    assert await told.stores.logout_deliveries.due(now=told.provider.now() + 60, limit=9) == []


async def test_a_client_that_lost_its_address_is_recorded_as_not_told(told: Bank) -> None:
    told.sites.statuses[APP] = 500
    await end_session(told.provider, "sid-1")
    told.change_client("app", enabled=False)
    for wait in (10, 60, 300, 900, 3600):
        await look(told, wait)
    (event, *_) = await told.stores.events.recent(limit=1)
    assert (event.type, event.detail["reason"]) == ("LOGOUT_UNDELIVERED", "the client has no address any more")
    assert len([post for post in told.sites.posts if post.address == APP]) == 1


async def test_a_crash_between_the_end_and_the_telling_loses_nobody(told: Bank) -> None:
    """The process is killed after the session's end: what is kept is told by the one that starts next."""
    told.sites.posts.clear()
    told.provider.errands.most = 0  # nobody tells at once
    await end_session(told.provider, "sid-1")
    assert told.sites.posts == []
    again = Bank(told.clock, store=told.store)
    again.realm = told.realm
    again.provider.outbound = again.sites
    await look(again, 5)
    assert sorted(post.address for post in again.sites.posts) == [APP, SPA]


async def test_a_crash_during_the_telling_tells_again(told: Bank) -> None:
    started = asyncio.Event()

    async def silent(_address: str) -> None:
        started.set()
        await asyncio.Event().wait()

    told.sites.before = silent
    ending = asyncio.create_task(end_session(told.provider, "sid-1"))
    await started.wait()
    await told.provider.errands.close()  # what a kill does to attempts under way
    await ending
    told.sites.before = None
    await look(told, 10)
    assert sorted(post.address for post in told.sites.posts) == [APP, SPA]


async def test_a_slow_client_does_not_hold_up_the_others_and_is_told_once(told: Bank) -> None:
    heard, release = asyncio.Event(), asyncio.Event()

    async def slow(address: str) -> None:
        await (release.wait() if address == APP else asyncio.sleep(0))
        heard.set()

    told.sites.before = slow
    ending = asyncio.create_task(end_session(told.provider, "sid-1"))
    await heard.wait()
    await asyncio.sleep(0)
    assert [post.address for post in told.sites.posts] == [SPA]
    await tell_due(told.provider)  # the watch looks meanwhile
    release.set()
    assert await ending is not None
    await told.provider.errands.finished()
    assert sorted(post.address for post in told.sites.posts) == [APP, SPA]


async def test_a_session_that_many_end_at_once_is_told_once(told: Bank) -> None:
    await asyncio.gather(*(end_session(told.provider, "sid-1") for _ in range(20)))
    await told.provider.errands.finished()
    assert sorted(post.address for post in told.sites.posts) == [APP, SPA]


async def test_a_client_without_a_share_hears_nothing(told: Bank) -> None:
    await told.login(sid="sid-2", clients=("spa",))
    await end_session(told.provider, "sid-2")
    assert [post.address for post in told.sites.posts] == [SPA]


async def test_nothing_of_a_token_is_in_events_or_log(told: Bank) -> None:
    told.sites.statuses[APP] = 500
    await end_session(told.provider, "sid-1")
    written = repr(told.logged) + repr(await told.stores.events.recent(limit=99))
    assert "logout not delivered yet" in written
    for post in told.sites.posts:
        assert not any(part in written for part in token(post).split("."))


async def test_an_attempt_that_breaks_is_logged_and_due_again(told: Bank) -> None:
    async def broken(address: str) -> None:
        raise RuntimeError(address)

    told.sites.before = broken
    await end_session(told.provider, "sid-1")
    assert [line["event"] for line in told.logged if "exc_info" in line] == ["an errand failed"] * 2
    told.sites.before = None
    await look(told, 10)
    assert sorted(post.address for post in told.sites.posts) == [APP, SPA]


async def test_a_client_is_told_of_the_user_by_the_name_it_knows(told: Bank) -> None:
    told.change_client("app", pairwise=Pairwise(sector="app.bank.al"))
    await end_session(told.provider, "sid-1")
    (post,) = [post for post in told.sites.posts if post.address == APP]
    assert payload(token(post))["sub"] == subject_of(told.provider, told.realm.clients["app"], ANA.id) != ANA.id


async def test_two_who_attempt_one_delivery_at_once_post_once(told: Bank) -> None:
    told.provider.errands.most = 0  # nobody tells at once
    await end_session(told.provider, "sid-1")
    due = await told.stores.logout_deliveries.due(now=told.provider.now() + 5, limit=9)
    await asyncio.gather(*(attempt(told.provider, delivery) for delivery in (*due, *due)))
    assert sorted(post.address for post in told.sites.posts) == [APP, SPA]


async def test_a_look_begins_no_more_than_there_is_room_for(told: Bank) -> None:
    told.provider.errands.most = 0
    await end_session(told.provider, "sid-1")
    await look(told, 5)
    assert told.sites.posts == []
    told.provider.errands.most = 1
    await look(told, 0)
    assert len(told.sites.posts) == 1
    await look(told, 0)
    assert sorted(post.address for post in told.sites.posts) == [APP, SPA]
