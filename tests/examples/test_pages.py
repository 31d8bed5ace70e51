"""What every page of the bank keeps: ids, languages, headers, and the Albanian way of writing money."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import string
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.examples.conftest import FOLDER, REALMS, log_in, of_the_bank, problem

if TYPE_CHECKING:
    import httpx

    from tests.examples.conftest import Bank
    from tests.examples.little_provider import LittleProvider


def test_the_first_page_has_both_entrances(browser: httpx.Client) -> None:
    page = browser.get("/")

    for realm in REALMS:
        assert f'id="hyr-{realm}" href="/{realm}/login"' in page.text


@pytest.mark.parametrize("realm", REALMS)
def test_each_segments_page_has_hyr_at_the_top(browser: httpx.Client, realm: str) -> None:
    page = browser.get(f"/{realm}")

    assert f'id="hyr" href="/{realm}/login">Hyr</a>' in page.text.partition("</header>")[0]


def test_pages_behind_the_login_have_their_ids(browser: httpx.Client) -> None:
    log_in(browser)

    page = browser.get("/small-business/received")

    for name in ("logout", "received", "cards", "home", "refresh"):
        assert len(re.findall(rf'id="{name}"', page.text)) == 1


def test_all_texts_are_there_in_all_languages_with_the_same_blanks() -> None:
    texts = of_the_bank("texts").TEXTS

    def blanks(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert set(texts) == {"sq", "en", "it"}
    for language in ("en", "it"):
        assert list(texts[language]) == list(texts["sq"])
        for key, text in texts[language].items():
            assert blanks(text) == blanks(texts["sq"][key]), key


def test_every_text_is_used_and_every_used_text_exists() -> None:
    texts = set(of_the_bank("texts").TEXTS["sq"])
    source = "".join(
        path.read_text()
        for path in FOLDER.rglob("*")
        if path.suffix in {".html", ".py"} and path.parent.name != "texts"
    )

    named = set(re.findall(r'(?<![\w.])t\("([\w.-]+)"[,)]', source))

    assert named <= texts
    families = ("front.", "safe.", "small-business.", "sme-corporate.", "steps.", "notice.", "claim.", "problem.")
    assert {key for key in texts if f'"{key}"' not in source and not key.startswith(families)} == set()


def test_albanian_comes_first_whatever_the_browser_speaks(browser: httpx.Client) -> None:
    page = browser.get("/", headers={"Accept-Language": "en-GB"})

    assert '<html lang="sq">' in page.text


@pytest.mark.parametrize(("language", "word"), [("sq", "Hyr"), ("en", "Log in"), ("it", "Accedi")])
def test_a_chosen_language_is_remembered(browser: httpx.Client, language: str, word: str) -> None:
    browser.get(f"/?lang={language}")

    page = browser.get("/small-business")

    assert f'<html lang="{language}">' in page.text
    assert f">{word}</a>" in page.text


def test_an_unknown_language_is_albanian_and_not_remembered(browser: httpx.Client) -> None:
    page = browser.get('/?lang="><script>')

    assert '<html lang="sq">' in page.text
    assert "set-cookie" not in page.headers
    assert "<script" not in page.text


@pytest.mark.parametrize("path", ["/", "/small-business", "/small-business/received", "/nowhere", "/static/bank.css"])
def test_every_answer_is_protected(browser: httpx.Client, provider: LittleProvider, path: str) -> None:
    log_in(browser)

    headers = browser.get(path).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert f"form-action 'self' {provider.url}" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")
    assert "strict-transport-security" not in headers


def test_over_https_there_is_hsts_and_a_host_cookie() -> None:
    settings = of_the_bank("settings").read({"BANK_URL": "https://bank.example", "BANK_SECRETS": "x"})

    assert "max-age=" in of_the_bank("edge").security_headers(settings)["Strict-Transport-Security"]
    assert of_the_bank("application")._session_cookie(settings) == "__Host-bank-443"


def test_no_page_has_a_script_an_inline_style_or_anything_from_elsewhere() -> None:
    for path in (*FOLDER.rglob("*.html"), *FOLDER.rglob("*.css")):
        text = path.read_text()
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:|//\w|@import|url\(", text), path.name


def test_a_notice_is_one_of_ours(browser: httpx.Client) -> None:
    page = browser.get("/?notice=<b>call this number</b>")

    assert "call this number" not in page.text
    assert 'id="notice"' not in page.text


def test_a_customers_name_is_text_not_markup(browser: httpx.Client, provider: LittleProvider) -> None:
    provider.name = "<script>alert(1)</script> {{ 7*7 }} {0}"

    page = log_in(browser)

    assert "<script>" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }} {0}" in page.text


def test_a_page_that_does_not_exist_is_friendly(browser: httpx.Client) -> None:
    page = browser.get("/nowhere")

    assert (page.status_code, problem(page)) == (404, "not-found")


def test_a_bug_is_one_line_in_the_log_and_a_friendly_page(
    bank: Bank, browser: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    log_in(browser)
    with contextlib.closing(sqlite3.connect(bank.store)) as vandal:
        vandal.execute("DROP TABLE session")

    page = browser.get("/small-business/home")

    assert (page.status_code, problem(page)) == (500, "bug")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "bank"]
    assert line.startswith("GET /small-business/home: OperationalError at ")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [("1234567.8", "ALL", "1 234 567,80 Lekë"), ("-950", "ALL", "−950,00 Lekë"), ("16000.05", "EUR", "16 000,05 €")],  # noqa: RUF001 - a true minus sign.
)
def test_amounts_are_written_the_albanian_way(amount: str, currency: str, written: str) -> None:
    assert of_the_bank("formats").money(Decimal(amount), currency).replace("\xa0", " ") == written


def test_amounts_stay_albanian_in_every_language(browser: httpx.Client) -> None:
    log_in(browser)

    balances = [
        re.findall(r'class="balance">.*?</span>(.*?)</p>', browser.get(f"/small-business/home?lang={language}").text)
        for language in ("sq", "en", "it")
    ]

    assert len(balances[0]) == 3
    assert balances[0] == balances[1] == balances[2]
    assert all(re.fullmatch(r"[\d\xa0]+,\d\d\xa0(Lekë|€)", balance) for balance in balances[0])


def test_accounts_belong_to_the_customer_and_stay_the_same() -> None:
    accounts = of_the_bank("accounts").accounts

    assert accounts("small-business", "a") == accounts("small-business", "a")
    assert accounts("small-business", "a") != accounts("small-business", "b")
    assert accounts("small-business", "a") != accounts("sme-corporate", "a")


def test_every_iban_is_a_right_one_of_a_bank_that_does_not_exist() -> None:
    for number in range(200):
        for account in of_the_bank("accounts").accounts("small-business", f"customer {number}"):
            moved = account.iban[4:] + account.iban[:4]
            assert re.fullmatch(r"AL\d\d299\d{21}", account.iban)
            assert int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1


def test_movements_move_on_with_the_days() -> None:
    movements = of_the_bank("accounts").movements
    today, tomorrow = date(2026, 11, 20), date(2026, 11, 21)

    before = movements("small-business", "a", today=today, most=30)
    after = movements("small-business", "a", today=tomorrow, most=30)

    assert [movement for movement in after if movement.day < today] == list(before)[
        : len([m for m in after if m.day < today])
    ]
    assert all(movement.day < today for movement in before)
    assert {movement.amount > 0 for movement in before} == {True, False}
