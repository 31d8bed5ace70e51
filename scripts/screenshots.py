"""Take the pictures of the documentation: the real demo, followed by a real customer in Chromium."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from idp.cli.main import main as main_of_idp  # noqa: E402 - the project's root is on the path only now
from idp.cli.realms.check import check  # noqa: E402 - the project's root is on the path only now
from tests.journeys.customer import NEW_PASSWORD, Person  # noqa: E402 - the project's root is on the path only now
from tests.journeys.demo import CHROMIUM, CHROMIUM_ARGUMENTS, Demo, demo  # noqa: E402 - as above

IMAGES = ROOT / "docs" / "images"
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PIN = "274918"
ROOM = 1_500_000  # bytes of all pictures together: they are part of every clone


def main() -> int:
    """Write every picture to docs/images."""
    if CHROMIUM is None:
        print("No Chromium on this machine (Debian: apt-get install chromium).", file=sys.stderr)
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder)) as running, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        context = browser.new_context(viewport=PHONE, device_scale_factor=2)
        follow_the_guide(
            Person(running, context, realm="small-business", username="arta.hoxha", phone="+355692000101"), running
        )
        wide = browser.new_context(viewport=DESKTOP).new_page()
        wide.goto(running.bank)
        take(wide, "bank-desktop")
        wide.click("#hyr-sme-corporate")
        take(wide, "login-desktop")
        show_a_review(wide, Path(folder))
        show_a_proof(wide, Path(folder))
        browser.close()
    return int(sum(path.stat().st_size for path in IMAGES.iterdir()) > ROOM)


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
    page.set_viewport_size(DESKTOP)
    page.goto(f"{running.bank}/small-business/received")
    take(page, "received")
    page.set_viewport_size(PHONE)
    use_the_token(page, person)


def use_the_token(page: Page, person: Person) -> None:
    """Skano kredencialet për aktivizimin online, a PIN, and a code; a pasted link stands in for the camera."""
    assert person.totp is not None
    page.goto(f"{person.demo.idp}/realms/{person.realm}/token/")
    page.wait_for_selector("#scan")
    take(page, "phone-application")
    page.click("#paste-link")
    page.fill("#link", person.totp.provisioning_uri(name=person.username, issuer_name="Banka Hyrja · Biznesi i vogël"))
    page.click("#activate")
    page.fill("#pin", PIN)
    page.fill("#pin-confirm", PIN)
    take(page, "phone-pin")
    page.click("#pin-save")
    page.click("#otp")
    page.fill("#pin-enter", PIN)
    page.click("#pin-submit")
    page.wait_for_selector("#code:not(:empty)", timeout=15_000)
    take(page, "phone-code")


def show_a_review(page: Page, folder: Path) -> None:
    """Break a realm in two ways, and show what an auditor is told about it."""
    document = json.loads((ROOT / "realms" / "small-business.json").read_text(encoding="utf-8"))
    document |= {"otpPolicyCodeReusable": True, "failureFactor": 9}
    document["clients"][0]["redirectUris"] = ["http://bank.example/login"]
    realm, report = folder / "small-business.json", folder / "review.html"
    realm.write_text(json.dumps(document, indent=2, ensure_ascii=False), encoding="utf-8")
    with contextlib.chdir(folder):  # the page names the file as it was named here
        check([Path(realm.name)], form="html", output=report, fail_on="error")
    page.goto(report.as_uri())
    take(page, "review", whole=True)


def show_a_proof(page: Page, folder: Path) -> None:
    """Prove the demo's realm: the guide taken literally, with what it costs drawn on the flow."""
    report = folder / "proof.html"
    main_of_idp(["flow", "prove", str(ROOT / "realms" / "small-business.json"), "--html", str(report)])
    page.set_viewport_size({"width": 1000, "height": 1500})
    page.goto(report.as_uri())
    take(page, "proof")


def take(page: Page, name: str, *, whole: bool = False) -> None:
    """Write one picture, with few colours: small, and as sharp as the page."""
    seen = page.screenshot(full_page=whole, animations="disabled", caret="hide")
    picture = Image.open(io.BytesIO(seen)).convert("RGB")
    path = IMAGES / f"{name}.png"
    picture.quantize(colors=128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"wrote {path.relative_to(ROOT)} ({path.stat().st_size // 1024} KiB)")


if __name__ == "__main__":
    sys.exit(main())
