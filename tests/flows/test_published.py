"""Versions of a realm: a login finishes on the one it began with (T-31), a new login begins on the new one."""

from __future__ import annotations

from typing import Any

import pytest

from idp.flows.assembly import UnusableRealmError
from idp.flows.published import PublishedRealm
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

FORM = step("auth-username-password-form")
WEAK = all_edits(no_actions, with_flows(flow("login", FORM)))
STRONG = all_edits(no_actions, with_flows(flow("login", FORM, step("auth-otp-form"))))


def titled(title: str) -> Edit:
    def edit(found: dict[str, Any]) -> None:
        found["displayName"] = title

    return edit


def opened(bench: Bench) -> PublishedRealm:
    """The realm of a process that has just started."""
    return PublishedRealm(
        name="small-business",
        versions=bench.stores.versions,
        sealer=bench.sealer,
        services=bench.services,
        surroundings=SURROUNDINGS,
        registered={},
    )


async def test_publishing_makes_a_version_the_present_one_and_says_whether_it_is_new() -> None:
    bench = Bench()
    published = opened(bench)
    assert await published.publish(loaded(WEAK))
    assert not await published.publish(loaded(WEAK))
    assert await published.publish(loaded(STRONG))
    assert published.realm().version == loaded(STRONG).realm.version
    assert await bench.stores.versions.current() == published.realm().version


async def test_users_of_the_file_make_no_new_version() -> None:
    def nobody(found: dict[str, Any]) -> None:
        found["users"] = []

    published = opened(Bench())
    await published.publish(loaded())
    assert not await published.publish(loaded(nobody))


@pytest.mark.parametrize("restarted", [False, True], ids=["in the same process", "after a restart"])
async def test_a_former_version_still_runs_as_it_was(*, restarted: bool) -> None:
    bench = Bench()
    published = opened(bench)
    await published.publish(loaded(STRONG))
    former = published.current()
    if restarted:
        published = opened(bench)
    await published.publish(loaded(WEAK))
    found = await published.assembled(former.realm.version)
    assert found is not None
    assert found.realm == former.realm
    assert found.flows == former.flows
    assert found.flows != published.current().flows
    assert await published.assembled(former.realm.version) is found, "it is compiled once"


async def test_the_present_version_is_found_by_its_name() -> None:
    published = opened(Bench())
    await published.publish(loaded())
    assert await published.assembled(published.realm().version) is published.current()


async def test_a_version_that_was_never_published_is_nobodys() -> None:
    published = opened(Bench())
    await published.publish(loaded())
    assert await published.assembled("0" * 64) is None


async def test_a_version_that_can_no_longer_run_is_nobodys() -> None:
    bench = Bench()
    published = opened(bench)
    await published.publish(loaded())
    # A release that has dropped an authenticator reads a version that names it.
    documents = {"dropped": b'{"realm": "small-business", "browserFlow": "gone"}', "no-json": b"{"}
    for version, document in documents.items():
        sealed = bench.sealer.seal(document, purpose=f"realm-version|small-business|{version}")
        assert await bench.stores.versions.publish(version, sealed, expected=await bench.stores.versions.current())
        assert await published.assembled(version) is None


async def test_a_file_whose_flows_do_not_compile_changes_nothing() -> None:
    bench = Bench()
    published = opened(bench)
    await published.publish(loaded())
    present = published.current()
    with pytest.raises(UnusableRealmError):
        await published.publish(loaded(with_flows(flow("login", step("no-such-step")))))
    assert published.current() is present
    assert await bench.stores.versions.current() == present.realm.version


async def test_more_former_versions_than_are_kept_compiled_are_found_again() -> None:
    published = opened(Bench())
    versions = []
    for number in range(12):
        await published.publish(loaded(titled(f"Banka {number}")))
        versions.append(published.realm().version)
    for number, version in enumerate(versions):
        found = await published.assembled(version)
        assert found is not None
        assert found.realm.title == f"Banka {number}"


async def test_a_version_in_the_store_cannot_be_exchanged_for_another() -> None:
    bench = Bench()
    published = opened(bench)
    await published.publish(loaded(WEAK))
    weak = await bench.stores.versions.get(loaded(WEAK).realm.version)
    assert weak is not None
    await bench.stores.versions.publish("0" * 64, weak, expected=loaded(WEAK).realm.version)
    with pytest.raises(ValueError, match="altered"):
        await published.assembled("0" * 64)
