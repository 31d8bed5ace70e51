"""The login as the bank's relying party does it, and every way in which it must refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.examples.conftest import log_in, problem
from tests.examples.little_provider import LittleProvider
from tests.examples.serving import serving
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.examples.conftest import Bank


@pytest.mark.parametrize("realm", ["small-business", "sme-corporate"])
def test_hyr_leads_through_the_provider_to_the_accounts(browser: httpx.Client, bank: Bank, realm: str) -> None:
    page = log_in(browser, realm)

    assert page.url == f"{bank.url}/{realm}/home"
    assert "Mirë se vini, Arta Kola" in page.text


def test_the_request_has_what_openid_connect_and_the_current_practice_ask_for(
    browser: httpx.Client, bank: Bank, provider: LittleProvider
) -> None:
    log_in(browser)

    (asked,) = provider.requests
    assert asked["response_type"] == "code"
    assert asked["client_id"] == "internet-banking"
    assert asked["redirect_uri"] == f"{bank.url}/small-business/callback"
    assert asked["scope"].split() == ["openid", "profile", "email", "phone"]
    assert asked["code_challenge_method"] == "S256"
    assert asked["ui_locales"] == "sq"
    assert min(len(asked["state"]), len(asked["nonce"])) >= 20


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("wrong iss parameter", "login-refused"),
        ("no iss parameter", "login-refused"),
        ("wrong state", "mismatching_state"),
        ("two codes", "login-refused"),
        ("denied", "access_denied"),
        ("wrong nonce", "login-refused"),
        ("wrong audience", "login-refused"),
        ("wrong issuer in the ID token", "login-refused"),
        ("expired ID token", "login-refused"),
        ("forged signature", "login-refused"),
        ("unsigned ID token", "login-refused"),
        ("no id token", "login-refused"),
        ("userinfo of another", "login-refused"),
    ],
)
def test_a_bad_answer_logs_nobody_in(browser: httpx.Client, provider: LittleProvider, fault: str, kind: str) -> None:
    provider.fault = fault

    page = log_in(browser)

    assert (page.status_code, problem(page)) == (400, kind)
    assert "login-needed" in str(browser.get("/small-business/home").url)


def test_after_a_refusal_trying_again_begins_afresh(browser: httpx.Client, provider: LittleProvider) -> None:
    provider.fault = "wrong nonce"
    page = log_in(browser)
    provider.fault = ""

    assert 'id="again" href="/small-business/login"' in page.text
    assert browser.get("/small-business/login").url.path == "/small-business/home"


def test_an_error_description_never_reaches_the_page(browser: httpx.Client, provider: LittleProvider) -> None:
    provider.fault = "denied"

    page = log_in(browser)

    assert "alert(" not in page.text


def test_an_error_without_our_state_is_not_the_providers_word(
    browser: httpx.Client, capfd: pytest.CaptureFixture[str], provider: LittleProvider
) -> None:
    page = browser.get(
        "/small-business/callback",
        params={"error": "x\nbank: FORGED LINE", "state": "s", "iss": f"{provider.url}/realms/small-business"},
    )

    assert problem(page) == "mismatching_state"
    assert "FORGED" not in page.text + "".join(capfd.readouterr())


def test_a_callback_in_another_browser_logs_nobody_in(
    bank: Bank, browser: httpx.Client, provider: LittleProvider
) -> None:
    to_provider = browser.get("/small-business/login", follow_redirects=False).headers["location"]
    callback = httpx.get(to_provider, trust_env=False, timeout=PATIENCE).headers["location"]

    with bank.browser() as victim:
        page = victim.get(callback)

    assert problem(page) == "mismatching_state"
    assert provider.issued_tokens == []


def test_a_callback_is_good_once(browser: httpx.Client) -> None:
    to_provider = browser.get("/small-business/login", follow_redirects=False).headers["location"]
    callback = httpx.get(to_provider, trust_env=False, timeout=PATIENCE).headers["location"]

    assert browser.get(callback).url.path == "/small-business/home"
    assert problem(browser.get(callback)) == "mismatching_state"


def test_a_code_for_one_segment_does_not_open_the_other(browser: httpx.Client) -> None:
    to_provider = browser.get("/small-business/login", follow_redirects=False).headers["location"]
    callback = httpx.get(to_provider, trust_env=False, timeout=PATIENCE).headers["location"]

    page = browser.get(callback.replace("/small-business/callback", "/sme-corporate/callback"))

    assert problem(page) == "mismatching_state"


def test_a_wrong_client_secret_is_a_refusal_and_a_missing_one_an_outage(bank: Bank, browser: httpx.Client) -> None:
    (bank.secrets / "small-business_internet-banking").write_text("not the secret")
    assert problem(log_in(browser)) == "login-refused"

    (bank.secrets / "small-business_internet-banking").unlink()
    assert problem(log_in(browser)) == "unreachable"


@pytest.mark.parametrize("fault", ["token endpoint down", "discovery of another issuer"])
def test_trouble_at_the_provider_is_a_page_with_a_way_on(
    browser: httpx.Client, provider: LittleProvider, fault: str
) -> None:
    provider.fault = fault
    page = log_in(browser)
    assert (page.status_code, problem(page)) == (503, "unreachable")
    assert 'id="again" href="/small-business/login"' in page.text

    provider.fault = ""
    assert log_in(browser).url.path == "/small-business/home"


def test_new_signing_keys_at_the_provider_need_no_restart_of_the_bank(
    browser: httpx.Client, bank: Bank, provider: LittleProvider
) -> None:
    log_in(browser)
    provider.change_keys()

    with bank.browser() as another:
        assert log_in(another).url.path == "/small-business/home"


def test_whoever_came_by_another_host_name_is_led_to_the_banks_own(bank: Bank) -> None:
    with httpx.Client(trust_env=False, timeout=PATIENCE) as stranger:
        page = stranger.get(f"http://127.0.0.1:{bank.port}/small-business/login")

    assert page.headers["location"] == f"{bank.url}/small-business/login"


def test_the_language_goes_along_to_the_provider(browser: httpx.Client, provider: LittleProvider) -> None:
    browser.get("/small-business?lang=it")

    page = log_in(browser)

    assert provider.requests[0]["ui_locales"] == "it"
    assert "Buongiorno, Arta Kola" in page.text


class TestAProviderThatIsDown:
    """These start the provider themselves, to have it absent."""

    @pytest.fixture
    def provider(self, provider_port: int) -> LittleProvider:
        return LittleProvider(provider_port)

    def test_gives_a_page_with_retry_and_works_as_soon_as_it_is_up(
        self, browser: httpx.Client, provider: LittleProvider, provider_port: int, capfd: pytest.CaptureFixture[str]
    ) -> None:
        page = log_in(browser)
        assert (page.status_code, problem(page)) == (503, "unreachable")
        assert page.headers["retry-after"] == "5"
        assert "Traceback" not in "".join(capfd.readouterr())

        with serving(provider.application, provider_port):
            assert log_in(browser).url.path == "/small-business/home"

    def test_keeps_nobody_from_his_accounts_or_from_logging_out(
        self, browser: httpx.Client, bank: Bank, provider: LittleProvider, provider_port: int
    ) -> None:
        provider.access_token_seconds = 30
        with serving(provider.application, provider_port):
            log_in(browser)

        assert "Arta Kola" in browser.get("/small-business/home").text
        page = browser.post("/small-business/logout")

        assert problem(page) == "logged-out-here-only"
        assert "login-needed" in str(browser.get("/small-business/home").url)
        assert bank.cookie(browser) is None

    def test_is_found_again_after_its_restart(
        self, browser: httpx.Client, bank: Bank, provider: LittleProvider, provider_port: int
    ) -> None:
        with serving(provider.application, provider_port):
            log_in(browser)
        provider.change_keys()

        with serving(provider.application, provider_port), bank.browser() as another:
            assert log_in(another).url.path == "/small-business/home"


def test_the_callback_address_shows_no_code_to_the_next_page(browser: httpx.Client) -> None:
    page = log_in(browser)

    assert parse_qs(urlsplit(str(page.url)).query) == {}
    assert page.headers["referrer-policy"] == "same-origin"
