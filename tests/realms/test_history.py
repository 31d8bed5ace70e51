"""The history of a realm: who published what from which version, and the ways back."""

from __future__ import annotations

import asyncio

import pytest

from idp.crypto.sealing import AesGcmSealer
from idp.model.version import Draft, Publication, VersionSource
from idp.ports import RealmVersions
from idp.realms.history import REVERTER, Authorship, HistoryRefusedError, RealmHistory, version_of
from idp.stores.memory import MemoryKernel
from idp.stores.records import KernelStore
from idp.stores.verbs.versions import KernelRealmVersions
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio
ANA, BLEDI = Authorship(author="Ana", reason="CHG-1"), Authorship(author="Bledi", reason="CHG-2")
FILE = Authorship(author="file realm.json", reason="changed")
ONE, TWO, THREE = (f'{{"realm":"bank","n":{number}}}'.encode() for number in (1, 2, 3))
TEN_MINUTES = 600


@pytest.fixture
def versions(clock: FakeClock) -> RealmVersions:
    return KernelStore(MemoryKernel(clock), clock).realm("bank").versions


@pytest.fixture
def history(versions: RealmVersions, clock: FakeClock) -> RealmHistory:
    return RealmHistory(realm="bank", versions=versions, sealer=AesGcmSealer([bytes(32)]), clock=clock)


async def published(history: RealmHistory, *documents: bytes) -> Publication:
    """Publish one after the other; return the last line."""
    for document in documents:
        latest = await history.latest()
        base = None if latest is None else latest.version
        await history.publish(document, ANA, base=base)
    return (await history.log())[0]


async def test_a_version_is_named_by_its_content_and_says_who_when_why_and_after_which(
    history: RealmHistory, clock: FakeClock
) -> None:
    first = await history.publish(ONE, ANA, base=None)
    clock.advance(5)
    second = await history.publish(TWO, BLEDI, base=first.version)
    assert second == Publication(
        number=2,
        version=version_of(TWO),
        parent=version_of(ONE),
        author="Bledi",
        at=int(clock()),
        reason="CHG-2",
        source=VersionSource.PUBLISH,
    )
    assert await history.latest() == second
    assert await history.log() == [second, first]
    assert await history.document(first.version) == ONE
    assert await history.document("0" * 64) is None


async def test_a_document_lies_sealed_in_the_store(history: RealmHistory, versions: RealmVersions) -> None:
    line = await published(history, ONE)
    sealed = await versions.get(line.version)
    assert sealed is not None
    assert b"bank" not in sealed


async def test_a_document_under_another_name_than_its_own_is_not_believed(
    history: RealmHistory, versions: RealmVersions
) -> None:
    other = "0" * 64
    sealed = AesGcmSealer([bytes(32)]).seal(ONE, purpose=f"realm-version|bank|{other}")
    line = Publication(number=1, version=other, author="x", at=0, reason="x", source=VersionSource.PUBLISH)
    await versions.publish(line, sealed)
    with pytest.raises(ValueError, match="another document"):
        await history.document(other)


async def test_whoever_started_from_another_version_than_the_present_one_is_refused_and_told_whose_it_is(
    history: RealmHistory,
) -> None:
    first = await published(history, ONE)
    await history.publish(TWO, BLEDI, base=first.version)
    with pytest.raises(HistoryRefusedError, match="published by Bledi"):
        await history.publish(THREE, ANA, base=first.version)
    assert (await history.log())[0].author == "Bledi"


async def test_of_two_at_the_same_time_one_is_refused(history: RealmHistory) -> None:
    first = await published(history, ONE)
    outcomes = await asyncio.gather(
        *(history.publish(document, ANA, base=first.version) for document in (TWO, THREE)), return_exceptions=True
    )
    assert sum(isinstance(outcome, HistoryRefusedError) for outcome in outcomes) == 1
    assert len(await history.log()) == 2


async def test_what_is_present_already_is_not_published_again(history: RealmHistory) -> None:
    line = await published(history, ONE)
    with pytest.raises(HistoryRefusedError, match="nothing to publish"):
        await history.publish(ONE, ANA, base=line.version)


async def test_a_version_is_found_by_the_beginning_of_its_name(history: RealmHistory) -> None:
    line = await published(history, ONE, TWO)
    assert await history.found(line.version) == line.version
    assert await history.found(line.version[:4]) == line.version
    assert await history.found(line.version[:8].upper()) == line.version
    for reference in (line.version[:3], "", "0000", line.version + "0"):
        with pytest.raises(HistoryRefusedError):
            await history.found(reference)


