"""The server-side session: what the cookie is, what the file holds, what an attacker can do with either."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from tests.examples.conftest import Bank, log_in, of_the_bank

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.examples.little_provider import LittleProvider


def test_a_visitor_who_only_looks_gets_no_session(browser: httpx.Client, bank: Bank) -> None:
    browser.get("/")
    browser.get("/small-business")

    assert bank.cookie(browser) is None


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(browser: httpx.Client) -> None:
    answer = browser.get("/small-business/login", follow_redirects=False)

    attributes = {part.strip() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert attributes == {"Path=/", "HttpOnly", "SameSite=Lax"}


def test_a_login_gets_a_fresh_session_id_and_the_old_one_is_worth_nothing(browser: httpx.Client, bank: Bank) -> None:
    browser.get("/small-business/login", follow_redirects=False)
    before = bank.cookie(browser)
    log_in(browser)
    after = bank.cookie(browser)

    assert before is not None
    assert after not in {None, before}
    with bank.browser() as attacker:
        attacker.cookies.set(f"bank-{bank.port}", before, domain="localhost.local")
        assert attacker.get("/small-business/home").url.path == "/small-business"


def test_a_planted_session_id_is_never_adopted(bank: Bank) -> None:
    with bank.browser() as victim:
        answer = victim.get(
            "/small-business/login", headers={"Cookie": f"bank-{bank.port}=planted"}, follow_redirects=False
        )

    assert "planted" not in answer.headers["set-cookie"]


def test_a_tampered_cookie_is_nobody(browser: httpx.Client, bank: Bank) -> None:
    log_in(browser)
    cookie = bank.cookie(browser)
    assert cookie is not None
    tampered = cookie[:-1] + ("A" if cookie[-1] != "A" else "B")

    with bank.browser() as attacker:
        page = attacker.get("/small-business/home", headers={"Cookie": f"bank-{bank.port}={tampered}"})

    assert page.url.path == "/small-business"
    assert browser.get("/small-business/home").url.path == "/small-business/home"


def test_logout_takes_the_session_off_the_server(browser: httpx.Client, bank: Bank) -> None:
    log_in(browser)
    cookie = bank.cookie(browser)
    browser.post("/small-business/logout")

    with bank.browser() as thief:
        page = thief.get("/small-business/home", headers={"Cookie": f"bank-{bank.port}={cookie}"})

    assert page.url.path == "/small-business"


def test_a_second_start_finds_its_sessions_again(tmp_path: Path, provider: LittleProvider) -> None:
    bank = Bank(tmp_path, provider)
    with bank.browser() as browser:
        with bank.open():
            log_in(browser)
        with bank.open():
            page = browser.get("/small-business/home")
            assert page.url.path == "/small-business/home"
            assert "Arta Kola" in page.text
    assert provider.logins_asked == 1


def test_a_login_begun_before_a_restart_is_finished_after_it(tmp_path: Path, provider: LittleProvider) -> None:
    bank = Bank(tmp_path, provider)
    with bank.browser() as browser:
        with bank.open():
            to_provider = browser.get("/small-business/login", follow_redirects=False).headers["location"]
        with bank.open():
            assert browser.get(to_provider).url.path == "/small-business/home"


def test_a_stolen_session_file_holds_nothing_that_can_be_used(
    browser: httpx.Client, bank: Bank, provider: LittleProvider
) -> None:
    log_in(browser)
    cookie = bank.cookie(browser)
    assert cookie is not None

    stolen = b"".join(file.read_bytes() for file in bank.store.parent.glob("bank.db*"))

    for secret in (cookie, provider.subject, "Arta", *provider.issued_tokens):
        assert secret.encode() not in stolen
    assert stat.S_IMODE(bank.store.stat().st_mode) == 0o600


def test_a_row_moved_to_another_customers_id_does_not_open() -> None:
    store = of_the_bank("sessions").SessionStore(":memory:")
    store.save("mine", {"who": "me"}, now=0)
    store.save("hers", {"who": "her"}, now=0)
    store._database.execute("UPDATE session SET sealed = (SELECT sealed FROM session ORDER BY digest LIMIT 1)")

    opened = [store.find(token, now=1) for token in ("mine", "hers")]
    store.close()

    assert sorted(opened, key=str) in ([None, {"who": "me"}], [None, {"who": "her"}])


def test_a_session_that_nobody_came_back_for_is_forgotten() -> None:
    sessions = of_the_bank("sessions")
    store = sessions.SessionStore(":memory:")
    store.save("old", {"a": 1}, now=0)
    store.save("new", {"a": 1}, now=sessions.LIFETIME)

    rows = store._database.execute("SELECT count(*) FROM session").fetchone()
    gone = store.find("old", now=sessions.LIFETIME)
    store.close()

    assert (rows, gone) == ((1,), None)
