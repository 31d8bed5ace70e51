"""Versions at work: what is published beside a running server is served, waits for a login, and goes back by itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import structlog

from idp.model.client import Client
from idp.model.version import Publication, VersionSource
from idp.realms.files.placeholders import Surroundings, file_vault
from idp.realms.history import Authorship, RealmHistory
from idp.realms.loading import LoadedRealm, load
from idp.realms.topics.registration import OPEN, POLICIES
from idp.settings.loading import StartError
from idp.settings.tables import Realms
from tests.fakes import FakeClock
from tests.flows.bench import Edit, all_edits
from tests.patience import until
from tests.stores.memory_place import MemoryPlace, store_of
from tests.stories.rearranged import FORM, OTP, PASSWORD, SMS, customer, forms, override, settled
from tests.stories.world import BANK, ORIGIN, RelyingParty, World, provider

pytestmark = pytest.mark.anyio

REALM = "small-business"
ANA = Authorship(author="Ana", reason="CHG-7")
OLD, NEW = settled(forms(FORM, OTP)), settled(forms(FORM, SMS))
TEN_MINUTES = 600
CARDS_BY_SMS = override(
    "cards",
    {
        "alias": "sms login",
        "id": "sms-login",
        "topLevel": True,
        "authenticationExecutions": [FORM, SMS],
    },
)


def entitled(title: str) -> Edit:
    def edit(found: dict[str, Any]) -> None:
        found["displayName"] = title

    return all_edits(OLD, edit)


def history_of(world: World) -> RealmHistory:
    return world.site.desks[REALM].published.history


def read(world: World, edit: Edit) -> LoadedRealm:
    """Load the demo's realm with an edit, without touching any file."""
    document = json.loads((Path(__file__).parents[2] / "realms" / f"{REALM}.json").read_text(encoding="utf-8"))
    edit(document)
    vault = file_vault(Path(world.settings.secrets.vault))
    return load(json.dumps(document), surroundings=Surroundings(vault=vault, environment={"BANK_URL": BANK}))


async def publish(world: World, edit: Edit, *, confirm_within: int | None = None) -> Publication:
    """Publish as another process does, and wait until the server has noticed."""
    history, found = history_of(world), read(world, edit)
    latest = await history.latest()
    assert latest is not None
    line = await history.publish(found.document, ANA, base=latest.version, confirm_within=confirm_within)
    await until(lambda: served(world) == line.version)
    return line


def served(world: World) -> str:
    return world.site.desks[REALM].realm.version


async def metadata(world: World, path: str) -> dict[str, Any]:
    transport = httpx.ASGITransport(app=world.site.application)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as http:
        found: dict[str, Any] = (await http.get(f"/realms/{REALM}/{path}")).json()
        return found


# --- Following


async def test_clients_keys_and_pages_follow_what_is_published(tmp_path: Path) -> None:
    def edit(found: dict[str, Any]) -> None:
        entitled("Banka e Re")(found)
        found["defaultSignatureAlgorithm"] = "ES384"
        found["clients"][1]["enabled"] = False

    async with provider(tmp_path, edit=OLD) as world:
        browser = world.browser()
        await browser.open(world.client(client_id="cards").request())
        assert browser.page is not None
        assert "Banka e Re" not in browser.page.html
        await publish(world, edit)
        page = await browser.open(world.client().request())
        assert "Banka e Re" in page.html
        page = await browser.open(world.client(client_id="cards").request())
        assert "kc-form-login" not in page.forms, "the client is gone"
        keys = (await metadata(world, "protocol/openid-connect/certs"))["keys"]
        assert "ES384" in {key.get("alg") for key in keys}
        arta, bank = customer(world), world.client()
        browser = await arta.begin(bank)
        await arta.log_in(browser)
        assert "id_token" in (await bank.redeem(browser.answer["code"])).json()


async def test_clients_that_registered_themselves_and_the_rules_for_them_follow(tmp_path: Path) -> None:
    def open_to_all(found: dict[str, Any]) -> None:
        OLD(found)
        found["attributes"][OPEN] = "true"
        found["components"] = {POLICIES: [{"providerId": "max-clients", "subType": "anonymous", "config": {}}]}

    def closed(found: dict[str, Any]) -> None:
        open_to_all(found)
        found["attributes"][OPEN] = "false"
        executor = {"executor": "consent-required", "configuration": {"auto-configure": True}}
        found["clientProfiles"] = {"profiles": [{"name": "asked", "executors": [executor]}]}
        everybody = {"condition": "any-client", "configuration": {}}
        policy = {"name": "everybody", "enabled": True, "conditions": [everybody], "profiles": ["asked"]}
        found["clientPolicies"] = {"policies": [policy]}

    async with provider(tmp_path, edit=open_to_all) as world:
        reply = await register(world)
        assert reply.status_code == 201, reply.text
        client, registered = reply.json(), world.site.desks[REALM].provider.client
        assert not found_client(registered(client["client_id"])).consent_required
        await publish(world, closed)
        assert found_client(registered(client["client_id"])).consent_required, "the new policies are about it, too"
        assert (await register(world)).status_code in {401, 403}
        party = RelyingParty(world, realm=REALM, client_id=client["client_id"], secret=client["client_secret"])
        party.redirect_uri = client["redirect_uris"][0]
        arta = customer(world)
        browser = await arta.begin(party)
        assert "kc-form-login" in browser.shown.forms, "who registered stays"