async def test_the_beginning_of_two_versions_names_neither(history: RealmHistory) -> None:
    versions: set[str] = set()
    number = 0
    while True:  # until two of them begin alike
        document = str(number).encode()
        prefix = version_of(document)[:4]
        await published(history, document)
        if prefix in versions:
            break
        versions.add(prefix)
        number += 1
    with pytest.raises(HistoryRefusedError, match="beginning of 2 versions"):
        await history.found(prefix)


async def test_a_rollback_is_a_line_of_its_own_and_forgets_nothing(history: RealmHistory) -> None:
    await published(history, ONE, TWO)
    line = await history.rollback(version_of(ONE), BLEDI)
    assert (line.version, line.parent, line.source) == (version_of(ONE), version_of(TWO), VersionSource.ROLLBACK)
    assert [entry.number for entry in await history.log()] == [3, 2, 1]
    assert await history.document(version_of(TWO)) == TWO


async def test_nobody_goes_back_to_what_never_was_or_already_is(history: RealmHistory) -> None:
    await published(history, ONE)
    with pytest.raises(HistoryRefusedError, match="no version"):
        await history.rollback(version_of(TWO), ANA)
    with pytest.raises(HistoryRefusedError, match="already"):
        await history.rollback(version_of(ONE), ANA)


# --- Files: they count when they change


async def test_a_file_is_taken_once_and_again_when_it_changes(history: RealmHistory) -> None:
    first = await history.taken_from_file(ONE, FILE, alone=False)
    assert first is not None
    assert (first.source, first.author) == (VersionSource.FILE, "file realm.json")
    assert await history.taken_from_file(ONE, FILE, alone=False) is None
    second = await history.taken_from_file(TWO, FILE, alone=False)
    assert second is not None
    assert second.parent == first.version


async def test_what_was_published_stays_until_the_file_changes(history: RealmHistory) -> None:
    await history.taken_from_file(ONE, FILE, alone=False)
    await published(history, TWO)
    assert await history.taken_from_file(ONE, FILE, alone=False) is None
    assert await history.taken_from_file(THREE, FILE, alone=False) is not None
    latest = await history.latest()
    assert latest is not None
    assert latest.version == version_of(THREE)


async def test_a_file_that_was_made_to_say_what_is_published_undoes_nothing_later(history: RealmHistory) -> None:
    await history.taken_from_file(ONE, FILE, alone=False)
    await published(history, TWO)
    assert await history.taken_from_file(TWO, FILE, alone=False) is not None, "the history remembers what the file said"
    await published(history, THREE)
    assert await history.taken_from_file(TWO, FILE, alone=False) is None
    latest = await history.latest()
    assert latest is not None
    assert latest.version == version_of(THREE)


async def test_an_older_file_undoes_nothing_whoever_published_what_is_newer(history: RealmHistory) -> None:
    await history.taken_from_file(ONE, FILE, alone=False)
    await history.taken_from_file(TWO, FILE, alone=False)
    assert await history.taken_from_file(ONE, FILE, alone=False) is None
    await published(history, THREE)
    for old in (ONE, TWO):
        assert await history.taken_from_file(old, FILE, alone=False) is None
    latest = await history.latest()
    assert latest is not None
    assert latest.version == version_of(THREE)


async def test_a_file_that_is_put_back_has_changed_where_no_other_node_can_have_it(history: RealmHistory) -> None:
    for document in (ONE, TWO, ONE):
        assert await history.taken_from_file(document, FILE, alone=True) is not None
        assert await history.taken_from_file(document, FILE, alone=True) is None
    latest = await history.latest()
    assert latest is not None
    assert latest.version == version_of(ONE)


async def test_somebody_may_go_back_to_what_an_older_file_says(history: RealmHistory) -> None:
    await history.taken_from_file(ONE, FILE, alone=False)
    await history.taken_from_file(TWO, FILE, alone=False)
    await history.rollback(version_of(ONE), ANA)
    assert await history.taken_from_file(TWO, FILE, alone=False) is None, "a node with the other file does not undo it"
    taken = await history.taken_from_file(ONE, FILE, alone=False)
    assert taken is not None, "the history remembers what the file said"
    assert taken.version == version_of(ONE)


# --- Commit-confirmed


