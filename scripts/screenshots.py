"""Take the pictures of the documentation: the real demo, followed by a real customer in Chromium."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.journeys.customer import NEW_PASSWORD, Person  # noqa: E402 - the project's root is on the path only now
from tests.journeys.demo import CHROMIUM, CHROMIUM_ARGUMENTS, Demo, demo  # noqa: E402 - as above

IMAGES = ROOT / "docs" / "images"
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}


def main() -> int:
    """Write every picture to docs/images."""
    if CHROMIUM is None:
        print("No Chromium on this machine (Debian: apt-get install chromium).", file=sys.stderr)
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder)) as running, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        context = browser.new_context(viewport=PHONE)
        follow_the_guide(
            Person(running, context, realm="small-business", username="arta.hoxha", phone="+355692000101"), running
        )
        wide = browser.new_context(viewport=DESKTOP).new_page()
        wide.goto(running.bank)
        take(wide, "bank-desktop")
        wide.click("#hyr-sme-corporate")
        take(wide, "login-desktop")
        browser.close()
    return 0


def follow_the_guide(person: Person, running: Demo) -> None:
    """Walk through the guide, a picture a page."""
    page = person.page
    page.goto(running.bank)
    take(page, "bank")
    person.press_hyr()
    take(page, "login")
    person.give_password()
    take(page, "no-soft-token")
    page.click("#cancel")
    page.click("#register-soft-token")
    person.give_password()
    take(page, "sms-code")
    page.fill("#code", running.code(person.phone))
    page.click("#sms-otp-form #kc-login")
    page.wait_for_selector("#soft-token-enrol svg")
    take(page, "qr-code", whole=True)
    person.scan()
    page.fill("#totp", person.next_code())
    page.click("#soft-token-enrol #kc-login")
    person.give_password()
    take(page, "one-time-code")
    page.fill("#otp", person.next_code())
    page.click("#kc-otp-login-form #kc-login")
    take(page, "new-password")
    page.fill("#password-new", NEW_PASSWORD)
    page.fill("#password-confirm", NEW_PASSWORD)
    page.click("#kc-passwd-update-form button[type=submit]")
    take(page, "terms")
    page.click("#kc-accept")
    take(page, "profile")
    page.click("#profile-form button[type=submit]")
    page.wait_for_url(f"{running.bank}/**")
    take(page, "internet-banking")
    page.goto(f"{running.idp}/realms/small-business/token/")
    page.wait_for_selector("#scan")
    take(page, "phone-application")


def take(page: Page, name: str, *, whole: bool = False) -> None:
    """Write one picture, with few colours: small, and as sharp as the page."""
    picture = Image.open(io.BytesIO(page.screenshot(full_page=whole))).convert("RGB")
    path = IMAGES / f"{name}.png"
    picture.quantize(colors=128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"wrote {path.relative_to(ROOT)} ({path.stat().st_size // 1024} KiB)")


if __name__ == "__main__":
    sys.exit(main())
