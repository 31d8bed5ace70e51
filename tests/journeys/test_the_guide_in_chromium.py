"""The guide, click by click, in a real browser against the real demo: both realms, kills and restarts included."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.journeys.customer import Person
from tests.journeys.demo import Demo

pytestmark = pytest.mark.browser


def test_customers_of_both_realms_follow_the_guide_click_by_click(chromium: Browser, running: Demo) -> None:
    people = [
        Person(running, chromium.new_context(), realm="small-business", username="arta.hoxha", phone="+355692000101"),
        Person(running, chromium.new_context(), realm="sme-corporate", username="drita.kola", phone="+355692000201"),
    ]
    for person in people:
        person.press_hyr()
        person.give_password()
        person.page.wait_for_selector("#soft-token-info")
        assert "Anullo" in (person.page.locator("#cancel").text_content() or "")
        person.page.click("#cancel")
        person.page.wait_for_selector("#kc-form-login")
        person.register()
    for person in people:  # one wait for the next step serves both
        person.log_in()
        person.first_access()
        assert person.page.url.startswith(f"{running.bank}/{person.realm}/")
        _meets_the_bank(person)
        person.page.context.close()
    assert running.stop() == 0


def _meets_the_bank(person: Person) -> None:
    page = person.page
    page.goto(f"{person.demo.bank}/{person.realm}/received")
    received = page.locator("main").text_content() or ""
    assert person.username in received
    assert "mfa-otp" in received
    page.goto(f"{person.demo.bank}/{person.realm}/cards")  # a second client asks nothing again
    assert page.url.startswith(person.demo.bank)
    page.click("#logout")
    page.wait_for_url(f"{person.demo.bank}/**")
    page.click(f"#hyr-{person.realm}")
    page.wait_for_selector("#kc-form-login")


def test_a_power_cut_loses_nothing_done_and_leaves_nothing_half_done(chromium: Browser, running: Demo) -> None:
    context = chromium.new_context()
    person = Person(running, context, realm="small-business", username="arta.hoxha", phone="+355692000101")
    person.press_hyr()
    person.page.click("#register-soft-token")
    person.give_password()
    person.page.fill("#code", running.code(person.phone))
    person.page.click("#sms-otp-form #kc-login")
    person.page.wait_for_selector("#soft-token-enrol svg")
    person.scan()
    _power_cut(running)

    # The token that was only shown is nobody's.
    person.press_hyr()
    person.give_password()
    person.page.wait_for_selector("#soft-token-info")
    person.page.click("#cancel")
    person.register()
    person.give_password()
    person.page.wait_for_selector("#kc-otp-login-form")
    _power_cut(running)

    # The token that was confirmed is kept; a login half done goes on where it stood, and is no session.
    page = context.new_page()
    page.goto(f"{running.bank}/small-business/home")
    assert page.locator("#logout").count() == 0
    person.press_hyr()
    person.log_in()
    person.first_access()
    _power_cut(running)

    page.goto(f"{running.bank}/small-business/cards")
    assert page.url.startswith(running.bank), "the session is found again, nothing is asked"


def _power_cut(running: Demo) -> None:
    running.kill()
    running.start()


PRESSED_TWICE = """() => {
  const prevented = [];
  addEventListener("submit", (event) => prevented.push(event.defaultPrevented));
  const button = document.getElementById("kc-login");
  button.click();
  button.click();
  return prevented;
}"""


def test_a_double_click_sends_a_form_once(chromium: Browser, running: Demo) -> None:
    context = chromium.new_context()
    person = Person(running, context, realm="small-business", username="arta.hoxha", phone="+355692000101")
    person.press_hyr()
    person.page.fill("#username", person.username)
    person.page.fill("#password", person.password)
    assert person.page.evaluate(PRESSED_TWICE) == [False, True]
    person.page.wait_for_selector("#soft-token-info")
    context.close()
