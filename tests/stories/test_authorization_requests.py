"""What an application may ask for, and what each wrong request is told, and where (OpenID Connect Core §3.1.2)."""

from __future__ import annotations

import secrets
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from tests.stories.browser import Browser
from tests.stories.settled import Home, Town, opened, with_client, with_realm
from tests.stories.world import BANK, ORIGIN

pytestmark = pytest.mark.anyio

AUTH = f"{ORIGIN}/realms/small-business/protocol/openid-connect/auth"
FORM = {"content-type": "application/x-www-form-urlencoded"}


async def ask(town: Town, **changed: str | None) -> Browser:
    browser = town.browser()
    await browser.open(town.bank.request(**changed))
    return browser


# One parameter changed at a time: to the page's message, or to the error that the client is told.
ON_A_PAGE: list[tuple[dict[str, str | None], str]] = [
    ({"client_id": None}, "client_id"),
    ({"client_id": "nobody"}, "client_id"),
    ({"client_id": "INTERNET-BANKING"}, "client_id"),
    ({"redirect_uri": None}, "redirect_uri"),
    ({"redirect_uri": ""}, "redirect_uri"),
    ({"redirect_uri": "https://evil.example/"}, "redirect_uri"),
    ({"redirect_uri": f"{BANK}/small-business/callback/"}, "redirect_uri"),
    ({"redirect_uri": f"{BANK}/small-business/callback?x=1"}, "redirect_uri"),
    ({"redirect_uri": f"{BANK}/small-business/callback#x"}, "redirect_uri"),
    ({"redirect_uri": f"{BANK}/small-business/../small-business/callback"}, "redirect_uri"),
    ({"redirect_uri": f"{BANK}/small-business/cards/callback"}, "redirect_uri"),
    ({"redirect_uri": f"{BANK}/SMALL-BUSINESS/callback"}, "redirect_uri"),
    ({"redirect_uri": "http://LOCALHOST:8090/small-business/callback"}, "redirect_uri"),
    ({"redirect_uri": "http://localhost:8091/small-business/callback"}, "redirect_uri"),
    ({"redirect_uri": "http://localhost:8090@evil.example/small-business/callback"}, "redirect_uri"),
    ({"redirect_uri": " http://localhost:8090/small-business/callback"}, "redirect_uri"),
    ({"redirect_uri": "javascript:alert(1)"}, "redirect_uri"),
]
AT_THE_CLIENT: list[tuple[dict[str, str | None], str]] = [
    ({"response_type": None}, "invalid_request"),
    ({"response_type": ""}, "invalid_request"),
    ({"response_type": "nothing"}, "unsupported_response_type"),
    ({"response_type": "code none"}, "unsupported_response_type"),
    ({"response_mode": "form-post"}, "invalid_request"),
    ({"response_mode": "web_message"}, "invalid_request"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": "s256"}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"code_challenge": "a" * 42 + "="}, "invalid_request"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "none consent"}, "invalid_request"),
    ({"prompt": "create"}, "invalid_request"),
    ({"prompt": "none"}, "login_required"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"max_age": "1.5"}, "invalid_request"),
    ({"max_age": "soon"}, "invalid_request"),
    ({"max_age": "٣"}, "invalid_request"),
    ({"max_age": "0" * 12 + "9" * 30}, "invalid_request"),
    ({"max_age": "9" * 5000}, "invalid_request"),
    ({"id_token_hint": "not.a.token"}, "invalid_request"),
    ({"nonce": "n" * 1025}, "invalid_request"),
    ({"request": "eyJ.eyJ."}, "invalid_request_object"),
    ({"request_uri": "https://evil.example/r"}, "invalid_request_uri"),
    ({"registration": "{}"}, "registration_not_supported"),
]


async def test_a_request_that_may_not_be_answered_elsewhere_is_answered_on_a_page_of_ours(town: Town) -> None:
    for changed, words in ON_A_PAGE:
        browser = await ask(town, **changed)
        assert not browser.has_left, changed
        assert browser.shown.status == 400, changed
        assert words in browser.shown.text("error-message"), changed
        assert 'href="https://evil' not in browser.shown.html, changed
        assert all(link.startswith(BANK) for link in browser.shown.links.values()), changed


