"""Two providers on one store: whatever one of them does counts at the other, and nothing is done twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from idp.app import Site
from idp.flows.customers.newcomers import ON_ITS_WAY
from idp.oidc.metadata.key_watch import rotate_now
from idp.oidc.sessions.back_channel import owe, tell_due
from idp.ports import StoreUnavailableError
from idp.realms.history import Authorship
from idp.realms.topics.registration import OPEN, POLICIES
from idp.stores.optimistic import Place, RecordKey, Stamped
from idp.web.http import Receive, Scope, Send
from tests.fakes import FakeClock, FakeMailbox, FakeSites
from tests.flows.bench import Edit, all_edits
from tests.oidc.harness import payload
from tests.patience import PATIENCE, until, until_true
from tests.stores.memory_place import MemoryPlace, store_of
from tests.stories.rearranged import FORM, OTP, customer, forms, settled
from tests.stories.test_versions import history_of, read, served
from tests.stories.world import ORIGIN, Customer, FakeSms, World, provider

pytestmark = pytest.mark.anyio
REALM = "small-business"
SETTLED = settled(forms(FORM, OTP))
PHONE = "+355692000101"


class Pair:
    """Two nodes, and a proxy before them that gives every request to the other one."""

    def __init__(self, here: World, there: World) -> None:
        self.here = here
        self.there = there
        turns = cycle([here.site, there.site])

        async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
            await next(turns).application(scope, receive, send)

        hopping = _Proxied(here.site, proxy)
        self.world = World(hopping, here.clock, here.sms, here.settings, here.mail)

    async def tokens(self) -> dict[str, Any]:
        """Log a settled customer in, request by request at another node."""
        client = self.world.client()
        browser = await customer(self.world).begin(client)
        await customer(self.world).log_in(browser)
        answer = await client.redeem(browser.answer["code"])
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens


class _Proxied(Site):
    """A site whose requests go through a proxy."""

    def __init__(self, site: Site, application: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self.desks = site.desks
        self.keys = site.keys
        self.store = site.store
        self.receipts = site.receipts
        self.application = application


@contextlib.asynccontextmanager
async def pair(
    folder: Path, *, edit: Edit | None = SETTLED, seen_here: Callable[[MemoryPlace], Place] = lambda place: place
) -> AsyncIterator[Pair]:
    """Open two nodes at the same moment, on a store that is new to both. `seen_here` is how the first one sees it."""
    clock, sms, mail = FakeClock(), FakeSms(), FakeMailbox()
    place = MemoryPlace()
    async with contextlib.AsyncExitStack() as opened:
        opening = (
            opened.enter_async_context(
                provider(folder, edit=edit, clock=clock, sms=sms, mail=mail, shared=store_of(view, clock))
            )
            for view in (seen_here(place), place)
        )
        yield Pair(*await asyncio.gather(*opening))


async def active(world: World, token: str) -> bool:
    answer: bool = (await world.client().post("token/introspect", token=token)).json()["active"]
    return answer


async def test_a_first_access_and_a_login_hop_between_the_nodes_at_every_request(tmp_path: Path) -> None:
    async with pair(tmp_path, edit=None) as nodes:
        client, arta = nodes.world.client(), Customer(nodes.world, "arta.hoxha", PHONE)
        browser = await arta.settle(client)
        tokens = (await client.redeem(browser.answer["code"])).json()
        assert await active(nodes.here, tokens["access_token"])
        assert await active(nodes.there, tokens["access_token"])
        renewed = await client.post("token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        assert renewed.status_code == 200
        await browser.open(client.request())
        assert "code" in browser.answer, "the session is known at both"


async def test_users_are_created_once_and_first_passwords_sent_once_when_both_start_together(tmp_path: Path) -> None:
    async with pair(tmp_path, edit=None) as nodes:
        sent = [to for to, _ in nodes.here.sms.messages]
        assert len(sent) == len(set(sent))
        assert PHONE in sent
        types = await nodes.here.event_types()
        assert types.count("REGISTER") == len(await nodes.here.users())
        arta = Customer(nodes.world, "arta.hoxha", PHONE)
        page = await arta.give_password(await arta.begin(nodes.world.client()))
        assert "soft-token-info" in page.ids, "the password that was sent is the one that counts"


async def test_both_have_the_same_keys_and_the_same_history_when_both_start_together(tmp_path: Path) -> None:
    async with pair(tmp_path) as nodes:
        assert len(await history_of(nodes.here).log()) == 1

        async def same_keys() -> bool:
            here, there = (world.site.desks[REALM].provider.keys for world in (nodes.here, nodes.there))
            return here.jwks() == there.jwks()

        await until_true(same_keys)


async def test_a_code_is_redeemed_at_one_of_them(tmp_path: Path) -> None:
    async with pair(tmp_path) as nodes:
        here, there = nodes.here.client(), nodes.there.client()
        there.verifier = here.verifier
        browser = await customer(nodes.world).begin(here)
        await customer(nodes.world).log_in(browser)
        answers = await asyncio.gather(*(party.redeem(browser.answer["code"]) for party in (here, there)))
        assert sorted(answer.status_code for answer in answers) == [200, 400]


async def test_a_published_version_is_noticed_at_the_other(tmp_path: Path) -> None:
    def renamed(found: dict[str, Any]) -> None:
        found["displayName"] = "Another name"

    async with pair(tmp_path) as nodes:
        history, found = history_of(nodes.here), read(nodes.here, all_edits(SETTLED, renamed))
        latest = await history.latest()
        assert latest is not None
        line = await history.publish(found.document, Authorship(author="Ana", reason="-"), base=latest.version)

        async def noticed() -> bool:
            return {served(nodes.here), served(nodes.there)} == {line.version}

        await until_true(noticed)


async def test_a_node_that_starts_with_the_older_file_serves_what_the_others_serve_and_publishes_nothing(
    tmp_path: Path,
) -> None:
    def renamed(found: dict[str, Any]) -> None:
        SETTLED(found)
        found["displayName"] = "Banka e Re"

    clock, sms, mail, place = FakeClock(), FakeSms(), FakeMailbox(), MemoryPlace()

    def node(edit: Edit) -> contextlib.AbstractAsyncContextManager[World]:
        return provider(tmp_path, edit=edit, clock=clock, sms=sms, mail=mail, shared=store_of(place, clock))

    def title(world: World) -> str:
        return world.site.desks[REALM].realm.title

    async with node(SETTLED) as first, node(renamed) as second:
        await until(lambda: title(first) == "Banka e Re")
        async with node(SETTLED) as restarted:
            assert title(restarted) == title(second) == "Banka e Re"
            assert len(await history_of(restarted).log()) == 2


async def test_a_rotated_key_is_noticed_at_the_other(tmp_path: Path) -> None:
    async with pair(tmp_path) as nodes:
        site = nodes.here.site
        kids = await rotate_now(site.desks[REALM].provider, nodes.here.site.keys[REALM])

        async def noticed() -> bool:
            jwks = nodes.there.site.desks[REALM].provider.keys.jwks().decode()
            return all(kid in jwks for kid in kids if site.desks[REALM].provider.keys.public(kid) is not None)

        await until_true(noticed)
        tokens = await nodes.tokens()
        assert await active(nodes.here, tokens["access_token"])
        assert await active(nodes.there, tokens["access_token"])


async def test_a_session_that_ended_a_user_who_is_disabled_and_a_revoked_token_count_at_the_other_at_once(
    tmp_path: Path,
) -> None:
    async with pair(tmp_path) as nodes:
        revoked, ended, disabled = [(await nodes.tokens())["access_token"] for _ in range(3)]
        for token in (revoked, ended, disabled):
            assert await active(nodes.there, token)
        assert (await nodes.here.client().post("revoke", token=revoked)).status_code == 200
        assert not await active(nodes.there, revoked)
        stores = nodes.here.site.desks[REALM].provider.stores
        user = await nodes.here.user("arta.hoxha")
        for session in await stores.user_sessions.of_user(user.id):
            if session.sid == _sid(ended):
                await stores.user_sessions.end(session.sid)
        assert not await active(nodes.there, ended)
        assert await active(nodes.there, disabled)
        await nodes.here.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, enabled=False))
        assert not await active(nodes.there, disabled)


def _sid(token: str) -> str:
    sid: str = payload(token)["sid"]
    return sid


async def test_failures_are_counted_at_both_together(tmp_path: Path) -> None:
    async with pair(tmp_path) as nodes:
        client = nodes.world.client()
        browser = await customer(nodes.world).begin(client)
        for _ in range(5):
            await browser.submit("kc-form-login", username="arta.hoxha", password="wrong")
        arta = customer(nodes.there)
        page = await arta.give_password(await arta.begin(nodes.there.client()))
        assert "kc-form-login" in page.forms, "locked at the node that has seen two of the five"


def _open_registration(found: dict[str, Any]) -> None:
    found.setdefault("attributes", {})[OPEN] = "true"
    found["components"] = {POLICIES: [{"providerId": "max-clients", "subType": "anonymous", "config": {}}]}


async def test_a_client_that_registers_at_one_is_known_at_the_other_at_its_next_request(tmp_path: Path) -> None:
    async with pair(tmp_path, edit=all_edits(SETTLED, _open_registration)) as nodes:
        address = f"/realms/{REALM}/clients-registrations/openid-connect"
        asked = {"redirect_uris": ["https://budget.example/callback"], "grant_types": ["authorization_code"]}
        for known_by in ("authorization", "token"):
            client = (await _http(nodes.here).post(address, json=asked)).json()
            if known_by == "authorization":
                request = {
                    "client_id": client["client_id"],
                    "redirect_uri": asked["redirect_uris"][0],
                    "response_type": "code",
                    "scope": "openid",
                }
                path = f"/realms/{REALM}/protocol/openid-connect/auth"
                assert (await _http(nodes.there).get(path, params=request)).status_code in {302, 303}
            else:
                answer = await _http(nodes.there).post(
                    f"/realms/{REALM}/protocol/openid-connect/token",
                    data={"grant_type": "authorization_code", "code": "none"},
                    auth=(client["client_id"], client["client_secret"]),
                )
                assert answer.json()["error"] == "invalid_grant", "it was known, and its proof was good"


def _http(world: World) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=world.site.application), base_url=ORIGIN)


async def test_a_logout_is_told_by_one_of_them(tmp_path: Path) -> None:
    def told(found: dict[str, Any]) -> None:
        client = next(one for one in found["clients"] if one["clientId"] == "internet-banking")
        client.setdefault("attributes", {})["backchannel.logout.url"] = "https://bank.example/told"

    async with pair(tmp_path, edit=all_edits(SETTLED, told)) as nodes:
        await nodes.tokens()
        sites = FakeSites()
        providers = [world.site.desks[REALM].provider for world in (nodes.here, nodes.there)]
        for one in providers:
            one.outbound = sites
        user = await nodes.here.user("arta.hoxha")
        (session,) = await providers[0].stores.user_sessions.of_user(user.id)
        assert await owe(providers[0], session, ["internet-banking"])
        nodes.here.clock.advance(10)
        await asyncio.gather(*map(tell_due, providers))
        for one in providers:
            await one.errands.finished()
        assert len(sites.posts) == 1


async def test_a_password_that_another_process_left_on_its_way_is_sent_when_that_time_is_over(tmp_path: Path) -> None:
    clock, sms = FakeClock(), FakeSms()
    shared = store_of(MemoryPlace(), clock)
    sms.down = True
    async with provider(tmp_path, clock=clock, sms=sms, shared=shared):
        pass
    sms.down = False
    async with provider(tmp_path, clock=clock, sms=sms, shared=shared):
        assert PHONE not in [to for to, _ in sms.messages], "whoever marked it may still be sending it"
    clock.advance(ON_ITS_WAY)
    async with provider(tmp_path, clock=clock, sms=sms, shared=shared):
        assert PHONE in [to for to, _ in sms.messages]


class HangingPlace(MemoryPlace):
    """A place that stops answering, whose driver makes an error of its own out of a call that was given up."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs = False
        self.waiting = 0

    async def get(self, key: RecordKey) -> Stamped | None:
        if not self.hangs:
            return await super().get(key)
        self.waiting += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise StoreUnavailableError("operation cancelled") from None
        raise AssertionError("nothing wakes it")


async def test_a_node_ends_although_its_store_hangs(tmp_path: Path) -> None:
    clock, place = FakeClock(), HangingPlace()
    async with provider(tmp_path, edit=SETTLED, clock=clock, shared=store_of(place, clock)) as world:
        place.hangs = True
        async with asyncio.timeout(PATIENCE):
            while place.waiting < 2:  # noqa: ASYNC110 - the watches tell nobody that they look
                await asyncio.sleep(0.01)
            await world.site.close()
