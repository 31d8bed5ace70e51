"""A customer activates the token and gets codes, as the bank's guide says."""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING

import pytest
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.softtoken.phone import ISSUER, OTHER_SECRET, PIN, Phone, codes_around_now, link
from tests.softtoken.pictures import blurred, noisy, on_table, png, symbol, tilted, turned, write_y4m

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.browser

HIDE = """() => {
  Object.defineProperty(document, "hidden", {configurable: true, get: () => true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_the_words_of_the_guide_are_on_the_buttons(phone: Phone) -> None:
    assert phone.page.inner_text("#scan") == "Skano kredencialet për aktivizimin online"

    phone.activate()

    assert phone.page.inner_text("#otp") == "OTP"


def test_a_pasted_link_becomes_a_token_whose_codes_the_bank_accepts(phone: Phone) -> None:
    phone.activate()

    assert phone.code() in codes_around_now()


def test_an_image_with_the_code_becomes_a_token(phone: Phone, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(
        png(blurred(on_table(turned(tilted(symbol(link(), module=6), 0.1), 11), width=800, height=800), 1))
    )

    phone.page.set_input_files("#image", photo)
    phone.choose_pin()

    phone.page.wait_for_selector("#screen-main:not([hidden])")
    assert phone.code() in codes_around_now()


def test_an_image_without_a_code_says_what_to_do(phone: Phone, tmp_path: Path) -> None:
    empty = tmp_path / "empty.png"
    empty.write_bytes(png(on_table(symbol(link()).resize((9, 9)))))

    phone.page.set_input_files("#image", empty)

    phone.page.wait_for_selector("#activation-error:not(:empty)")
    assert "Provoni një imazh më të qartë" in phone.page.inner_text("#activation-error")


def test_the_camera_becomes_a_token(camera_seeing: Callable[[Path], Phone], tmp_path: Path) -> None:
    film = tmp_path / "camera.y4m"
    write_y4m(noisy(blurred(on_table(turned(symbol(link(), module=5), 8)), 0.8), 15), film)
    phone = camera_seeing(film)

    phone.page.click("#scan")
    phone.page.wait_for_selector("#screen-choose-pin:not([hidden])")

    assert phone.page.inner_text("#new-issuer") == ISSUER
    assert phone.page.evaluate("document.querySelector('#video').srcObject") is None  # the camera is off
    phone.choose_pin()
    phone.page.wait_for_selector("#screen-main:not([hidden])")
    assert phone.code() in codes_around_now()
    assert phone.complaints == []


def test_a_camera_that_is_refused_says_what_to_do_instead(phone: Phone) -> None:
    phone.page.click("#scan")

    phone.page.wait_for_selector("#activation-error:not(:empty)")
    assert "zgjidhni një imazh" in phone.page.inner_text("#activation-error")


def test_a_wrong_pin_gives_a_plausible_code_and_changes_nothing(phone: Phone) -> None:
    phone.activate()
    before = phone.stored()
    right = phone.code()
    after_right = phone.stored()
    wrong = [phone.code(f"73519{digit}") for digit in range(3)]

    assert all(re.fullmatch(r"[0-9]{6}", code) for code in wrong)
    assert len({right, *wrong}) == 4
    assert right in codes_around_now()
    assert not codes_around_now() & set(wrong)
    assert before == after_right == phone.stored()


def test_a_right_and_a_wrong_pin_show_the_same_screen(phone: Phone) -> None:
    phone.activate()
    words = []
    for pin in (PIN, "735190"):
        phone.page.click("#otp")
        phone.page.fill("#pin-enter", pin)
        phone.page.click("#pin-submit")
        phone.page.wait_for_selector("#code:not(:empty)")
        words.append(re.sub(r"[0-9]+", "#", phone.page.inner_text("body")))
        phone.page.click("#code-close")
        phone.page.wait_for_selector("#screen-main:not([hidden])")

    assert words[0] == words[1]


def test_a_wrong_pin_gives_the_same_wrong_seed_each_time_and_another_for_each_pin(workshop: Phone) -> None:
    seeds = workshop.computed(
        "vault.js",
        """(async () => {
          const locked = await m.lock(new Uint8Array(20).fill(7), input);
          const copy = async (seed) => [...seed];
          const opened = [];
          for (const pin of [input, "111112", "111112", "111113"]) opened.push(await m.withSeed(locked, pin, copy));
          return opened;
        })()""",
        PIN,
    )

    assert seeds[0] == [7] * 20
    assert seeds[1] == seeds[2]
    assert seeds[1] != seeds[3]
    assert [len(seed) for seed in seeds] == [20] * 4


def test_the_vault_is_the_formula_of_its_description(workshop: Phone) -> None:
    salt, device_key, kept = bytes(range(16)), bytes(range(100, 132)), bytes(range(200, 220))

    seed = workshop.computed(
        "vault.js",
        """(async () => {
          const {salt, kept, device} = input;
          const mac = {name: "HMAC", hash: "SHA-256"};
          const deviceKey = await crypto.subtle.importKey("raw", Uint8Array.from(device), mac, false, ["sign"]);
          const locked = {salt: Uint8Array.from(salt), kept: Uint8Array.from(kept), deviceKey};
          return m.withSeed(locked, input.pin, async (seed) => [...seed]);
        })()""",
        {"salt": list(salt), "kept": list(kept), "device": list(device_key), "pin": PIN},
    )

    stretched = hash_secret_raw(PIN.encode(), salt, 2, 19 * 1024, 1, 32, Type.ID)
    bound = hmac.digest(device_key, salt, "sha256")
    wrap = HKDF(SHA256(), 20, salt, b"hyrja token: seed under PIN, 1").derive(stretched + bound)
    assert bytes(seed) == bytes(a ^ b for a, b in zip(kept, wrap, strict=True))


def test_nothing_that_is_stored_can_confirm_a_pin(phone: Phone) -> None:
    phone.activate()
    stored = phone.stored()

    (token,) = stored["tokens"]
    assert set(token) == {"id", "label", "salt", "kept", "deviceKey"}
    assert token["label"] == {
        "issuer": ISSUER,
        "account": "arta.kelmendi",
        "algorithm": "SHA1",
        "digits": 6,
        "period": 30,
    }
    assert len(token["kept"]) == 20  # the seed's length and not a byte more: no tag, no checksum
    assert token["deviceKey"] == {"extractable": False, "usages": ["sign"], "type": "secret"}
    assert stored["local"] == stored["session"] == {}
    assert PIN not in str(stored)


def test_the_same_link_and_pin_are_kept_differently_each_time(phone: Phone) -> None:
    phone.activate()
    phone.page.click("#add-token")
    phone.activate()

    first, second = phone.stored()["tokens"]
    assert first["salt"] != second["salt"]
    assert first["kept"] != second["kept"]


def test_each_token_has_its_own_codes(phone: Phone) -> None:
    phone.activate()
    phone.page.click("#add-token")
    phone.activate(link(OTHER_SECRET, account="besnik.hoxha"), pin="582046")

    assert phone.code("582046") in codes_around_now(OTHER_SECRET)
    phone.page.get_by_text("arta.kelmendi").click()
    assert phone.code() in codes_around_now()


def test_one_pin_gives_one_code_which_goes_when_its_time_is_over(phone: Phone) -> None:
    phone.page.clock.install(time=1_800_000_001)
    phone.open()
    phone.activate()
    phone.page.click("#otp")
    phone.page.fill("#pin-enter", PIN)
    phone.page.click("#pin-submit")
    phone.page.wait_for_selector("#code:not(:empty)")
    assert 0 < int(phone.page.inner_text("#seconds")) <= 30

    phone.page.clock.run_for(31_000)

    phone.page.wait_for_selector("#screen-main:not([hidden])")
    assert phone.page.text_content("#code") == ""
    assert phone.page.input_value("#pin-enter") == ""


def test_a_code_that_nobody_could_type_in_time_is_replaced_by_the_next_one(phone: Phone) -> None:
    phone.page.clock.install(time=1_800_000_000)
    phone.open()
    phone.activate()
    phone.page.click("#otp")
    phone.page.fill("#pin-enter", PIN)
    phone.page.clock.pause_at(1_800_000_000 + 30 * 20 + 27)
    phone.page.click("#pin-submit")
    phone.page.wait_for_selector("#screen-code:not([hidden])")
    assert phone.page.text_content("#code") == ""
    assert int(phone.page.inner_text("#seconds")) == 3

    phone.page.clock.run_for(4_000)

    expected = phone.computed(
        "otp.js",
        "m.codeFor((await import('./otpauth.js')).parse(input).seed, 60000021, {algorithm: 'SHA1', digits: 6})",
        link(),
    )
    assert phone.page.text_content("#code") == expected


@pytest.mark.parametrize("screen", ["enter-pin", "code"])
def test_leaving_the_application_takes_pin_and_code_away(phone: Phone, screen: str) -> None:
    phone.activate()
    phone.page.click("#otp")
    phone.page.fill("#pin-enter", PIN)
    if screen == "code":
        phone.page.click("#pin-submit")
        phone.page.wait_for_selector("#code:not(:empty)")

    phone.page.evaluate(HIDE)

    phone.page.wait_for_selector("#screen-main:not([hidden])")
    assert phone.page.input_value("#pin-enter") == ""
    assert phone.page.text_content("#code") == ""


def test_the_back_button_never_reopens_a_code(phone: Phone) -> None:
    phone.activate()
    phone.code()

    phone.page.go_back()

    assert phone.page.locator("#screen-code").is_hidden()
    assert phone.page.text_content("#code") == ""


def test_cancelling_twice_in_haste_does_not_leave_the_application(phone: Phone) -> None:
    phone.activate()
    phone.page.click("#otp")

    phone.page.evaluate("for (let i = 0; i < 3; i += 1) document.getElementById('enter-pin-cancel').click()")

    phone.page.wait_for_selector("#screen-main:not([hidden])")
    phone.page.wait_for_timeout(300)
    assert phone.page.url == phone.address


def test_an_activation_without_a_pin_is_forgotten_after_five_minutes(phone: Phone) -> None:
    phone.page.clock.install()
    phone.open()
    phone.paste(link())
    phone.page.wait_for_selector("#screen-choose-pin:not([hidden])")

    phone.page.clock.fast_forward(5 * 60 * 1000 + 1)

    phone.page.wait_for_selector("#screen-welcome:not([hidden])")
    assert "Skanoni përsëri" in phone.page.inner_text("#activation-error")
    assert phone.stored()["tokens"] == []


def test_a_cancelled_activation_leaves_nothing(phone: Phone) -> None:
    phone.paste(link())
    phone.page.fill("#pin", PIN)
    phone.page.click("#choose-pin-cancel")

    phone.page.wait_for_selector("#screen-welcome:not([hidden])")
    assert phone.stored()["tokens"] == []
    assert [phone.page.input_value(field) for field in ("#link", "#pin", "#pin-confirm")] == ["", "", ""]


@pytest.mark.parametrize(
    ("pin", "again", "words"),
    [
        ("12345", "12345", "6 deri në 12 shifra"),
        ("12ab56", "12ab56", "6 deri në 12 shifra"),
        ("123456", "123456", "gjendet lehtë"),
        (PIN, "493818", "nuk janë njësoj"),
    ],
)
def test_a_pin_that_is_refused_says_why_and_keeps_the_activation(
    phone: Phone, pin: str, again: str, words: str
) -> None:
    phone.paste(link())
    phone.choose_pin(pin, again)

    assert words in phone.page.inner_text("#pin-error")
    assert phone.stored()["tokens"] == []
    phone.choose_pin()
    phone.page.wait_for_selector("#screen-main:not([hidden])")


def test_a_removed_token_leaves_nothing(phone: Phone) -> None:
    phone.activate()
    phone.page.click("#remove-token")
    phone.page.click("#remove-cancel")
    assert len(phone.stored()["tokens"]) == 1

    phone.page.click("#remove-token")
    phone.page.click("#remove-confirm")

    phone.page.wait_for_selector("#screen-welcome:not([hidden])")
    assert phone.stored()["tokens"] == []


def test_a_token_is_still_there_after_the_application_was_closed(phone: Phone) -> None:
    phone.activate()
    phone.open()

    assert phone.code() in codes_around_now()


def test_realms_do_not_see_each_others_tokens(phone: Phone) -> None:
    phone.activate()

    other = Phone(phone.context, phone.address.replace("small-business", "sme-corporate"))
    other.open()

    assert other.page.locator("#screen-welcome").is_visible()


def test_it_opens_and_gives_codes_without_a_network(phone: Phone) -> None:
    phone.activate()
    phone.page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    phone.context.set_offline(True)

    phone.open()

    assert phone.code() in codes_around_now()
    phone.context.set_offline(False)