async def waiting(history: RealmHistory) -> Publication:
    first = await published(history, ONE)
    return await history.publish(TWO, ANA, base=first.version, confirm_within=TEN_MINUTES)


async def test_a_line_that_waits_goes_back_by_itself_once_its_time_is_over(
    history: RealmHistory, clock: FakeClock
) -> None:
    line = await waiting(history)
    assert await history.waiting() == line
    clock.advance(TEN_MINUTES - 1)
    assert await history.reverted() is None
    clock.advance(1)
    back = await history.reverted()
    assert back is not None
    assert (back.version, back.parent, back.number) == (version_of(ONE), version_of(TWO), 3)
    assert (back.source, back.author) == (VersionSource.REVERT, REVERTER)
    assert await history.reverted() is None
    assert await history.waiting() is None


async def test_a_confirmed_line_stays(history: RealmHistory, clock: FakeClock) -> None:
    line = await waiting(history)
    clock.advance(TEN_MINUTES - 1)
    assert await history.confirm("login t1") == line
    assert await history.confirm("login t2") is None
    assert (await history.confirmations())[line.number].by == "login t1"
    clock.advance(TEN_MINUTES)
    assert await history.reverted() is None
    assert await history.latest() == line


async def test_nobody_confirms_too_late(history: RealmHistory, clock: FakeClock) -> None:
    await waiting(history)
    clock.advance(TEN_MINUTES)
    assert await history.confirm("login t1") is None
    assert await history.reverted() is not None


async def test_nothing_is_published_on_a_line_that_waits(history: RealmHistory) -> None:
    line = await waiting(history)
    with pytest.raises(HistoryRefusedError, match="still waits"):
        await history.publish(THREE, BLEDI, base=line.version)
    await history.confirm("Ana")
    assert (await history.publish(THREE, BLEDI, base=line.version)).parent == line.version


async def test_a_rollback_ends_the_waiting(history: RealmHistory, clock: FakeClock) -> None:
    await waiting(history)
    line = await history.rollback(version_of(ONE), BLEDI)
    clock.advance(TEN_MINUTES)
    assert await history.reverted() is None
    assert await history.latest() == line


async def test_what_does_not_wait_is_neither_confirmed_nor_reverted(history: RealmHistory, clock: FakeClock) -> None:
    await published(history, ONE, TWO)
    clock.advance(TEN_MINUTES)
    assert await history.waiting() is None
    assert await history.confirm("Ana") is None
    assert await history.reverted() is None


# --- Drafts


async def test_a_draft_is_kept_sealed_and_read_again(history: RealmHistory, versions: RealmVersions) -> None:
    line = await published(history, ONE)
    draft = await history.keep_draft("sms", TWO, base=line.version, author="Ana")
    assert history.drafted(await history.draft("sms")) == TWO
    assert (draft.version, draft.base, draft.author) == (version_of(TWO), line.version, "Ana")
    kept = await versions.draft("sms")
    assert kept is not None
    assert b"bank" not in kept.sealed
    assert [draft.name for draft in await history.drafts()] == ["sms"]
    await history.keep_draft("sms", THREE, base=line.version, author="Bledi")
    assert history.drafted(await history.draft("sms")) == THREE
    assert await history.latest() == line, "nobody is served a draft"


async def test_a_draft_that_is_dropped_is_gone(history: RealmHistory) -> None:
    await history.keep_draft("sms", TWO, base=version_of(ONE), author="Ana")
    assert await history.drop_draft("sms")
    assert not await history.drop_draft("sms")
    with pytest.raises(HistoryRefusedError, match="no draft"):
        await history.draft("sms")


class Late(KernelRealmVersions):
    """Sees no draft, since somebody keeps one only after it has looked."""

    async def draft(self, name: str) -> Draft | None:
        del name
        return None


async def test_who_keeps_a_draft_that_somebody_else_has_just_kept_is_told(clock: FakeClock) -> None:
    late = Late(MemoryKernel(clock), "bank")
    history = RealmHistory(realm="bank", versions=late, sealer=AesGcmSealer([bytes(32)]), clock=clock)
    await history.keep_draft("sms", TWO, base="x", author="Ana")
    with pytest.raises(HistoryRefusedError, match="Somebody else"):
        await history.keep_draft("sms", THREE, base="x", author="Bledi")
    assert [draft.version for draft in await history.drafts()] == [version_of(TWO)]
