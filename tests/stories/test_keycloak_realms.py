"""Users of Keycloak's realms log in through their own flows, with the passwords and tokens that Keycloak stored."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyotp
import pytest

from idp.app import Outside, open_site
from idp.crypto.sealing import create_master_key
from idp.settings.gateways import Sms
from idp.settings.tables import Hashing, Log, Realms, Secrets, Server, Settings, Store
from tests.fakes import FakeClock
from tests.realms import keycloak_shapes as shapes
from tests.stories.browser import Browser
from tests.stories.settled import quiet
from tests.stories.world import ORIGIN, FakeSms, World

Document = dict[str, Any]
FOLDER = os.environ.get("HYRJA_KEYCLOAK_DATA")
EXPORTS = sorted(Path(FOLDER).glob("realm-exports/*.json")) if FOLDER else []
pytestmark = pytest.mark.anyio
CALLBACK = "http://localhost:8090/app/callback"


@contextlib.asynccontextmanager
async def served(folder: Path, place: Path) -> AsyncIterator[World]:
    """Serve the realms of a file or folder."""
    if not (folder / "master.key").exists():
        create_master_key(folder / "master.key")
    settings = Settings(
        environment="development",
        server=Server(base_url=ORIGIN),
        store=Store(path=str(folder / "store.sqlite")),
        secrets=Secrets(master_key_files=(str(folder / "master.key"),), vault=str(folder)),
        realms=Realms(files=(str(place),)),
        hashing=Hashing(memory_kib=7168, iterations=1, workers=2),
        sms=Sms(gateway="outbox", outbox_file=str(folder / "outbox.jsonl")),
        log=Log(),
    )
    clock, sms = FakeClock(), FakeSms()
    outside = Outside(clock=clock, random=secrets.token_bytes)
    site = await open_site(settings, outside=outside, log=quiet(), sms=sms)
    try:
        yield World(site, clock, sms, settings)
    finally:
        await site.close()


def written(folder: Path, document: Any) -> Path:
    path = folder / "realm.json"
    path.write_text(json.dumps(document))
    return path


def exported(path: Path) -> Document:
    document: Document = json.loads(path.read_text())
    return document


async def logged_in(world: World, *, realm: str = "shop", totp: bool = True) -> Browser:
    """Log Ada in: password, and the code of the application that Keycloak enrolled."""
    browser = world.browser()
    request = {"client_id": "app", "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid"}
    challenge = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
    await browser.open(f"{ORIGIN}/realms/{realm}/protocol/openid-connect/auth?{urlencode(request | challenge)}")
    await browser.submit("kc-form-login", username="ada", password=shapes.PASSWORD)
    if totp:
        world.clock.advance(30)  # a code is accepted once
        await browser.submit("kc-otp-login-form", otp=code(world))
    return browser


def code(world: World) -> str:
    """What the application of the phone shows."""
    key = base64.b32encode(shapes.TOKEN_KEY.encode()).decode().rstrip("=")
    return pyotp.TOTP(key).at(int(world.clock()))


@pytest.mark.parametrize("version", shapes.DOCUMENTS)
async def test_a_user_of_keycloak_logs_in_with_the_password_and_token_they_had(tmp_path: Path, version: str) -> None:
    async with served(tmp_path, written(tmp_path, shapes.DOCUMENTS[version])) as world:
        browser = await logged_in(world)
        assert "code" in browser.answer, browser.answer
        assert browser.arrived is not None
        assert browser.arrived.startswith(CALLBACK)


@pytest.mark.parametrize("version", shapes.DOCUMENTS)
async def test_a_wrong_code_of_the_token_is_refused(tmp_path: Path, version: str) -> None:
    async with served(tmp_path, written(tmp_path, shapes.DOCUMENTS[version])) as world:
        browser = await logged_in(world, totp=False)
        wrong = str((int(code(world)) + 1) % 1_000_000).zfill(6)
        page = await browser.submit("kc-otp-login-form", otp=wrong)
        assert not browser.has_left
        assert "kc-otp-login-form" in page.forms


async def test_a_hash_of_keycloak_is_made_anew_at_the_login(tmp_path: Path) -> None:
    async with served(tmp_path, written(tmp_path, shapes.DOCUMENTS["6.0.1"])) as world:
        before = (await world.user("ada", "shop")).password
        await logged_in(world)
        after = (await world.user("ada", "shop")).password
        assert before is not None
        assert after is not None
        assert before.sealed != after.sealed
        browser = await logged_in(world, totp=False)
        assert "kc-otp-login-form" in browser.shown.forms, "the same password, the new hash"


@pytest.mark.skipif(FOLDER is None, reason="HYRJA_KEYCLOAK_DATA does not name a folder of Keycloak's realm files")
@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.name)
async def test_a_user_logs_in_through_the_flows_of_a_real_export(tmp_path: Path, path: Path) -> None:
    document = exported(path)
    document["users"] = [shapes.person(shapes.hashed(*shapes.argon2()), shapes.token())]
    document["clients"].append(shapes.CLIENT)
    async with served(tmp_path, written(tmp_path, document)) as world:
        browser = await logged_in(world, realm=document["realm"])
        assert "code" in browser.answer, browser.answer


async def test_the_consoles_relative_addresses_are_the_providers_own(tmp_path: Path) -> None:
    async with served(tmp_path, written(tmp_path, shapes.DOCUMENTS["26.4.5"])) as world:
        account = world.site.desks["shop"].realm.clients["account"]
        assert account.redirect_uris == (f"{ORIGIN}/realms/shop/account/*",)
        assert account.base_url == f"{ORIGIN}/realms/shop/account/"


async def test_a_list_of_realms_is_served_whole(tmp_path: Path) -> None:
    other = copy.deepcopy(shapes.DOCUMENTS["26.4.5"]) | {"realm": "other", "id": "other"}
    async with served(tmp_path, written(tmp_path, [shapes.DOCUMENTS["9.0.3"], other])) as world:
        assert set(world.site.desks) == {"shop", "other"}
        assert "code" in (await logged_in(world)).answer
        assert "code" in (await logged_in(world, realm="other")).answer


async def test_a_folder_of_an_export_brings_its_users(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    document = copy.deepcopy(shapes.DOCUMENTS["22.0.1"])
    users = document.pop("users")
    (folder / "shop-realm.json").write_text(json.dumps(document))
    (folder / "shop-users-0.json").write_text(json.dumps({"realm": "shop", "users": users}))
    async with served(tmp_path, folder) as world:
        assert "code" in (await logged_in(world)).answer
