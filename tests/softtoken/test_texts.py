"""The application says everything in three languages, and never that a PIN is wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from idp.softtoken.application import FOLDER

if TYPE_CHECKING:
    from tests.softtoken.phone import Phone

SOURCES = {
    path.relative_to(FOLDER).as_posix(): path.read_text(encoding="utf-8")
    for pattern in ("*.html", "*.js")
    for path in sorted(Path(FOLDER).rglob(pattern))
}
ELSEWHERE = "\n".join(source for name, source in SOURCES.items() if name != "texts.js")


@pytest.mark.browser
def test_every_text_is_there_in_every_language(workshop: Phone) -> None:
    texts = workshop.computed("texts.js", "m.TEXTS")

    assert {tuple(languages) for languages in texts.values()} == {("sq", "en", "it")}
    assert [key for key, languages in texts.items() if not all(words.strip() for words in languages.values())] == []


@pytest.mark.browser
def test_every_text_that_is_used_exists_and_every_text_is_used(workshop: Phone) -> None:
    texts = set(workshop.computed("texts.js", "Object.keys(m.TEXTS)"))
    in_page = set(re.findall(r'data-(?:text|label)="(\w+)"', SOURCES["index.html"]))

    assert in_page <= texts
    assert {key for key in texts - in_page if f'"{key}"' not in ELSEWHERE} == set()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("language", "scan", "title"),
    [
        ("sq", "Skano kredencialet për aktivizimin online", "Aktivizoni token-in tuaj"),
        ("en", "Scan credentials for online activation", "Activate your token"),
        ("it", "Scansiona le credenziali per l'attivazione online", "Attivi il suo token"),
    ],
)
def test_the_language_is_switched_and_remembered(phone: Phone, language: str, scan: str, title: str) -> None:
    phone.page.click(f"[data-language={language}]")
    phone.open()

    assert phone.page.get_attribute("html", "lang") == language
    assert phone.page.inner_text("#scan") == scan
    assert phone.page.inner_text("#screen-welcome h1") == title
    assert phone.page.get_attribute("[aria-pressed=true]", "data-language") == language


@pytest.mark.browser
def test_a_message_changes_its_language_too(phone: Phone) -> None:
    phone.paste("something else")
    phone.page.click("[data-language=en]")

    assert "This is not an activation code" in phone.page.inner_text("#activation-error")


def test_nothing_in_the_application_says_that_a_pin_was_wrong() -> None:
    everything = "\n".join(SOURCES.values())

    found = re.findall(
        r"PIN[^\"\n]{0,20}(?:incorrect|is wrong|invalid|i gabuar|i pasaktë|errato|sbagliato)", everything, re.IGNORECASE
    )
    assert found == []


def test_the_application_names_no_other_origin_and_writes_no_markup() -> None:
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)\S+", ELSEWHERE) == []
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", ELSEWHERE) == []


def test_every_import_is_a_file_of_the_application() -> None:
    for name, source in SOURCES.items():
        for imported in re.findall(r'^import .*?from "([^"]+)"', source, re.MULTILINE | re.DOTALL):
            assert imported.startswith("./"), (name, imported)
            assert (FOLDER / name).parent.joinpath(imported).is_file(), (name, imported)