async def test_every_other_wrong_request_is_told_to_the_client_with_state_and_issuer(town: Town) -> None:
    for changed, error in AT_THE_CLIENT:
        browser = await ask(town, **changed)
        assert browser.has_left, changed
        assert browser.arrived is not None
        assert browser.arrived.startswith(f"{town.bank.redirect_uri}?"), changed
        answer = browser.answer
        assert answer["error"] == error, changed
        assert (answer["state"], answer["iss"]) == ("a-state", town.bank.issuer)
        assert "code" not in answer
        assert set(answer) == {"error", "error_description", "state", "iss"}
        assert browser.hops[0].status_code == 303


async def test_a_request_by_post_is_judged_as_one_by_get(town: Town) -> None:
    for changed, error in (({}, None), ({"prompt": "none"}, "login_required"), ({"response_type": "x"}, "unsupp")):
        browser = town.browser()
        await browser.open(town.bank.request())
        query = urlsplit(town.bank.request(**changed)).query
        response = await browser.http.post(AUTH, content=query, headers=FORM)
        assert response.status_code == 303
        assert (error or "login-actions/authenticate") in response.headers["location"]


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data; boundary=x", ""])
async def test_a_body_that_is_no_form_is_no_request(town: Town, kind: str) -> None:
    browser = town.browser()
    await browser.open(town.bank.request())
    query = urlsplit(town.bank.request()).query
    response = await browser.http.post(AUTH, content=query, headers={"content-type": kind})
    assert response.status_code == 400
    assert "error-message" in response.text


@pytest.mark.parametrize(
    "twice",
    ["client_id=internet-banking", "redirect_uri=x", "state=b", "scope=openid", "prompt=", "unknown=1&unknown=1"],
)
async def test_a_repeated_parameter_is_refused_on_a_page_of_ours(town: Town, twice: str) -> None:
    browser = town.browser()
    page = await browser.open(f"{town.bank.request()}&{twice}" + ("&prompt=" if twice == "prompt=" else ""))
    assert page.status == 400
    assert twice.partition("=")[0] in page.text("error-message"), "the page names the parameter"
    assert not browser.has_left


async def test_bytes_that_are_no_text_are_refused_and_not_an_error_of_ours(town: Town) -> None:
    sent: list[int] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, object]) -> None:
        sent.extend([int(str(message["status"]))] if "status" in message else [])

    for query in (b"client_id=\xff\xfe", b"client_id=%ff", b"client_id=%c3%28", b"\xff"):
        path = "/realms/small-business/protocol/openid-connect/auth"
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "headers": [(b"host", b"localhost:8080")],
            "client": ("203.0.113.7", 1),
            "server": ("localhost", 8080),
            "scheme": "http",
            "http_version": "1.1",
        }
        await town.site.application(scope, receive, send)  # type: ignore[arg-type] # plain dictionaries are messages
    assert sent == [400] * 4


async def test_unknown_parameters_and_scopes_are_ignored(town: Town) -> None:
    tokens = await town.tokens(scope="openid profile admin unknown", foo="bar", display="popup", claims="{}")
    assert set(tokens["scope"].split()) == {"openid", "profile", "email"}


async def test_the_answer_comes_in_the_fragment_where_that_was_asked(town: Town) -> None:
    refused = await ask(town, response_mode="fragment", prompt="none")
    assert refused.arrived is not None
    parts = urlsplit(refused.arrived)
    assert parts.query == ""
    assert dict(parse_qsl(parts.fragment))["error"] == "login_required"
    browser = await town.logged_in(response_mode="fragment")
    assert browser.arrived is not None
    assert urlsplit(browser.arrived).query == ""
    assert {"code", "state", "iss", "session_state"} == set(browser.answer)


@pytest.mark.parametrize("state", ["s" * 4096, "a b&c=d#e?f%20+", "ë\u2028\r\nx: y", '"><script>', "{}"])
async def test_state_comes_back_as_it_was_sent(town: Town, state: str) -> None:
    browser = await ask(town, state=state, prompt="none")
    assert browser.answer["state"] == state
    assert browser.hops[0].headers["location"].isprintable()


async def test_without_state_none_comes_back(town: Town) -> None:
    browser = await ask(town, state=None, prompt="none")
    assert "state" not in browser.answer