def found_client(client: Client | None) -> Client:
    assert client is not None
    return client


async def register(world: World) -> httpx.Response:
    transport = httpx.ASGITransport(app=world.site.application)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as http:
        address = f"/realms/{REALM}/clients-registrations/openid-connect"
        return await http.post(address, json={"redirect_uris": ["https://budget.example/callback"]})


async def test_a_version_that_has_errors_here_is_not_followed_and_the_server_serves_on(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=OLD) as world:
        before, history = served(world), history_of(world)
        broken = b'{"realm": "small-business", "enabled": true, "browserFlow": "gone"}'
        with structlog.testing.capture_logs() as logs:
            await history.publish(broken, ANA, base=before)
            await until(lambda: any(line["event"] == "realm version not followed" for line in logs))
            await asyncio.sleep(1.2)  # two more looks
        assert sum(line["event"] == "realm version not followed" for line in logs) == 1, "it is said once"
        assert served(world) == before
        arta = customer(world)
        browser = await arta.begin(world.client())
        await arta.log_in(browser)
        assert "code" in browser.answer


# --- Files and what was published


async def test_what_was_published_outlives_a_restart_and_the_start_says_so(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=OLD) as world:
        line = await publish(world, NEW)
        clock = world.clock
    with structlog.testing.capture_logs() as logs:
        async with provider(tmp_path, edit=OLD, clock=clock) as again:
            assert served(again) == line.version
    said = [one for one in logs if one["event"] == "realm file is not what is served"]
    assert [(one["realm"], one["version"], one["author"]) for one in said] == [(REALM, line.version, "Ana")]


async def test_a_file_that_changes_wins_and_is_the_author(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=OLD) as world:
        await publish(world, NEW)
        clock = world.clock
    async with provider(tmp_path, edit=entitled("Nga skedari"), clock=clock) as again:
        assert again.site.desks[REALM].realm.title == "Nga skedari"
        (latest, *_) = await history_of(again).log()
        assert latest.source is VersionSource.FILE
        assert latest.author == f"file {tmp_path / 'small-business.json'}"
        (event,) = [e for e in await again.events() if e.type == "REALM_PUBLISHED" and e.detail["number"] == "3"]
        assert event.detail["version"] == latest.version


async def test_a_file_that_is_put_back_counts_where_no_other_node_can_have_an_older_one(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=OLD) as world:
        older, clock = served(world), world.clock
    async with provider(tmp_path, edit=entitled("Më e re"), clock=clock) as world:
        assert served(world) != older
    async with provider(tmp_path, edit=OLD, clock=clock) as again:
        assert served(again) == older
        assert len(await history_of(again).log()) == 3


async def test_a_start_beside_others_with_an_older_file_serves_the_newer_version_and_says_how_to_go_back(
    tmp_path: Path,
) -> None:
    clock, place = FakeClock(), MemoryPlace()

    def node(edit: Edit) -> contextlib.AbstractAsyncContextManager[World]:
        return provider(tmp_path, edit=edit, clock=clock, shared=store_of(place, clock))

    async with node(OLD) as world:
        older = served(world)
    async with node(entitled("Më e re")) as world:
        newer = served(world)
    with structlog.testing.capture_logs() as logs:
        async with node(OLD) as again:
            assert served(again) == newer
            assert len(await history_of(again).log()) == 2
            told = [one for one in logs if one["event"] == "realm file is not what is served"]
            (said,) = [one for one in told if one["realm"] == REALM]
            assert (said["version"], said["file_version"]) == (newer, older)
            assert said["until"].endswith(f"idp realm rollback {REALM} {older[:12]}")
            meant = await history_of(again).found(said["until"].rpartition(" ")[2])
            await history_of(again).rollback(meant, ANA)
            await until(lambda: served(again) == older)


async def test_a_published_version_that_does_not_start_any_more_says_how_to_go_back(tmp_path: Path) -> None:
    def edit(found: dict[str, Any]) -> None:
        OLD(found)
        found["clients"][1]["secret"] = "${vault.other}"

    async with provider(tmp_path, edit=OLD) as world:
        secret = tmp_path / "vault" / f"{REALM}_other"
        secret.write_text("a secret of 32 characters, at least")
        await publish(world, edit)
        secret.unlink()
    with pytest.raises(StartError, match="idp realm rollback small-business"):
        # Its own file would start, and is not what was published last.
        async with provider(tmp_path, edit=OLD):
            pass


