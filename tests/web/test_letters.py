from __future__ import annotations

import pytest

from idp.model.realm import Realm
from idp.web.letter_words import LETTERS
from idp.web.letters import Letter, Letters
from idp.web.locales import Locales

CATALOGUES = Locales.load()
LETTER_WRITER = Letters(CATALOGUES)
FIELDS: dict[str, str | int] = {
    "code": "123456",
    "link": "https://login.bank.example/realms/banka/login-actions/action-token?key=abc",
    "at": 1_800_000_000,
    "minutes": 5,
    "method": "<Kodi & më>",
}


def written(name: str, *, locale: str = "sq", **fields: str | int) -> Letter:
    realm = Realm(name="banka", version="1", display_name="Banka & Bijtë")
    kept = {key: value for key, value in FIELDS.items() if key != "link" or LETTERS[name].button}
    kept = {key: value for key, value in kept.items() if key != "code" or LETTERS[name].code}
    return LETTER_WRITER.written(name, locale=locale, realm=realm, fields={**kept, **fields})


@pytest.mark.parametrize("locale", ["sq", "en", "it"])
@pytest.mark.parametrize("name", LETTERS)
def test_every_letter_can_be_written_in_every_language(name: str, locale: str) -> None:
    letter = written(name, locale=locale)
    assert letter.subject
    assert f'lang="{locale}"' in letter.html
    assert "%(" not in letter.text + letter.html + letter.subject
    if locale != "en":
        assert letter.subject != written(name, locale="en").subject


@pytest.mark.parametrize("name", [name for name, words in LETTERS.items() if words.button])
def test_a_link_stands_in_both_parts(name: str) -> None:
    letter = written(name)
    assert str(FIELDS["link"]) in letter.text
    assert f'href="{FIELDS["link"]}"' in letter.html


def test_a_code_stands_in_both_parts() -> None:
    letter = written("email-otp")
    assert letter.text.startswith("123456\n")
    assert ">123456<" in letter.html


def test_what_is_put_into_the_html_part_is_escaped() -> None:
    letter = written("factor-added")
    assert "<Kodi & më>" in letter.text
    assert "&lt;Kodi &amp; më&gt;" in letter.html
    assert "Banka &amp; Bijtë" in letter.html


def test_a_letter_loads_nothing_from_anywhere() -> None:
    for name in LETTERS:
        assert "src=" not in written(name).html
        assert "url(" not in written(name).html


def test_a_realm_may_use_its_own_words_and_a_stray_percent_sign_breaks_nothing() -> None:
    own = {"letter:password-changed:subject": "100% {at}", "letter:password-changed:text": "Një.\n\nDy: {at} {x}"}
    realm = Realm(name="banka", version="1", texts={"sq": own})
    letter = LETTER_WRITER.written("password-changed", locale="sq", realm=realm, fields={"at": 1_800_000_000})
    assert letter.subject.startswith("100% ")
    assert "{at}" not in letter.text
    assert "Një." in letter.html
    assert "Dy: " in letter.html


def test_a_language_without_a_catalogue_reads_english() -> None:
    assert written("password-changed", locale="de").subject == "Your password was changed"
