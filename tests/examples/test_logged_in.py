"""Behind the login: what the bank received, refresh, the second application, logout."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.examples.conftest import log_in, problem
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.examples.conftest import Bank
    from tests.examples.little_provider import LittleProvider


def claim(page: httpx.Response, table: str, name: str) -> str:
    """The value that a claims table shows."""
    rows = page.text.partition(f'id="{table}"')[2].partition("</table>")[0]
    found = re.search(rf'data-claim="{name}".*?<td[^>]*>(.*?)</td>', rows, re.DOTALL)
    assert found, f"no {name} in {table}"
    return found[1]


def refreshes(page: httpx.Response) -> int:
    found = re.search(r'id="refreshes">(\d+)<', page.text)
    assert found
    return int(found[1])


def test_what_the_bank_received_is_shown_decoded(browser: httpx.Client, provider: LittleProvider) -> None:
    log_in(browser)

    page = browser.get("/small-business/received")

    assert claim(page, "id-token", "iss") == f"{provider.url}/realms/small-business"
    assert claim(page, "id-token", "amr") == "pwd, otp"
    assert claim(page, "userinfo", "email") == "arta@example.al"
    assert claim(page, "access-token", "client_id") == "internet-banking"


def test_no_page_ever_holds_a_token(browser: httpx.Client, provider: LittleProvider) -> None:
    pages = [log_in(browser), *(browser.get(f"/small-business/{name}") for name in ("received", "cards", "home"))]

    assert len(provider.issued_tokens) == 6
    for token in provider.issued_tokens:
        assert not any(token in page.text or token.split(".")[-1] in page.text for page in pages)


def test_an_opaque_access_token_is_said_to_be_opaque(browser: httpx.Client, provider: LittleProvider) -> None:
    provider.opaque_access_tokens = True
    log_in(browser)

    page = browser.get("/small-business/received?lang=en")

    assert "It is opaque" in page.text
    assert 'id="access-token"' not in page.text


def test_refresh_on_demand_is_shown_to_happen(browser: httpx.Client, provider: LittleProvider) -> None:
    log_in(browser)
    assert refreshes(browser.get("/small-business/received")) == 0

    page = browser.post("/small-business/refresh")

    assert page.url.path == "/small-business/received"
    assert "u rifreskua" in page.text
    assert (refreshes(page), provider.refreshes) == (1, 1)


def test_a_token_about_to_expire_is_refreshed_by_the_way(browser: httpx.Client, provider: LittleProvider) -> None:
    provider.access_token_seconds = 50
    log_in(browser)
    provider.access_token_seconds = 300

    assert refreshes(browser.get("/small-business/received")) == 2
    assert refreshes(browser.get("/small-business/received")) == 2


def test_two_tabs_at_once_do_not_spend_the_same_refresh_token(bank: Bank, provider: LittleProvider) -> None:
    provider.access_token_seconds = 30
    with bank.browser() as browser:
        log_in(browser)
        provider.access_token_seconds = 300
        cookies = dict(browser.cookies)

    def tab(_: int) -> httpx.Response:
        return httpx.get(f"{bank.url}/small-business/received", cookies=cookies, trust_env=False, timeout=PATIENCE)

    with ThreadPoolExecutor(6) as tabs:
        pages = list(tabs.map(tab, range(6)))

    assert [page.status_code for page in pages] == [200] * 6
    assert {refreshes(page) for page in pages} == {provider.refreshes}


def test_a_session_ended_at_the_provider_ends_at_the_bank_with_the_next_refresh(
    browser: httpx.Client, provider: LittleProvider
) -> None:
    log_in(browser)
    provider.end_all_sessions()

    page = browser.post("/small-business/refresh")

    assert problem(page) == "invalid_grant"
    assert "login-needed" in str(browser.get("/small-business/home").url)


@pytest.mark.parametrize("fault", ["ID token of another", "forged signature", "wrong nonce", "wrong audience"])
def test_a_refreshed_id_token_is_examined_like_the_first(
    browser: httpx.Client, provider: LittleProvider, fault: str
) -> None:
    log_in(browser)
    provider.fault = fault

    assert problem(browser.post("/small-business/refresh")) == "login-refused"
    assert "login-needed" in str(browser.get("/small-business/home").url)


def test_without_a_refresh_token_the_page_says_so_and_has_no_button(
    browser: httpx.Client, provider: LittleProvider
) -> None:
    provider.gives_refresh_tokens = False
    log_in(browser)

    page = browser.get("/small-business/received")

    assert 'id="refresh"' not in page.text
    assert "nuk dha refresh token" in page.text


def test_the_second_application_opens_with_one_click_and_no_question(
    browser: httpx.Client, provider: LittleProvider
) -> None:
    log_in(browser)
    page = browser.get("/small-business/cards")

    assert page.url.path == "/small-business/cards"
    assert "Kartat tuaja" in page.text
    assert [asked["client_id"] for asked in provider.requests] == ["internet-banking", "cards"]
    assert provider.logins_asked == 1
    assert 'id="sso-claims"' in page.text


def test_the_second_application_asks_for_a_login_when_nobody_is_logged_in(
    browser: httpx.Client, provider: LittleProvider
) -> None:
    page = browser.get("/sme-corporate/cards")

    assert page.url.path == "/sme-corporate/cards"
    assert provider.logins_asked == 1
    assert 'id="sso-claims"' not in page.text


def test_two_customers_are_never_mixed_in_one_browser(browser: httpx.Client, provider: LittleProvider) -> None:
    log_in(browser)
    provider.end_all_sessions()
    provider.subject, provider.name = "c0ffee-2", "Besa Hoxha"

    page = browser.get("/small-business/cards")

    assert "Besa Hoxha" in page.text
    assert "login-needed" in str(browser.get("/small-business/home").url)


def test_the_two_segments_are_logged_in_and_out_separately(browser: httpx.Client) -> None:
    log_in(browser, "small-business")
    log_in(browser, "sme-corporate")

    browser.post("/small-business/logout")

    assert browser.get("/sme-corporate/home").url.path == "/sme-corporate/home"
    assert browser.get("/small-business/home").url.path == "/small-business"


def test_logout_ends_at_the_bank_and_at_the_provider(
    browser: httpx.Client, bank: Bank, provider: LittleProvider
) -> None:
    log_in(browser)
    browser.get("/small-business/cards")

    page = browser.post("/small-business/logout")

    assert page.url.path == "/"
    assert "Keni dalë nga banka" in page.text
    (asked,) = provider.logouts
    assert asked["post_logout_redirect_uri"] == f"{bank.url}/"
    assert {"id_token_hint", "state", "client_id", "ui_locales"} <= asked.keys()
    for behind in ("home", "received"):
        assert browser.get(f"/small-business/{behind}").url.path == "/small-business"
    browser.get("/small-business/cards")
    assert provider.logins_asked == 2


def test_a_logout_that_did_not_begin_here_is_not_announced(browser: httpx.Client) -> None:
    page = browser.get("/?state=made-up")

    assert page.status_code == 200
    assert 'id="notice"' not in page.text


def test_logging_out_without_being_logged_in_is_harmless(browser: httpx.Client, provider: LittleProvider) -> None:
    assert browser.post("/small-business/logout").url.path == "/"
    assert provider.logouts == []


@pytest.mark.parametrize("path", ["/small-business/logout", "/small-business/refresh"])
@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "", "Sec-Fetch-Site": "same-origin"}],
)
def test_another_sites_form_does_nothing(browser: httpx.Client, path: str, headers: dict[str, str]) -> None:
    log_in(browser)

    page = browser.post(path, headers=headers)

    assert (page.status_code, problem(page)) == (403, "foreign")
    assert browser.get("/small-business/home").url.path == "/small-business/home"


def test_a_post_without_origin_is_judged_by_its_fetch_site(bank: Bank) -> None:
    with httpx.Client(base_url=bank.url, trust_env=False, timeout=PATIENCE) as bare:
        assert bare.post("/small-business/logout", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert bare.post("/small-business/logout", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303


def test_logout_and_refresh_cannot_be_done_by_a_link(browser: httpx.Client) -> None:
    log_in(browser)

    assert browser.get("/small-business/logout").status_code == 405
    assert browser.get("/small-business/refresh").status_code == 405


def test_five_minutes_without_activity_end_the_login(browser: httpx.Client, bank: Bank) -> None:
    log_in(browser)
    for _ in range(3):
        bank.clock.passed += 290
        assert browser.get("/small-business/home").url.path == "/small-business/home"

    bank.clock.passed += 301

    assert "login-needed" in str(browser.get("/small-business/home").url)


def test_idle_customers_cannot_refresh_either(browser: httpx.Client, bank: Bank, provider: LittleProvider) -> None:
    log_in(browser)
    bank.clock.passed += 301

    page = browser.post("/small-business/refresh")

    assert page.url.path == "/small-business"
    assert provider.refreshes == 0
