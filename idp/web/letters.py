"""Letters (e-mail): words and fields become a subject, a plain text and an HTML page, in the reader's language.

The same words in both parts; the HTML loads nothing from anywhere, so that no reader tells when it was opened.
"""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import Environment, StrictUndefined, Template

from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.web.letter_words import LETTERS, Words
from idp.web.locales import SOURCE_LOCALE, Locales
from idp.web.pages import TEMPLATES, RealmView, Wording

_MOMENTS = frozenset({"at"})


class Letter(Frozen, frozen=True, kw_only=True):
    """A letter as it is sent."""

    subject: str
    text: str
    html: str


class Letters:
    """Writes letters in every locale there is a catalogue for."""

    def __init__(self, locales: Locales) -> None:
        self._locales = locales
        self._template = _template()

    def written(self, name: str, *, locale: str, realm: Realm, fields: Mapping[str, str | int]) -> Letter:
        """Write one letter; its name and the fields of its words must be known (KeyError: a bug).

        `link` is where its button leads, `code` what it shows; `at` is in epoch seconds. A realm's own words
        stand in its texts: `letter:<name>:subject`, and `letter:<name>:text` for all paragraphs, cut at empty lines.
        """
        words = LETTERS[name]
        spoken = locale if locale in self._locales.available else SOURCE_LOCALE
        view = RealmView.of(realm, spoken)
        wording = Wording(locale=spoken, translations=self._locales.translations(spoken), realm=view)
        said = {key: wording.moment(value) if key in _MOMENTS else str(value) for key, value in fields.items()}
        if said.get("method"):
            said["method"] = wording.method(said["method"])
        paragraphs = _paragraphs(wording, name, words, said)
        subject = wording.letter(f"{name}:subject", words.subject, said)
        button = wording.letter(f"{name}:button", words.button, said) if words.button else ""
        return Letter(
            subject=subject,
            text=_plain(paragraphs, realm=view, code=said.get("code", ""), link=said.get("link", "")),
            html=self._template.render(
                locale=spoken,
                realm=view,
                subject=subject,
                paragraphs=paragraphs,
                code=said.get("code", ""),
                link=said.get("link", ""),
                button=button,
            ),
        )


def _paragraphs(wording: Wording, name: str, words: Words, said: Mapping[str, str]) -> list[str]:
    own = wording.paragraphs(f"letter:{name}:text")
    if own:
        return [wording.filled(paragraph, said) for paragraph in own]
    return [wording.letter("", paragraph, said) for paragraph in words.paragraphs]


def _plain(paragraphs: list[str], *, realm: RealmView, code: str, link: str) -> str:
    parts = [code, *paragraphs] if code else list(paragraphs)
    if link:
        parts.insert(1, link)
    return "\n\n".join([*parts, "-- \n" + realm.title]) + "\n"


def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string((TEMPLATES / "_letter.html").read_text(encoding="utf-8"))
