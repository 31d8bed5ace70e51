"""mod_auth_openidc, Apache's certified relying party: login, single logout by the back channel and by the browser."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.patience import PATIENCE
from tests.peers.apache import apache, missing
from tests.peers.provider import PASSWORD, Examined

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")


@pytest.fixture(scope="module")
def site(exam: Examined, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with apache(exam, tmp_path_factory.mktemp("apache")) as address:
        yield address


@pytest.fixture
def browser(exam: Examined) -> Iterator[httpx.Client]:
    with httpx.Client(verify=exam.trust(), follow_redirects=True, timeout=PATIENCE) as browser:
        yield browser


def logged_in(browser: httpx.Client, site: str) -> httpx.Response:
    page = browser.get(f"{site}/secure/")
    found = re.search(r'<form[^>]*id="kc-form-login"[^>]*action="([^"]+)"', page.text)
    assert found is not None, page.text
    return browser.post(html.unescape(found[1]), data={"username": "alice", "password": PASSWORD})


def test_a_page_behind_apache_opens_after_a_login(browser: httpx.Client, site: str) -> None:
    page = logged_in(browser, site)
    assert page.text == "the secret page"
    assert page.headers["x-email"] == "alice@bank.example"


def test_a_logout_at_the_site_is_a_logout_everywhere(browser: httpx.Client, site: str, exam: Examined) -> None:
    logged_in(browser, site)
    away = browser.get(f"{site}/secure/callback", params={"logout": f"{site}/bye.html"})
    assert away.text == "bye"
    again = browser.get(f"{site}/secure/")
    assert str(again.url).startswith(exam.issuer)
    assert "kc-form-login" in again.text


def test_a_logout_at_the_provider_ends_the_sites_session_by_the_back_channel(
    browser: httpx.Client, site: str, exam: Examined
) -> None:
    logged_in(browser, site)
    asked = browser.get(f"{exam.issuer}/protocol/openid-connect/logout")
    form = re.search(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', asked.text, re.DOTALL)
    assert form is not None, asked.text
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[2]))
    done = browser.post(html.unescape(form[1]), data={name: html.unescape(value) for name, value in hidden.items()})
    assert "info-message" in done.text
    again = browser.get(f"{site}/secure/")
    assert "kc-form-login" in again.text


def test_the_log_of_the_provider_holds_no_secret_of_the_site(site: str, exam: Examined) -> None:
    assert site
    text = (exam.folder / "idp.jsonl").read_text(encoding="utf-8")
    assert "serving" in text
    for secret in ("the secret of the site behind Apache", PASSWORD):
        assert secret not in text