async def test_a_realm_that_was_imported_is_served_and_one_whose_file_is_gone_is_not(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=OLD) as world:
        document = read(world, OLD).document.replace(b'"realm":"small-business"', b'"realm":"imported"')
        for client in ("internet-banking", "cards"):
            (tmp_path / "vault" / f"imported_{client}").write_text("a secret of 32 characters, at least")
        other = world.site.store.realm("imported")
        sealer = world.site.desks[REALM].provider.sealer
        history = RealmHistory(realm="imported", versions=other.versions, sealer=sealer, clock=world.clock)
        await history.publish(document, ANA, base=None, source=VersionSource.IMPORT)
        clock = world.clock

    def only_one(settings: Any) -> Any:
        return msgspec.structs.replace(settings, realms=Realms(files=settings.realms.files[:1]))

    async with provider(tmp_path, edit=OLD, clock=clock, settle=only_one) as again:
        assert sorted(again.site.desks) == ["imported", REALM]


# --- Commit-confirmed


async def test_a_login_through_the_new_version_confirms_it(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=OLD) as world:
        line = await publish(world, NEW, confirm_within=TEN_MINUTES)
        arta = customer(world)
        browser = await arta.begin(world.client())
        await arta.give_password(browser)
        assert await history_of(world).waiting() == line, "half a login shows nothing"
        await browser.submit("sms-otp-form", code=world.sms.code_to(arta.phone))
        assert "code" in browser.answer
        assert await history_of(world).waiting() is None
        (event,) = [e for e in await world.events() if e.type == "REALM_CONFIRMED"]
        assert (event.detail["version"], event.client_id) == (line.version, "internet-banking")
        world.clock.advance(TEN_MINUTES)
        await asyncio.sleep(1.2)  # two looks
        assert served(world) == line.version


async def test_nobody_logs_in_through_it_and_it_goes_back_by_itself(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=OLD) as world:
        before = served(world)
        line = await publish(world, NEW, confirm_within=TEN_MINUTES)
        world.clock.advance(TEN_MINUTES)
        await until(lambda: served(world) == before)
        (event,) = [e for e in await world.events() if e.type == "REALM_REVERTED"]
        assert (event.detail["version"], event.detail["parent"]) == (before, line.version)


async def test_a_server_that_was_down_meanwhile_starts_on_the_version_before(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=OLD) as world:
        before = served(world)
        await publish(world, NEW, confirm_within=TEN_MINUTES)
        clock = world.clock
    clock.advance(TEN_MINUTES)
    async with provider(tmp_path, edit=OLD, clock=clock) as again:
        assert served(again) == before
        assert "REALM_REVERTED" in await again.event_types()


async def test_a_session_that_answers_shows_nothing_of_the_new_version(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=OLD) as world:
        arta = customer(world)
        browser = await arta.begin(world.client())
        await arta.log_in(browser)
        line = await publish(world, settled(forms(FORM, OTP, step_of_its_own())), confirm_within=TEN_MINUTES)
        await browser.open(world.client().request(prompt="none"))
        assert "code" in browser.answer
        assert await history_of(world).waiting() == line


def step_of_its_own() -> dict[str, Any]:
    return {"authenticator": "sms-otp", "requirement": "DISABLED", "priority": 90}


async def test_a_login_of_a_client_whose_flow_is_as_it_was_confirms_nothing(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=OLD) as world:
        line = await publish(world, all_edits(OLD, CARDS_BY_SMS), confirm_within=TEN_MINUTES)
        arta = customer(world)
        await arta.log_in(await arta.begin(world.client()))
        assert await history_of(world).waiting() == line
        browser = await arta.begin(world.client(client_id="cards"))
        await browser.submit("kc-form-login", username=arta.username, password=PASSWORD)
        await browser.submit("sms-otp-form", code=world.sms.code_to(arta.phone))
        assert "code" in browser.answer
        assert await history_of(world).waiting() is None


async def test_a_login_that_began_on_the_version_before_confirms_nothing(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=OLD) as world:
        arta = customer(world)
        browser = await arta.begin(world.client())
        await arta.give_password(browser)
        line = await publish(world, NEW, confirm_within=TEN_MINUTES)
        await browser.submit("kc-otp-login-form", otp=arta.next_code())
        assert "code" in browser.answer
        assert await history_of(world).waiting() == line


async def test_a_login_that_began_on_the_same_version_before_it_came_back_confirms_nothing(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=OLD) as world:
        arta = customer(world)
        browser = await arta.begin(world.client())
        await publish(world, NEW)
        world.clock.advance(1)
        line = await publish(world, OLD, confirm_within=TEN_MINUTES)
        await arta.log_in(browser)
        assert "code" in browser.answer
        assert await history_of(world).waiting() == line
