"""Versions of a realm: a login finishes on the one it began with (T-31), a new login begins on the new one."""

from __future__ import annotations

from typing import Any

import pytest

from idp.flows.assembly import UnusableRealmError
from idp.flows.versions.published import PublishedRealm
from idp.realms.files.placeholders import Surroundings
from idp.realms.history import Authorship, RealmHistory
from idp.realms.loading import LoadedRealm
from tests.contracts.values import a_publication
from tests.flows.bench import (
    SURROUNDINGS,
    Bench,
    Edit,
    all_edits,
    flow,
    loaded,
    no_actions,
    step,
    with_flows,
)

pytestmark = pytest.mark.anyio
ANA = Authorship(author="Ana", reason="a test")

FORM = step("auth-username-password-form")
WEAK = all_edits(no_actions, with_flows(flow("login", FORM)))
STRONG = all_edits(no_actions, with_flows(flow("login", FORM, step("auth-otp-form"))))


def titled(title: str) -> Edit:
    def edit(found: dict[str, Any]) -> None:
        found["displayName"] = title

    return edit


def opened(bench: Bench) -> PublishedRealm:
    """The realm of a process that has just started."""
    return PublishedRealm(history=history_of(bench), services=bench.services, surroundings=SURROUNDINGS, registered={})


def history_of(bench: Bench) -> RealmHistory:
    return RealmHistory(realm="small-business", versions=bench.stores.versions, sealer=bench.sealer, clock=bench.clock)


async def publish(published: PublishedRealm, found: LoadedRealm, *, confirm_within: int | None = None) -> None:
    """Publish a version and have it at work."""
    latest = await published.history.latest()
    base = None if latest is None else latest.version
    await published.history.publish(found.document, ANA, base=base, confirm_within=confirm_within)
    version = await published.prepared()
    assert version is not None
    published.swap(version)


async def test_what_was_published_beside_is_prepared_once_and_present_after_the_swap() -> None:
    published = opened(Bench())
    await publish(published, loaded(WEAK))
    assert published.realm().version == loaded(WEAK).realm.version
    assert await published.prepared() is None
    await published.history.publish(loaded(STRONG).document, ANA, base=loaded(WEAK).realm.version)
    version = await published.prepared()
    assert version is not None
    assert published.realm().version == loaded(WEAK).realm.version, "nothing has been swapped in yet"
    published.swap(version)
    assert published.realm().version == loaded(STRONG).realm.version


async def test_a_line_that_says_the_same_again_compiles_nothing_anew() -> None:
    published = opened(Bench())
    await publish(published, loaded(WEAK))
    present = published.current()
    assert await published.history.taken_from_file(loaded(WEAK).document, ANA, alone=False) is not None
    version = await published.prepared()
    assert version is not None
    assert version.assembled is present


@pytest.mark.parametrize("restarted", [False, True], ids=["in the same process", "after a restart"])
async def test_a_former_version_still_runs_as_it_was(*, restarted: bool) -> None:
    bench = Bench()
    published = opened(bench)
    await publish(published, loaded(STRONG))
    former = published.current()
    if restarted:
        published = opened(bench)
    await publish(published, loaded(WEAK))
    found = await published.assembled(former.realm.version)
    assert found is not None
    assert found.realm == former.realm
    assert found.flows == former.flows
    assert found.flows != published.current().flows
    assert await published.assembled(former.realm.version) is found, "it is compiled once"


async def test_the_present_version_is_found_by_its_name() -> None:
    published = opened(Bench())
    await publish(published, loaded())
    assert await published.assembled(published.realm().version) is published.current()


async def test_a_version_that_was_never_published_is_nobodys() -> None:
    published = opened(Bench())
    await publish(published, loaded())
    assert await published.assembled("0" * 64) is None


async def test_a_version_that_can_no_longer_run_is_nobodys_and_is_not_followed() -> None:
    bench = Bench()
    published = opened(bench)
    await publish(published, loaded())
    present = published.current()
    # A release that has dropped an authenticator reads a version that names it.
    for document in (b'{"realm": "small-business", "browserFlow": "gone"}', b"{"):
        latest = await published.history.latest()
        assert latest is not None
        line = await published.history.publish(document, ANA, base=latest.version)
        assert await published.assembled(line.version) is None
        with pytest.raises(UnusableRealmError):
            await published.prepared()
        assert published.current() is present


async def test_a_version_whose_secret_is_not_here_is_not_followed() -> None:
    bench = Bench()
    published = opened(bench)
    await publish(published, loaded(WEAK))
    empty = Surroundings(vault=lambda _realm, _key: None, environment={})
    elsewhere = PublishedRealm(history=history_of(bench), services=bench.services, surroundings=empty, registered={})
    with pytest.raises(UnusableRealmError, match="vault"):
        await elsewhere.prepared()


async def test_more_former_versions_than_are_kept_compiled_are_found_again() -> None:
    published = opened(Bench())
    versions = []
    for number in range(12):
        await publish(published, loaded(titled(f"Banka {number}")))
        versions.append(published.realm().version)
    for number, version in enumerate(versions):
        found = await published.assembled(version)
        assert found is not None
        assert found.realm.title == f"Banka {number}"


async def test_a_version_in_the_store_cannot_be_exchanged_for_another() -> None:
    bench = Bench()
    published = opened(bench)
    await publish(published, loaded(WEAK))
    weak = await bench.stores.versions.get(loaded(WEAK).realm.version)
    assert weak is not None
    await bench.stores.versions.publish(a_publication(2, "0" * 64), weak)
    with pytest.raises(ValueError, match="altered"):
        await published.assembled("0" * 64)
