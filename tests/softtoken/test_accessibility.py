"""What WCAG 2.2 AA asks of each screen, as far as a program can see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.softtoken.phone import PIN, link

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.softtoken.phone import Phone

pytestmark = pytest.mark.browser

# Texts whose contrast with the colour behind them is below 4.5 (§1.4.3), in the visible part of the page.
FAINT = """() => {
  const numbers = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const over = ([r, g, b, a = 1], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
  const behind = (element) => element === null ? [255, 255, 255]
    : over(numbers(getComputedStyle(element).backgroundColor), behind(element.parentElement));
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.disabled || element.closest("noscript")) continue;
    const pair = [numbers(getComputedStyle(element).color), behind(element)].map(luminance).sort((a, b) => b - a);
    const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (contrast < 4.5) faint.push(`${element.textContent.trim()}: ${contrast.toFixed(2)}`);
  }
  return faint;
}"""
SMALL = """() => [...document.querySelectorAll("button, input, textarea, .token")]
  .filter((element) => element.checkVisibility() && element.type !== "radio")
  .filter((element) => element.getBoundingClientRect().height < 44 || element.getBoundingClientRect().width < 40)
  .map((element) => element.outerHTML)"""
NAMELESS = """() => [...document.querySelectorAll("button, input, textarea")]
  .filter((element) => element.checkVisibility())
  .filter((element) => !element.textContent.trim() && !element.labels?.length && !element.ariaLabel)
  .map((element) => element.outerHTML)"""


def welcome(phone: Phone) -> None:
    phone.paste("something else")


def choose_pin(phone: Phone) -> None:
    phone.paste(link())
    phone.choose_pin("123456")


def main(phone: Phone) -> None:
    phone.activate()


def enter_pin(phone: Phone) -> None:
    phone.activate()
    phone.page.click("#otp")
    phone.page.click("#pin-submit")


def code(phone: Phone) -> None:
    phone.activate()
    phone.page.click("#otp")
    phone.page.fill("#pin-enter", PIN)
    phone.page.click("#pin-submit")
    phone.page.wait_for_selector("#code:not(:empty)")


def remove(phone: Phone) -> None:
    phone.activate()
    phone.page.click("#remove-token")


@pytest.mark.parametrize("screen", [welcome, choose_pin, main, enter_pin, code, remove])
def test_each_screen_can_be_read_touched_and_heard(phone: Phone, screen: Callable[[Phone], None]) -> None:
    phone.page.emulate_media(reduced_motion="reduce")

    screen(phone)

    assert phone.page.evaluate(FAINT) == []
    phone.page.emulate_media(color_scheme="dark")
    assert phone.page.evaluate(FAINT) == []
    assert phone.page.evaluate(SMALL) == []
    assert phone.page.evaluate(NAMELESS) == []


def test_no_screen_is_wider_than_the_window_in_any_language(phone: Phone) -> None:
    def too_wide() -> list[tuple[int, str]]:
        found = []
        for width in (320, 390, 1280):
            phone.page.set_viewport_size({"width": width, "height": 568})
            for language in ("en", "it", "sq"):
                phone.page.click(f"[data-language={language}]")
                if phone.page.evaluate("document.documentElement.scrollWidth") > width:
                    found.append((width, language))
        return found

    assert too_wide() == []
    phone.paste(link())
    assert too_wide() == []
    phone.choose_pin()
    phone.page.wait_for_selector("#screen-main:not([hidden])")
    assert too_wide() == []


def test_the_whole_journey_works_with_the_keyboard_alone(phone: Phone) -> None:
    keyboard = phone.page.keyboard
    phone.page.focus("#paste-link")
    keyboard.press("Enter")
    keyboard.insert_text(link())
    keyboard.press("Tab")
    keyboard.press("Enter")
    phone.page.wait_for_selector("#screen-choose-pin:not([hidden])")
    keyboard.insert_text(PIN)
    keyboard.press("Tab")
    keyboard.insert_text(PIN)
    keyboard.press("Enter")
    phone.page.wait_for_selector("#screen-main:not([hidden])")
    phone.page.focus("#otp")
    keyboard.press("Enter")
    keyboard.insert_text(PIN)
    keyboard.press("Enter")

    phone.page.wait_for_selector("#code:not(:empty)")