async def test_the_code_page_redirects_at_once_and_leaks_nothing(town: Town) -> None:
    browser = await town.logged_in()
    response = browser.hops[-1]
    assert response.status_code in {302, 303}
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cache-control"] == "no-store"
    assert response.text == ""


async def test_login_hint_fills_in_the_user_name_and_is_only_text(town: Town) -> None:
    browser = await ask(town, login_hint='arta"><script>alert(1)</script>')
    page = browser.shown
    assert page.forms["kc-form-login"].values["username"] == 'arta"><script>alert(1)</script>'
    assert "<script>alert" not in page.html
    assert len((await ask(town, login_hint="x" * 9000)).shown.forms["kc-form-login"].values["username"]) == 255


async def test_login_hint_lets_nobody_in_and_binds_nobody(town: Town) -> None:
    browser = await ask(town, login_hint="besnik.leka")
    await town.arta.log_in(browser)
    assert "code" in browser.answer


# prompt, max_age, acr_values: what an existing session answers.
ANSWERED = [
    {},
    {"prompt": "none"},
    {"max_age": "10000"},
    {"max_age": "30"},
    {"acr_values": "mfa-otp"},
    {"acr_values": "pwd"},
    {"acr_values": "pwd mfa-otp"},
    {"acr_values": "unknown"},
    {"acr_values": "2"},
    {"login_hint": "somebody.else"},
]
ASKED_AGAIN = [
    {"prompt": "login"},
    {"prompt": "select_account"},
    {"prompt": "login consent"},
    {"max_age": "0"},
    {"max_age": "29"},
    {"acr_values": "3"},
    {"acr_values": "unknown 3"},
]


async def test_what_a_session_may_answer(town: Town) -> None:
    browser = await town.logged_in()
    town.clock.advance(30)
    for request in ANSWERED:
        await browser.open(town.bank.request(**request))
        assert browser.has_left, request
        assert "code" in browser.answer, request
    for request in ASKED_AGAIN:
        page = await browser.open(town.bank.request(**request))
        assert "kc-form-login" in page.forms, request
        if "prompt" not in request:
            await browser.open(town.bank.request(prompt="none", **request))
            assert browser.answer["error"] == "login_required", request


async def test_max_age_of_one_second(town: Town) -> None:
    browser = await town.logged_in()
    town.clock.advance(1)
    await browser.open(town.bank.request(max_age="1"))
    assert "code" in browser.answer
    town.clock.advance(1)
    page = await browser.open(town.bank.request(max_age="1"))
    assert "kc-form-login" in page.forms


async def test_a_login_that_was_asked_for_again_renews_the_time_of_authentication(town: Town) -> None:
    browser = await town.logged_in()
    town.clock.advance(100)
    await browser.open(town.bank.request(prompt="login"))
    await town.arta.log_in(browser)
    tokens = (await town.bank.redeem(browser.answer["code"])).json()
    claims = jwt.decode(tokens["id_token"], await keys(town), algorithms=["ES256"]).claims
    assert claims["auth_time"] == int(town.clock())


async def keys(town: Town) -> KeySet:
    response = await town.browser().http.get(f"{town.bank.issuer}/protocol/openid-connect/certs")
    return KeySet.import_key_set(response.json())


async def test_id_token_hint_is_honoured_however_old_and_must_be_ours(town: Town) -> None:
    tokens = await town.tokens()
    hint = tokens["id_token"]
    town.clock.advance(86400)
    browser = await town.logged_in()
    await browser.open(town.bank.request(id_token_hint=hint, prompt="none"))
    assert "code" in browser.answer
    head, body, signature = hint.split(".")
    stranger = ECKey.generate_key("P-256")
    forged = jwt.encode({"alg": "ES256", "typ": "JWT"}, {"sub": "x", "iss": town.bank.issuer}, stranger)
    flipped = ("A" if signature[9] != "A" else "B").join((signature[:9], signature[10:]))
    for wrong in (
        f"{head}.{body}.",
        f"{head}.{body}.{flipped}",
        forged,
        tokens["access_token"],
        tokens["refresh_token"],
    ):
        await browser.open(town.bank.request(id_token_hint=wrong))
        assert browser.answer["error"] == "invalid_request"


