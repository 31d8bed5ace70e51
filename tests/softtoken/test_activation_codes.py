"""Which activation codes and PINs are accepted, and what is said about the others."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pyotp
import pytest

from tests.softtoken.phone import ACCOUNT, ISSUER, SECRET, link

if TYPE_CHECKING:
    from tests.softtoken.phone import Phone

pytestmark = pytest.mark.browser

# What `parse` gives without the seed, or the key of the text with which it refuses.
PARSED = "(() => { try { return m.parse(input).label; } catch (error) { return error.text; } })()"


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        pytest.param(link(), {}, id="as the bank writes it"),
        pytest.param(f"  {link()}\n", {}, id="with spaces around it, as pasted"),
        pytest.param(f"otpauth://totp/{quote(ISSUER)}:{ACCOUNT}?secret={SECRET}", {}, id="only what is required"),
        pytest.param(f"otpauth://totp/{ACCOUNT}?secret={SECRET}&issuer={quote(ISSUER)}", {}, id="issuer as parameter"),
        pytest.param(f"otpauth://totp/{ACCOUNT}?secret={SECRET}", {"issuer": ""}, id="no issuer"),
        pytest.param(link().replace("SHA1", "SHA512"), {"algorithm": "SHA512"}, id="SHA-512"),
        pytest.param(link().replace("digits=6", "digits=8"), {"digits": 8}, id="eight digits"),
        pytest.param(link().replace("period=30", "period=60"), {"period": 60}, id="a minute"),
        pytest.param(
            pyotp.TOTP(SECRET).provisioning_uri(name=ACCOUNT, issuer_name=ISSUER), {}, id="as pyotp writes it"
        ),
    ],
)
def test_an_activation_code_is_read(workshop: Phone, text: str, changed: dict[str, object]) -> None:
    usual = {"issuer": ISSUER, "account": ACCOUNT, "algorithm": "SHA1", "digits": 6, "period": 30}

    assert workshop.computed("otpauth.js", PARSED, text) == usual | changed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "linkForeign"),
        ("https://bank.example/otpauth://totp/a?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "linkForeign"),
        ("otpauth://totp/only-a-name", "linkForeign"),
        (link().replace("totp", "hotp"), "linkUnsupported"),
        (link().replace("SHA1", "MD5"), "linkUnsupported"),
        (link().replace("digits=6", "digits=7"), "linkUnsupported"),
        (link().replace("digits=6", "digits=06"), "linkUnsupported"),
        (link().replace("period=30", "period=0"), "linkUnsupported"),
        (link("JBSWY3DPEHPK3PXP"), "linkUnsupported"),
        (link(SECRET * 7), "linkUnsupported"),
        (link(SECRET[:-1]), "linkBroken"),
        (link(SECRET[:-1] + "1"), "linkBroken"),
        (link(""), "linkBroken"),
        (f"{link()}&secret={SECRET}", "linkBroken"),
        (link().replace(f"issuer={quote(ISSUER)}", "issuer=Tjeter"), "linkBroken"),
        (link(account=""), "linkBroken"),
        (link(account="a\u202eb"), "linkBroken"),
        (link(account="a\nb"), "linkBroken"),
        (link(account="a" * 81), "linkBroken"),
        (link().replace("arta", "%E0%A4%A"), "linkBroken"),
    ],
)
def test_any_other_code_is_refused_with_what_to_do(workshop: Phone, text: str, said: str) -> None:
    assert workshop.computed("otpauth.js", PARSED, text) == said


def test_names_from_a_code_are_never_markup(phone: Phone) -> None:
    phone.activate(link(issuer="<img src=x>", account="<b>arta</b>"))

    assert phone.page.locator("#tokens img, #tokens b").count() == 0
    assert "<img src=x>" in phone.page.inner_text("#tokens")


REFUSED = ["000000", "777777", "123456", "234567", "890123", "654321", "321098", "135791", "864208", "121212"]
REFUSED += ["123123", "12341234", "112233", "147258", "159753", "1234567890"]


def test_trivial_pins_are_refused_and_others_are_not(workshop: Phone) -> None:
    said = workshop.computed("pin.js", "input.map(m.problemOf)", [*REFUSED, "493817", "120784", "58204617"])

    assert said == ["pinTrivial"] * len(REFUSED) + [None] * 3


def test_pins_that_are_too_short_too_long_or_no_digits_are_refused(workshop: Phone) -> None:
    said = workshop.computed("pin.js", "input.map(m.problemOf)", ["", "49381", "4938174938174", "49381a", "٤٩٣٨١٧"])

    assert said == ["pinRule"] * 5
