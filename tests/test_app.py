"""The whole application: what it does with strangers, overload, a failing store and a defect."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import structlog
import structlog.testing

from idp.app import Outside, open_site
from idp.cli.serving.log import open_log
from idp.crypto.sealing import MasterKeyError, create_master_key
from idp.model.messages.message import Carried
from idp.model.user import PasswordCredential, User
from idp.ports import StoreUnavailableError
from idp.settings.gateways import Sms, SmsGateway
from idp.settings.loading import SettingsError, StartError
from idp.settings.tables import Hashing, Log, Realms, Settings
from tests.fakes import FakeClock
from tests.logs import log_put_back
from tests.stories.browser import Browser
from tests.stories.world import BANK, ORIGIN, Customer, FakeSms, World, prepared, provider

pytestmark = pytest.mark.anyio
Change = Callable[[Settings], Settings]
LOGIN = "/realms/small-business/protocol/openid-connect/auth"


@pytest.fixture
async def world(tmp_path: Path, anyio_backend: str) -> AsyncIterator[World]:
    del anyio_backend
    async with provider(tmp_path) as opened:
        yield opened


def http_to(world: World, *, origin: str = ORIGIN) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=world.site.application), base_url=origin)


@asynccontextmanager
async def opened(
    folder: Path,
    *,
    change: Change = lambda settings: settings,
    edit: Callable[[dict[str, Any]], None] | None = None,
    sms: FakeSms | None = None,
) -> AsyncIterator[World]:
    """Open a provider with other settings than the stories have."""
    settings, clock, outbox = change(prepared(folder, edit)), FakeClock(), sms or FakeSms()
    outside = Outside(clock=clock, random=secrets.token_bytes, environment={"BANK_URL": BANK})
    site = await open_site(settings, outside=outside, log=structlog.get_logger(), sms=outbox)
    try:
        yield World(site, clock, outbox, settings)
    finally:
        await site.close()


UNKNOWN = [
    "/",
    "/realms",
    "/realms/small-business",
    "/realms/nobody/protocol/openid-connect/auth",
    "/realms/nobody/login-actions/authenticate",
    "/realms/SMALL-BUSINESS/protocol/openid-connect/auth",
    "/realms/small-business/protocol/openid-connect/auth/",
    "/realms/small-business//protocol/openid-connect/auth",
    "/realms/small-business/protocol/openid-connect/%2e/auth",
    "/realms/small-business/protocol/openid-connect/auth;x=y",
    "/realms/nobody/token/",
    "/static/%2e%2e/settings.py",
    "/admin",
    "/.env",
    "/%00",
]


async def test_an_unknown_address_is_a_page_that_says_so(world: World) -> None:
    async with http_to(world) as http:
        for path in UNKNOWN:
            response = await http.get(ORIGIN + path)
            assert response.status_code == 404, path
            assert response.headers["content-type"].startswith("text/html"), path
            assert "error-message" in response.text, path
            assert response.headers["cache-control"] == "no-store", path
            assert "frame-ancestors 'none'" in response.headers["content-security-policy"], path
            assert response.headers["x-content-type-options"] == "nosniff", path
            assert "Traceback" not in response.text, path


async def test_machines_are_told_in_their_own_language_that_there_is_no_such_realm(world: World) -> None:
    async with http_to(world) as http:
        for suffix in (".well-known/openid-configuration", "protocol/openid-connect/token"):
            response = await http.get(f"/realms/nobody/{suffix}")
            assert response.status_code == 404
            assert response.json() == {"error": "Realm does not exist"}


async def test_a_method_that_a_page_does_not_have_is_refused(world: World) -> None:
    async with http_to(world) as http:
        for method in ("PUT", "DELETE", "PATCH", "TRACE"):
            response = await http.request(method, LOGIN)
            assert response.status_code == 405
            assert "GET" in response.headers["allow"]


async def test_a_disabled_realm_is_served_to_nobody(tmp_path: Path) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["enabled"] = document["realm"] != "small-business"

    async with opened(tmp_path, edit=edit) as world, http_to(world) as http:
        assert (await http.get(world.client().request())).status_code == 404
        assert (await http.get("/realms/small-business/token/")).status_code == 404
        assert (await http.get("/realms/small-business/protocol/openid-connect/certs")).status_code == 403
        assert (await http.get(world.client("sme-corporate").request())).status_code == 303


async def test_a_request_for_another_host_is_refused_before_anything_else(world: World) -> None:
    async with http_to(world, origin="http://evil.example") as http:
        response = await http.get("/realms/small-business/.well-known/openid-configuration")
    assert response.status_code == 421
    assert "evil.example" not in response.text


async def test_only_the_pages_that_clients_frame_may_be_framed(world: World) -> None:
    async with http_to(world) as http:
        page = await http.get("/realms/small-business/protocol/openid-connect/login-status-iframe.html")
        assert page.status_code == 200
        assert "x-frame-options" not in page.headers
        login = await http.get(world.client().request(), follow_redirects=True)
    assert login.status_code == 200
    assert login.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in login.headers["content-security-policy"]


async def test_behind_https_cookies_belong_to_this_host_alone_and_plain_http_is_over(tmp_path: Path) -> None:
    origin = "https://login.bank.example"

    def change(settings: Settings) -> Settings:
        server = msgspec.structs.replace(settings.server, base_url=origin, trusted_proxies=("127.0.0.1/32",))
        return msgspec.structs.replace(settings, server=server)

    async with opened(tmp_path, change=change) as world, http_to(world, origin=origin) as http:
        request = world.client().request().replace(ORIGIN, origin)
        response = await http.get(request, headers={"x-forwarded-for": "203.0.113.9"})
        assert response.status_code == 303
        assert response.headers["location"].startswith(origin)
        assert response.headers["strict-transport-security"].startswith("max-age=")
        cookie = response.headers["set-cookie"]
        assert cookie.startswith("__Host-hyrja_browser_small-business=")
        for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
            assert attribute in cookie
        assert "Domain" not in cookie


FORM = {"content-type": "application/x-www-form-urlencoded"}


async def test_a_body_without_end_is_refused(world: World) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 65536

    async with http_to(world) as http:
        for path in (LOGIN, "/realms/small-business/login-actions/authenticate"):
            assert (await http.post(path, content=endless(), headers=FORM)).status_code == 413


async def test_a_browser_that_breaks_off_is_no_defect_to_be_logged(world: World) -> None:
    scope = {
        "type": "http",
        "method": "POST",
        "path": LOGIN,
        "raw_path": LOGIN.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(b"host", b"localhost:8080"), (b"content-type", FORM["content-type"].encode())],
        "client": ("203.0.113.7", 1),
        "server": ("localhost", 8080),
    }

    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def nobody(message: Any) -> None:
        del message

    with structlog.testing.capture_logs() as logs:
        await world.site.application(scope, gone, nobody)
    assert logs == []


async def test_the_outbox_is_shown_only_where_the_settings_use_it(world: World) -> None:
    async with http_to(world) as http:
        for path in ("/dev/outbox", "/dev/outbox.json", "/dev/customers.json"):
            assert (await http.get(path)).status_code == 404


async def post_password(world: World, number: int) -> httpx.Response:
    """Begin a login in a browser of its own, at an address of its own, and post a password."""
    browser = Browser(world.site.application, address=f"203.0.113.{number}")
    page = await browser.open(world.client().request())
    form = page.forms["kc-form-login"]
    return await browser.http.post(form.action, data={"username": f"nobody-{number}", "password": "wrong"})


@pytest.mark.parametrize(
    "path",
    [
        "/realms/small-business/login-actions/authenticate/",
        "/realms/small-business//login-actions/authenticate",
        "/realms/small-business/login-actions/authenticate/x",
        "/realms//login-actions/authenticate",
        "/realms/small-business/broker//login",
        "/realms/small-business/broker/a/b/login",
        "/realms/small-business/broker/login",
        "/x/realms/small-business/device",
    ],
)
async def test_a_page_is_at_its_own_address_and_at_no_other_spelling_of_it(world: World, path: str) -> None:
    async with http_to(world) as http:
        response = await http.get(path)
    assert response.status_code == 404
    assert "set-cookie" not in response.headers


async def test_a_page_is_not_served_by_a_method_that_it_does_not_take(world: World) -> None:
    async with http_to(world) as http:
        refused = await http.post("/realms/small-business/login-actions/reset-credentials")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
        shown, head = await http.get("/realms/small-business/device"), await http.head("/realms/small-business/device")
    assert head.content == b""
    assert head.headers["content-length"] == shown.headers["content-length"] == str(len(shown.content))


@pytest.mark.parametrize("queue", [0, 1])
async def test_logins_beyond_the_queue_are_told_to_come_again_and_the_others_are_judged(
    tmp_path: Path, queue: int
) -> None:
    hashing = Hashing(memory_kib=19456, iterations=6, workers=1, queue=queue)
    async with opened(tmp_path, change=lambda s: msgspec.structs.replace(s, hashing=hashing)) as world:
        responses = await asyncio.gather(*(post_password(world, number) for number in range(12)))
        served = [response for response in responses if response.status_code == 200]
        refused = [response for response in responses if response.status_code == 503]
        assert len(served) + len(refused) == 12
        assert len(served) >= 1 + queue
        assert refused
        for response in refused:
            assert response.headers["retry-after"] == "2"
            assert "error-message" in response.text
        assert (await post_password(world, 99)).status_code == 200, "the queue is empty again"


async def test_others_are_served_while_logins_wait_for_their_password_hash(tmp_path: Path) -> None:
    hashing = Hashing(memory_kib=19456, iterations=8, workers=1)
    async with opened(tmp_path, change=lambda s: msgspec.structs.replace(s, hashing=hashing)) as world:
        logins = asyncio.gather(*(post_password(world, number) for number in range(12)))
        while world.site.hashing_queue() < 4:  # noqa: ASYNC110 - what is waited for is told by nobody
            await asyncio.sleep(0)
        async with http_to(world) as http:
            discovery = await http.get("/realms/small-business/.well-known/openid-configuration")
        page = await world.browser().open(world.client().request())
        assert (discovery.status_code, page.status) == (200, 200)
        assert world.site.hashing_queue() > 0, "they came later, and did not wait for those before them"
        assert {answer.status_code for answer in await logins} == {200}


async def test_a_refused_login_can_be_tried_again_on_its_own_page(tmp_path: Path) -> None:
    hashing = Hashing(memory_kib=19456, iterations=6, workers=1, queue=1)
    async with opened(tmp_path, change=lambda s: msgspec.structs.replace(s, hashing=hashing)) as world:
        arta = Customer(world, "arta.hoxha", "+355692000101")
        browser = await arta.begin(world.client())
        assert browser.page is not None
        login = browser.page.url
        others = asyncio.gather(*(post_password(world, number) for number in range(12)))
        await asyncio.sleep(0)
        page = await arta.give_password(browser)
        await others
        if page.status == 503:
            await browser.open(login)
            page = await arta.give_password(browser)
        assert "soft-token-info" in page.ids


async def test_a_store_that_fails_is_told_and_is_nobodys_traceback(tmp_path: Path) -> None:
    async with provider(tmp_path) as world:
        arta = Customer(world, "arta.hoxha", "+355692000101")
        browser = await arta.begin(world.client())
        await world.site.store.close()
        page = await arta.give_password(browser)
        assert page.status == 503
        assert page.headers["retry-after"] == "30"
        assert page.message
        assert str(tmp_path) not in page.html
        page = await browser.open(world.client().request())
        assert page.status == 503
        response = await world.client().redeem("a code")
        assert response.status_code == 503
        assert response.json()["error"] == "temporarily_unavailable"
        assert str(tmp_path) not in response.text


class DefectiveSms(FakeSms):
    """A gateway with a defect: once armed, it fails in a way that nobody foresaw."""

    armed = False

    async def send(self, *, to: str, text: str) -> Carried:
        if self.armed:
            raise ZeroDivisionError(text)
        return await super().send(to=to, text=text)


async def test_a_defect_in_a_step_is_a_page_with_a_reference_and_lets_nobody_in(tmp_path: Path) -> None:
    sms = DefectiveSms()
    async with opened(tmp_path, sms=sms) as world:
        arta = Customer(world, "arta.hoxha", "+355692000101")
        browser = await arta.begin(world.client())
        assert browser.page is not None
        await browser.open(browser.page.links["register-soft-token"])
        sms.armed = True
        page = await arta.give_password(browser)
        assert page.status == 500
        assert page.text("error-reference")
        assert page.message
        assert "ZeroDivision" not in page.html
        assert "Traceback" not in page.html
        assert not browser.has_left
        assert "kc-totp-settings-form" not in page.forms
        assert not (await world.user("arta.hoxha")).otps
        assert "LOGIN" not in await world.event_types()
        await browser.open(world.client().request())
        assert not browser.has_left, "no session came of it"
        sms.armed = False
        await arta.settle(world.client())


async def test_the_reference_of_a_defect_leads_to_the_log_and_the_log_holds_no_secret(tmp_path: Path) -> None:
    sms = DefectiveSms()
    path = tmp_path / "log.jsonl"
    with log_put_back():
        outside = Outside(clock=FakeClock(), random=secrets.token_bytes, environment={"BANK_URL": BANK})
        settings, log = prepared(tmp_path), open_log(Log(file=str(path)))
        site = await open_site(settings, outside=outside, log=log, sms=sms)
        try:
            world = World(site, FakeClock(), sms, settings)
            arta = Customer(world, "arta.hoxha", "+355692000101")
            browser = await arta.begin(world.client())
            assert browser.page is not None
            await browser.open(browser.page.links["register-soft-token"])
            sms.armed = True
            page = await arta.give_password(browser)
        finally:
            await site.close()
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    (failed,) = (line for line in lines if line["event"] == "failed")
    assert failed["reference"] in page.html
    assert failed["exception"][0]["exc_type"] == "ZeroDivisionError"
    assert arta.password not in path.read_text(encoding="utf-8")


async def start_of(settings: Settings) -> str:
    outside = Outside(clock=FakeClock(), environment={"BANK_URL": BANK})
    expected = (StartError, MasterKeyError, StoreUnavailableError, SettingsError)
    with pytest.raises(expected) as refused:
        await open_site(settings, outside=outside, log=structlog.get_logger(), sms=FakeSms())
    return str(refused.value)


async def test_a_foreign_client_that_cannot_run_is_told_with_the_import_that_sets_it_aside(tmp_path: Path) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["clients"][0]["redirectUris"].append("http://elsewhere.example/*")

    told = await start_of(prepared(tmp_path, edit))
    assert "C-REDIRECT-HTTP" in told
    assert "idp realm import" in told


async def test_a_file_that_is_absent_beside_a_sound_one_is_told_without_the_import_that_would_not_help(
    tmp_path: Path,
) -> None:
    settings = prepared(tmp_path)
    files = (*settings.realms.files, str(tmp_path / "absent.json"))
    told = await start_of(msgspec.structs.replace(settings, realms=Realms(files=files)))
    assert "R-FILE" in told
    assert "idp realm import" not in told


async def test_a_provider_without_any_realm_says_where_one_comes_from(tmp_path: Path) -> None:
    settings = msgspec.structs.replace(prepared(tmp_path), realms=Realms(files=()))
    assert "idp realm import" in await start_of(settings)


async def test_all_errors_of_all_realms_are_told_at_once(tmp_path: Path) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["otpPolicyDigits"] = 7
        document["authenticationFlows"][1]["authenticationExecutions"][0]["authenticator"] = "auth-magic"

    told = await start_of(prepared(tmp_path, edit))
    assert told.count("R-OTP") == 2
    assert told.count("F-UNKNOWN-STEP") == 2
    assert "small-business.json" in told
    assert "sme-corporate.json" in told
    assert "idp realm import" not in told, "which would not help: the login itself cannot run"
    assert not (tmp_path / "store").exists(), "nothing is opened before the realms are right"


@pytest.mark.parametrize("approvers", [None, ["Elira Dervishi, compliance"]])
async def test_a_realm_without_its_acknowledgement_or_one_approver_does_not_start(
    tmp_path: Path, approvers: list[str] | None
) -> None:
    def edit(document: dict[str, Any]) -> None:
        given = json.loads(document["attributes"].pop("hyrja.acknowledgedFindings"))
        if approvers is not None:
            given[0]["approvedBy"] = approvers
            document["attributes"]["hyrja.acknowledgedFindings"] = json.dumps(given)

    assert "F-25-2-c-i" in await start_of(prepared(tmp_path, edit))


async def test_two_files_for_one_realm_do_not_start_for_one_would_silently_win(tmp_path: Path) -> None:
    told = await start_of(prepared(tmp_path, lambda document: document.update(realm="bank")))
    assert "Realm “bank” stands in 2 files" in told


async def test_a_user_with_the_id_of_another_stays_out_and_takes_nothing_over(tmp_path: Path) -> None:
    def id_for(username: str) -> Callable[[dict[str, Any]], None]:
        def edit(document: dict[str, Any]) -> None:
            for user in document["users"]:
                if user["username"] == username:
                    user["id"] = f"one-id-{document['realm']}"
                elif username == "besnik.leka":
                    user.pop("id", None)
            if username == "arta.hoxha":
                document["users"] = [user for user in document["users"] if user["username"] != "besnik.leka"]

        return edit

    async with provider(tmp_path, edit=id_for("arta.hoxha")) as world:
        before = await world.user("arta.hoxha")
    with structlog.testing.capture_logs() as logs:
        async with provider(tmp_path, edit=id_for("besnik.leka")) as world:
            assert await world.user("arta.hoxha") == before
            assert await world.site.desks["small-business"].provider.stores.users.by_username("besnik.leka") is None
    told = [line for line in logs if line["event"] == "users left out"]
    assert "small-business" in {line["realm"] for line in told}
    assert all(place.endswith("/id") for line in told for place in line["places"])


async def test_a_start_that_fails_late_lets_go_of_the_store(tmp_path: Path) -> None:
    settings = prepared(tmp_path)
    sms = Sms(gateway="configured", main=SmsGateway(url="https://sms.example", secret_file=str(tmp_path / "none")))
    outside = Outside(clock=FakeClock(), environment={"BANK_URL": BANK})
    broken = msgspec.structs.replace(settings, sms=sms)
    with pytest.raises(StartError, match=r"sms\.main\.secret_file cannot be read"):
        await open_site(broken, outside=outside, log=structlog.get_logger())
    async with provider(tmp_path) as world:
        assert (await world.user("arta.hoxha")).username == "arta.hoxha"


@pytest.mark.parametrize("content", [b"Bearer a\nx: y", b"Bearer \xc3\xab", b"\xff\xfe"])
async def test_a_header_that_cannot_be_sent_does_not_start_and_is_not_shown(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "header").write_bytes(content)
    settings = prepared(tmp_path)
    sms = Sms(gateway="configured", main=SmsGateway(url="https://sms.example", secret_file=str(tmp_path / "header")))
    outside = Outside(clock=FakeClock(), environment={"BANK_URL": BANK})
    with pytest.raises(StartError, match="must hold one line of ASCII") as refused:
        await open_site(msgspec.structs.replace(settings, sms=sms), outside=outside, log=structlog.get_logger())
    assert "Bearer" not in str(refused.value)


async def test_a_gateway_that_is_down_does_not_keep_the_provider_down_and_passwords_follow_later(
    tmp_path: Path,
) -> None:
    sms = FakeSms()
    sms.down = True
    async with opened(tmp_path, sms=sms) as world:
        async with http_to(world) as http:
            assert (await http.get(world.client().request())).status_code == 303
        assert sms.messages == []
        assert password_of(await world.user("arta.hoxha")).awaiting_delivery
    sms.down = False
    async with opened(tmp_path, sms=sms) as world:
        assert len(sms.messages) == 4
        assert not password_of(await world.user("arta.hoxha")).awaiting_delivery


def password_of(user: User) -> PasswordCredential:
    assert user.password is not None
    return user.password


async def test_a_store_that_another_master_key_sealed_does_not_start_and_makes_no_new_keys(tmp_path: Path) -> None:
    async with provider(tmp_path):
        pass
    (tmp_path / "master.key").unlink()
    create_master_key(tmp_path / "master.key")
    with pytest.raises(StartError, match="Restore the master key"):
        async with provider(tmp_path):
            pytest.fail("it started")


def test_the_log_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    with log_put_back():
        open_log(Log(file=str(tmp_path / "log" / "idp.jsonl")))
        assert (tmp_path / "log" / "idp.jsonl").stat().st_mode & 0o777 == 0o600