async def test_a_hint_of_somebody_else_is_not_answered_by_this_ones_session_or_login(town: Town) -> None:
    besnik = town.besnik
    theirs = await besnik.begin(town.bank)
    await besnik.register(theirs)
    await besnik.log_in(theirs)
    await besnik.first_access(theirs)
    hint = (await town.bank.redeem(theirs.answer["code"])).json()["id_token"]
    browser = await town.logged_in()
    await browser.open(town.bank.request(id_token_hint=hint, prompt="none"))
    assert browser.answer["error"] == "login_required"
    page = await browser.open(town.bank.request(id_token_hint=hint))
    assert "kc-form-login" in page.forms
    await town.arta.log_in(browser)
    assert browser.answer["error"] == "login_required", "Arta logged in, but the application asked about Besnik"
    await browser.open(town.bank.request(prompt="none"))
    assert "code" in browser.answer, "and her session is as it was"


async def test_pkce_cannot_be_dropped_after_the_request(town: Town) -> None:
    for verifier in ("", "x" * 43, secrets.token_urlsafe(48)):
        browser = await town.logged_in()
        response = await town.bank.redeem(browser.answer["code"], code_verifier=verifier)
        assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")
        town.clock.advance(30)


async def test_pkce_cannot_be_added_or_dropped_where_it_is_optional(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=with_client(attributes={"pkce.code.challenge.method": ""})) as town:
        without = {"code_challenge": None, "code_challenge_method": None}
        browser = await town.logged_in(**without)
        assert (await town.bank.redeem(browser.answer["code"])).json()["error"] == "invalid_grant", (
            "an unasked verifier"
        )
        await browser.open(town.bank.request(**without))
        plain = await town.bank.redeem(browser.answer["code"], code_verifier="")
        assert plain.status_code == 200
        await browser.open(town.bank.request())
        dropped = await town.bank.redeem(browser.answer["code"], code_verifier="")
        assert dropped.json()["error"] == "invalid_grant"


async def test_a_client_that_may_not_use_the_code_flow_is_told_so(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=with_client(standardFlowEnabled=False)) as town:
        assert (await ask(town)).answer["error"] == "unauthorized_client"


async def test_a_client_that_was_switched_off_is_answered_nowhere(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=with_client(enabled=False)) as town:
        browser = await ask(town)
        assert browser.shown.status == 400
        assert not browser.has_left


async def test_an_address_for_a_native_application_may_have_any_port(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=with_client(redirectUris=["http://127.0.0.1/callback"])) as town:
        for port in ("", ":1", ":49152"):
            browser = await ask(town, redirect_uri=f"http://127.0.0.1{port}/callback", prompt="none")
            assert browser.arrived is not None
            assert browser.arrived.startswith(f"http://127.0.0.1{port}/callback?")
        for other in ("http://localhost/callback", "http://127.0.0.2/callback", "http://127.0.0.1:1/callback/"):
            assert (await ask(town, redirect_uri=other)).shown.status == 400


async def test_the_clients_registered_acr_asks_for_a_level(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=with_client(attributes={"default.acr.values": "3"})) as town:
        browser = await town.logged_in(client=town.cards)
        page = await browser.open(town.bank.request())
        assert "kc-form-login" in page.forms
        await browser.open(town.bank.request(acr_values="pwd"))
        assert "code" in browser.answer, "the request's own wish goes before the registered one"


async def test_a_refused_request_leaves_no_login_and_no_cookie_of_a_session(town: Town) -> None:
    browser = await ask(town, prompt="none")
    assert [name for name in browser.http.cookies if "session" in name] == []
    assert isinstance(browser.hops[0], httpx.Response)


async def test_every_error_is_an_event_with_its_client(town: Town) -> None:
    await ask(town, response_type="nothing")
    newest = (await town.events())[0]
    assert (newest.type, newest.error, newest.client_id) == (
        "LOGIN_ERROR",
        "unsupported_response_type",
        "internet-banking",
    )


async def test_a_realm_name_with_odd_parameters_stays_a_realm_name(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=with_realm(displayName='Banka "><b>')) as town:
        browser = await ask(town)
        assert "<b>" not in browser.shown.html
        assert parse_qs(urlsplit(browser.shown.url).query)["client_id"] == ["internet-banking"]
