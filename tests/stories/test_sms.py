"""The code by SMS: what it is bound to, how often it is sent and tried (bank.md 5.2, 5.3; CVE-2024-8122)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from idp.model.messages.message import DeliveryState, Receipt
from tests.stories.browser import Browser, Page
from tests.stories.settled import OTHER_PHONE, Home, Town, opened
from tests.stories.world import Customer

pytestmark = pytest.mark.anyio


async def begun(town: Town, customer: Customer | None = None) -> Browser:
    return await town.at_sms_page(customer or town.besnik)


async def give(browser: Browser, code: str) -> Page:
    return await browser.submit("sms-otp-form", code=code)


async def resend(browser: Browser) -> Page:
    return await browser.submit("sms-resend-form", resend="1")


def sent(town: Town, to: str = OTHER_PHONE) -> list[str]:
    """Every code that went to a phone, the newest last."""
    return [text.rsplit("#", 1)[1] for phone, text in town.sms.messages if phone == to and "#" in text]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"


async def test_the_message_ends_with_the_line_that_binds_the_code_to_our_host(town: Town) -> None:
    await begun(town)
    lines = town.sms.last_to(OTHER_PHONE).split("\n")
    code = sent(town)[-1]
    assert lines[-1] == f"@localhost #{code}"
    assert lines[-2] == ""
    assert code in lines[0]
    assert len(code) == 6
    assert code.isascii()
    assert code.isdigit()
    assert "besnik" not in town.sms.last_to(OTHER_PHONE).lower()


async def test_the_number_is_shown_masked_and_only_behind_the_right_password(town: Town) -> None:
    browser = await town.besnik.begin(town.bank)
    await browser.open(browser.shown.links["register-soft-token"])
    page = await browser.submit("kc-form-login", username="besnik.leka", password="wrong")
    assert "••" not in page.html
    page = await town.besnik.give_password(browser)
    assert "+355 •• ••• •02" in page.html
    assert OTHER_PHONE[1:] not in page.html
    assert OTHER_PHONE[-4:] not in page.html


async def test_a_wrong_code_is_told_on_the_same_page_and_the_right_one_still_counts(town: Town) -> None:
    browser = await begun(town)
    page = await give(browser, wrong(sent(town)[-1]))
    assert page.status == 200
    assert page.message
    assert "secret" in (await give(browser, sent(town)[-1])).ids


async def test_three_wrong_codes_kill_the_transaction_and_a_new_one_has_another_code(town: Town) -> None:
    browser = await begun(town)
    first = sent(town)[-1]
    for _ in range(3):
        await give(browser, wrong(first))
    page = await give(browser, first)
    assert "secret" not in page.ids, "the right code of a dead transaction"
    town.clock.advance(30)
    await resend(browser)
    assert sent(town)[-1] != first
    assert "secret" in (await give(browser, sent(town)[-1])).ids


async def test_five_wrong_codes_lock_the_factor_over_any_number_of_transactions(town: Town) -> None:
    browser = await begun(town)
    for _ in range(2):
        await give(browser, wrong(sent(town)[-1]))
    second = await begun(town)
    for _ in range(2):
        page = await give(second, wrong(sent(town)[-1]))
    page = await give(second, wrong(sent(town)[-1]))
    assert "kc-form-login" in page.forms
    page = await town.besnik.give_password(second)
    assert "kc-form-login" in page.forms, "and the right password does not say so"
    assert Counter(await town.event_types())["USER_DISABLED_BY_TEMPORARY_LOCKOUT"] == 1


async def test_a_code_lives_180_seconds(town: Town) -> None:
    browser = await begun(town)
    town.clock.advance(179)
    other = browser.tab()
    await other.open(browser.shown.url)
    assert "secret" in (await give(other, sent(town)[-1])).ids
    late = await begun(town)
    town.clock.advance(180)
    page = await give(late, sent(town)[-1])
    assert "secret" not in page.ids
    assert "skad" in page.message


async def test_a_resend_repeats_the_code_and_gives_no_new_tries(town: Town) -> None:
    browser = await begun(town)
    await give(browser, wrong(sent(town)[-1]))
    await give(browser, wrong(sent(town)[-1]))
    town.clock.advance(30)
    await resend(browser)
    assert sent(town)[-1] == sent(town)[-2]
    await give(browser, wrong(sent(town)[-1]))
    assert "secret" not in (await give(browser, sent(town)[-1])).ids, "the third try was the last"


async def test_a_resend_does_not_prolong_the_code(town: Town) -> None:
    browser = await begun(town)
    town.clock.advance(170)
    await resend(browser)
    assert sent(town)[-1] == sent(town)[-2]
    town.clock.advance(10)
    page = await give(browser, sent(town)[-1])
    assert "secret" not in page.ids, "180 seconds from the first message"
    assert "skad" in page.message


async def test_sending_again_has_to_wait_ever_longer_and_ends_after_three_messages(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=sms_config(lifetimeSeconds="600")) as town:
        browser = await begun(town)
        before = len(sent(town))
        for wait in (30, 60):
            town.clock.advance(wait - 1)
            assert (await resend(browser)).message, "too soon"
            town.clock.advance(1)
            await resend(browser)
        assert len(sent(town)) == before + 2
        town.clock.advance(119)
        assert "1 sekond" in (await resend(browser)).message
        town.clock.advance(1)
        await resend(browser)
        assert len(sent(town)) == before + 2, "a fourth message is not sent"
        assert "secret" in (await give(browser, sent(town)[-1])).ids


async def test_a_new_transaction_kills_the_older_one(town: Town) -> None:
    first = await begun(town)
    old = sent(town)[-1]
    second = await begun(town)
    assert sent(town)[-1] != old
    assert "secret" not in (await give(first, old)).ids
    assert "secret" not in (await give(first, sent(town)[-1])).ids, "a code belongs to its own transaction"
    assert "secret" in (await give(second, sent(town)[-1])).ids


async def test_a_code_is_taken_once(town: Town) -> None:
    browser = await begun(town)
    code = sent(town)[-1]
    await give(browser, code)
    await browser.press("restart")
    await browser.open(browser.shown.links["register-soft-token"])
    await town.besnik.give_password(browser)
    assert "secret" not in (await give(browser, code)).ids


async def test_a_code_is_bound_to_the_number_it_was_sent_to(town: Town) -> None:
    browser = await begun(town)
    code = sent(town)[-1]
    elsewhere = {"phoneNumber": ("+355692000199",)}
    await town.change_user("besnik.leka", lambda user: msgspec.structs.replace(user, attributes=elsewhere))
    page = await give(browser, code)
    assert "secret" not in page.ids


async def test_the_code_of_one_user_is_nothing_to_another(town: Town) -> None:
    besnik = await begun(town)
    arta = await town.arta.begin(town.bank)
    await arta.open(arta.shown.links["register-soft-token"])
    await town.arta.give_password(arta)
    await arta.submit("kc-otp-login-form", otp=town.arta.code())
    mine, hers = sent(town)[-1], sent(town, town.arta.phone)[-1]
    assert mine != hers
    assert "secret" not in (await give(besnik, hers)).ids
    assert "secret" not in (await give(arta, mine)).ids


async def test_the_code_of_a_login_is_nothing_to_an_enrolment(home: Home, tmp_path: Path) -> None:
    def sms_login(document: dict[str, Any]) -> None:
        sms_config(messagesPerHour="10")(document)
        forms = next(flow for flow in document["authenticationFlows"] if flow["alias"] == "bank forms")
        forms["authenticationExecutions"][1:] = [
            {**forms["authenticationExecutions"][2], "authenticator": "sms-otp", "authenticatorConfig": "login sms"}
        ]
        configuration = {"alias": "login sms", "config": dict(document["authenticatorConfig"][0]["config"])}
        document["authenticatorConfig"].append(configuration)

    async with opened(home, tmp_path, edit=sms_login) as town:
        enrolment = await begun(town)
        for_enrolment = sent(town)[-1]
        login = await town.besnik.begin(town.bank)
        page = await town.besnik.give_password(login)
        assert "sms-otp-form" in page.forms
        for_login = sent(town)[-1]
        assert for_login != for_enrolment
        assert "sms-otp-form" in (await give(login, for_enrolment)).forms
        assert "secret" not in (await give(enrolment, for_login)).ids
        # A transaction of another purpose does not kill this one.
        assert "secret" in (await give(enrolment, for_enrolment)).ids


@pytest.mark.parametrize("form", ["{} {}", " {}{} ", "{}-{}", "\u2066{}{}\u2069", "{}\u00a0{}"])
async def test_a_code_may_be_typed_as_people_type(town: Town, form: str) -> None:
    browser = await begun(town)
    code = sent(town)[-1]
    assert "secret" in (await give(browser, form.format(code[:3], code[3:]))).ids


async def test_a_code_may_be_typed_in_the_digits_of_any_script(town: Town) -> None:
    browser = await begun(town)
    arabic = sent(town)[-1].translate({ord("0") + digit: 0x0660 + digit for digit in range(10)})
    assert "secret" in (await give(browser, arabic)).ids


async def test_a_code_keeps_its_leading_zeros(home: Home, tmp_path: Path) -> None:
    # One code in ten begins with a zero: that none of 190 does happens once in 10^8.
    plenty = sms_config(messagesPerHour="60", messagesPerDay="200")
    async with opened(home, tmp_path, edit=plenty) as town:
        browser = await begun(town)
        for _ in range(190):
            if sent(town)[-1].startswith("0"):
                break
            if len(sent(town)) % 59 == 0:
                town.clock.advance(3600)
            browser = await begun(town)
        code = sent(town)[-1]
        assert code.startswith("0")
        assert "secret" not in (await give(browser, code.lstrip("0"))).ids
        assert "secret" in (await give(browser, code)).ids


async def test_a_user_is_sent_five_messages_an_hour_and_ten_a_day(town: Town) -> None:
    def count() -> int:
        return len(sent(town))

    async def ask() -> Page:
        browser = await town.besnik.begin(town.bank)
        await browser.open(browser.shown.links["register-soft-token"])
        return await town.besnik.give_password(browser)

    before = count()
    for hour in range(4):
        pages = [await ask() for _ in range(7)]
        assert count() - before == min(5 * (hour + 1), 10), f"hour {hour}"
        assert "sms-send-form" in pages[-1].forms, "no code was sent, and the page does not pretend"
        assert pages[-1].message
        town.clock.advance(3601)
    town.clock.advance(86400)
    await begun(town)
    assert count() - before == 11


async def test_a_number_shared_by_two_users_is_sent_five_messages_an_hour(town: Town) -> None:
    await town.change_user(
        "besnik.leka", lambda user: msgspec.structs.replace(user, attributes={"phoneNumber": (town.arta.phone,)})
    )
    town.clock.advance(3600)
    before = len(town.sms.messages)
    for _ in range(4):
        await begun(town)
        town.clock.advance(31)
        arta = await town.arta.begin(town.bank)
        await arta.open(arta.shown.links["register-soft-token"])
        await town.arta.give_password(arta)
        await arta.submit("kc-otp-login-form", otp=town.arta.code())
        if len(town.sms.messages) - before >= 5:
            break
    browser = await town.besnik.begin(town.bank)
    await browser.open(browser.shown.links["register-soft-token"])
    page = await town.besnik.give_password(browser)
    assert "sms-send-form" in page.forms
    assert len(town.sms.messages) - before == 5


async def test_an_exhausted_budget_does_not_kill_the_code_that_the_person_holds(town: Town) -> None:
    for _ in range(4):
        await begun(town)
    holder = await begun(town)
    code = sent(town)[-1]
    refused = await town.besnik.begin(town.bank)
    await refused.open(refused.shown.links["register-soft-token"])
    assert "sms-send-form" in (await town.besnik.give_password(refused)).forms
    assert "secret" in (await give(holder, code)).ids


async def test_without_a_gateway_the_page_says_try_later_and_nothing_advances(town: Town) -> None:
    town.sms.down = True
    browser = await town.besnik.begin(town.bank)
    await browser.open(browser.shown.links["register-soft-token"])
    page = await town.besnik.give_password(browser)
    assert "sms-send-form" in page.forms
    assert page.message
    assert "answered 503" not in page.html
    assert "SEND_SMS_ERROR" in await town.event_types()
    page = await browser.post(page.forms["sms-send-form"].action, {"code": "000000"})
    assert "secret" not in page.ids
    town.sms.down = False
    await browser.press("resend")
    assert "secret" in (await give(browser, sent(town)[-1])).ids


async def test_a_gateway_that_fails_at_a_resend_leaves_the_first_code_good(town: Town) -> None:
    browser = await begun(town)
    town.clock.advance(30)
    town.sms.down = True
    page = await resend(browser)
    assert page.message
    assert "secret" in (await give(browser, sent(town)[-1])).ids


async def test_cooling_down_is_not_bypassed_by_a_look_at_the_page(town: Town) -> None:
    browser = await begun(town)
    before = len(town.sms.messages)
    await browser.reload()
    await resend(browser)
    await browser.reload()
    await resend(browser)
    assert len(town.sms.messages) == before


async def test_a_wrong_password_sends_nothing(town: Town) -> None:
    before = len(town.sms.messages)
    browser = await town.besnik.begin(town.bank)
    await browser.open(browser.shown.links["register-soft-token"])
    for username in ("besnik.leka", "nobody"):
        await browser.submit("kc-form-login", username=username, password="wrong")
    assert len(town.sms.messages) == before


def sms_config(**config: str) -> Any:
    def edit(document: dict[str, Any]) -> None:
        document["authenticatorConfig"][0]["config"].update(config)

    return edit


def sms_limits(**limits: str) -> Any:
    def edit(document: dict[str, Any]) -> None:
        document["attributes"].update({f"hyrja.sms.{name}": value for name, value in limits.items()})

    return edit


@pytest.mark.parametrize(
    ("limits", "budget"),
    [
        ({"perBrowserHour": "1"}, ""),
        ({"perNetworkHour": "1"}, "network"),
        ({"deniedPrefixes": "+355"}, "prefix"),
        ({"perRealmDay": "1"}, "realm"),
        ({"prices": "+355=1", "spendingPerDay": "1.5"}, "spending"),
    ],
)
async def test_a_message_beyond_a_budget_is_not_sent_and_the_page_does_not_say_which(
    home: Home, tmp_path: Path, limits: dict[str, str], budget: str
) -> None:
    async with opened(home, tmp_path, edit=sms_limits(**limits)) as town:
        before = len(sent(town))
        pages = []
        for _ in range(2):
            browser = await town.besnik.begin(town.bank)
            await browser.open(browser.shown.links["register-soft-token"])
            pages.append(await town.besnik.give_password(browser))
        if not budget:  # another browser has a budget of its own
            assert len(sent(town)) == before + 2
            return
        assert len(sent(town)) <= before + 1
        assert "sms-send-form" in pages[-1].forms
        refusals = [event for event in await town.events() if event.error == "sms_refused"]
        assert refusals[0].detail == {"budget": budget, "country": "+355"}
        assert budget not in pages[-1].message


async def test_a_message_that_did_not_arrive_is_told_at_the_next_look_and_the_code_can_be_sent_again(
    town: Town,
) -> None:
    browser = await begun(town)
    carried = next(event for event in await town.events() if event.type == "SEND_SMS")
    assert carried.detail["gateway"] == "fake"
    receipt = Receipt(gateway="fake", message_id=str(len(town.sms.messages)), state=DeliveryState.UNDELIVERED)
    for _ in range(2):
        await town.site.receipts.keep(receipt)
    lost = [event for event in await town.events() if event.type == "SMS_UNDELIVERED"]
    assert [(event.transaction_id, event.detail) for event in lost] == [(carried.transaction_id, {"gateway": "fake"})]
    page = await browser.reload()
    assert "mbërriti" in page.message
    assert "sms-otp-form" in page.forms, "it may still come"
    town.clock.advance(30)
    page = await resend(browser)
    assert "mbërriti" not in page.message
    assert "secret" in (await give(browser, sent(town)[-1])).ids


async def test_a_message_that_arrived_is_an_event_and_no_word_on_the_page(town: Town) -> None:
    browser = await begun(town)
    receipt = Receipt(gateway="fake", message_id=str(len(town.sms.messages)), state=DeliveryState.DELIVERED)
    await town.site.receipts.keep(receipt)
    assert not (await browser.reload()).message
    assert "SMS_DELIVERED" in await town.event_types()
    assert "SMS_DELIVERED" not in await town.event_types("sme-corporate")


async def test_a_receipt_that_is_faster_than_the_login_is_an_event_of_that_login(town: Town) -> None:
    number = str(len(town.sms.messages) + 1)
    await town.site.receipts.keep(Receipt(gateway="fake", message_id=number, state=DeliveryState.UNDELIVERED))
    await town.site.receipts.keep(Receipt(gateway="fake", message_id="nobody's", state=DeliveryState.UNDELIVERED))
    assert "SMS_UNDELIVERED" not in await town.event_types()
    browser = await begun(town)
    assert "SMS_UNDELIVERED" in await town.event_types()
    assert "mbërriti" in (await browser.reload()).message
