from __future__ import annotations

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.flows.messages import action_links
from idp.flows.messages.action_links import ActionLink
from tests.flows.bench import LINKS, Bench, demo_realm

pytestmark = pytest.mark.anyio
REALM = demo_realm()


async def issued(bench: Bench, purpose: action_links.Purpose = "reset-credentials") -> ActionLink:
    user = await bench.stores.users.by_id("user-1") or await bench.add_user()
    return await action_links.issued(bench.services, REALM, user, purpose, now=bench.now, locale="sq")


@given(st.text(max_size=200) | st.text(alphabet="abcXYZ019-_=", max_size=400))
def test_whatever_we_did_not_write_may_do_nothing(text: str) -> None:
    assert action_links.read(Bench().sealer, REALM.name, text) is None


async def test_what_was_written_is_read_in_its_realm_alone() -> None:
    bench = Bench()
    link = await issued(bench)
    text = action_links.written(bench.sealer, REALM.name, link)
    assert action_links.read(bench.sealer, REALM.name, text) == link
    assert action_links.read(bench.sealer, "another", text) is None
    assert link.user_id not in text


async def test_nobody_reads_out_of_an_address_whom_it_is_for() -> None:
    bench = Bench()
    fields = action_links.fields(bench.services, REALM, await issued(bench), now=bench.now)
    assert str(fields["link"]).startswith(f"{LINKS}?key=")
    assert "ana" not in str(fields["link"])
    assert fields["minutes"] == 5


async def test_of_any_number_of_takers_one_gets_a_link() -> None:
    bench = Bench()
    link = await issued(bench)
    taken = await asyncio.gather(*(action_links.taken(bench.services.latest, link) for _ in range(20)))
    assert sum(taken) == 1


async def test_only_the_latest_of_a_purpose_can_be_taken_and_purposes_do_not_meet() -> None:
    bench = Bench()
    first, other = await issued(bench), await issued(bench, "verify-email")
    second = await issued(bench)
    assert not await action_links.taken(bench.services.latest, first)
    assert await action_links.taken(bench.services.latest, other)
    as_another = msgspec.structs.replace(second, purpose="update-email")
    assert not await action_links.taken(bench.services.latest, as_another)
    assert await action_links.taken(bench.services.latest, second)


async def test_a_link_stands_until_its_time_the_password_the_address_or_the_user_changes() -> None:
    bench = Bench()
    link = await issued(bench)
    user = await bench.user()
    assert action_links.stands(link, user, now=link.expires_at - 1)
    assert not action_links.stands(link, user, now=link.expires_at)
    assert not action_links.stands(link, None, now=bench.now)
    fresh = await bench.password_credential("tjetër", id="password-2")
    for changed in ({"enabled": False}, {"email": "x@example.al"}, {"credentials": (fresh,)}, {"not_before": 1}):
        assert not action_links.stands(link, msgspec.structs.replace(user, **changed), now=bench.now)


async def test_a_realm_says_how_long_links_of_a_purpose_work() -> None:
    def shorter(found: dict[str, object]) -> None:
        attributes = found["attributes"]
        assert isinstance(attributes, dict)
        attributes["actionTokenGeneratedByUserLifespan.reset-credentials"] = "60"
        found["actionTokenGeneratedByUserLifespan"] = 600

    lifespans = demo_realm(shorter).lifespans
    assert (lifespans.action_link("reset-credentials"), lifespans.action_link("verify-email")) == (60, 600)


async def test_where_a_realm_says_nothing_a_link_works_as_long_as_a_required_action() -> None:
    def silent(found: dict[str, object]) -> None:
        found.pop("actionTokenGeneratedByUserLifespan")
        found["accessCodeLifespanUserAction"] = 420

    assert demo_realm(silent).lifespans.action_link("verify-email") == 420
