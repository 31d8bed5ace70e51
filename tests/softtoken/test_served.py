"""How the application is served: addresses, headers, manifest, edition, icons."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image

from idp.softtoken import icons
from idp.softtoken.application import FOLDER, HEADERS, edition
from tests.softtoken.conftest import REALMS, soft_token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio

TOKEN = "/realms/small-business/token/"


@pytest.fixture
async def client(anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    assert anyio_backend == "asyncio"
    transport = httpx.ASGITransport(app=soft_token())
    async with httpx.AsyncClient(transport=transport, base_url="http://bank.test") as opened:
        yield opened


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("", "text/html; charset=utf-8"),
        ("index.html", "text/html; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("main.js", "text/javascript; charset=utf-8"),
        ("qr/worker.js", "text/javascript; charset=utf-8"),
        ("sw.js", "text/javascript; charset=utf-8"),
        ("manifest.webmanifest", "application/manifest+json"),
        ("icon.svg", "image/svg+xml"),
        ("icon-192.png", "image/png"),
    ],
)
async def test_each_file_has_its_type_and_all_headers(client: httpx.AsyncClient, path: str, media_type: str) -> None:
    response = await client.get(TOKEN + path)

    assert response.status_code == 200
    assert response.headers["content-type"] == media_type
    assert HEADERS.items() <= {key.title(): value for key, value in response.headers.items()}.items()


async def test_the_policy_allows_our_own_files_and_nothing_else(client: httpx.AsyncClient) -> None:
    policy = (await client.get(TOKEN)).headers["content-security-policy"]

    assert policy == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


async def test_an_unchanged_file_is_not_sent_again(client: httpx.AsyncClient) -> None:
    etag = (await client.get(TOKEN)).headers["etag"]

    for known in (etag, f'"other", W/{etag}'):
        again = await client.get(TOKEN, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert (await client.get(TOKEN, headers={"If-None-Match": '"other"'})).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/realms/unknown/token",
        "/realms/unknown/token/",
        "/realms/unknown/token/main.js",
        TOKEN + "absent.js",
        TOKEN + "../application.py",
        TOKEN + "%2e%2e/application.py",
        TOKEN + "..%2fapplication.py",
        TOKEN + "qr/",
    ],
)
async def test_what_does_not_exist_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_the_address_without_its_slash_leads_to_the_one_with_it(client: httpx.AsyncClient) -> None:
    response = await client.get("/realms/small-business/token")

    assert response.status_code == 308
    assert response.headers["location"] == TOKEN


@pytest.mark.parametrize("realm", REALMS)
async def test_the_page_carries_the_realms_name_and_no_markup_of_it(client: httpx.AsyncClient, realm: str) -> None:
    page = (await client.get(f"/realms/{realm}/token/")).text

    assert f'id="realm">{html.escape(REALMS[realm])}</span>' in page
    assert "{{" not in page


@pytest.mark.parametrize(
    ("realm", "name"),
    [
        ("small-business", "Hyrja Token · Banka Hyrja Biznes"),
        ("sme-corporate", "Hyrja Token · Banka <b>Hyrja</b> & Bij"),
        ("plain", "Hyrja Token"),
    ],
)
async def test_each_realm_is_an_installable_application_of_its_own(
    client: httpx.AsyncClient, realm: str, name: str
) -> None:
    address = f"/realms/{realm}/token/"
    manifest = json.loads((await client.get(f"{address}manifest.webmanifest")).text)

    assert manifest["name"] == name
    for member in ("id", "start_url", "scope"):
        assert httpx.URL(f"http://bank.test{address}manifest.webmanifest").join(manifest[member]).path == address
    for icon in manifest["icons"]:
        assert (await client.get(address + icon["src"])).status_code == 200


async def test_the_page_has_no_script_or_style_of_its_own(client: httpx.AsyncClient) -> None:
    page = (await client.get(TOKEN)).text

    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page) == []


async def test_the_service_worker_keeps_every_file_by_its_digest(client: httpx.AsyncClient) -> None:
    worker = (await client.get(TOKEN + "sw.js")).text
    kept = json.loads(re.findall(r"const EDITION = (.*);", worker)[0])["files"]

    assert set(kept) == (set(edition(REALMS["small-business"])) - {"sw.js", "index.html"}) | {"./"}
    for path, integrity in kept.items():
        body = (await client.get(TOKEN + path.removeprefix("./"))).content
        assert integrity == f"sha256-{base64.b64encode(hashlib.sha256(body).digest()).decode()}"


def test_another_display_name_is_another_edition() -> None:
    assert edition("One")["sw.js"].etag != edition("Two")["sw.js"].etag


def test_every_file_of_the_folder_is_served() -> None:
    on_disk = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}

    assert on_disk | {"manifest.webmanifest"} == set(edition("any"))


def test_the_committed_icon_is_what_the_program_draws() -> None:
    committed = Image.open(io.BytesIO((FOLDER / "icon-192.png").read_bytes()))

    assert committed.tobytes() == bytes(channel for pixel in icons.pixels(192) for channel in pixel)
    assert Image.open(io.BytesIO((FOLDER / "icon-512.png").read_bytes())).size == (512, 512)
