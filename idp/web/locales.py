"""Languages: the catalogues under `idp/locales/`, and which of them a person reads.

English is the source language (the msgids themselves). Catalogues are read as `.po` text at start, so that a changed
word needs no build step.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from babel.core import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

DOMAIN = "hyrja"
SOURCE_LOCALE = "en"
CATALOGUES = Path(__file__).parent.parent / "locales"

# A header longer than this is no person's browser; reading it would only cost us time.
_LONGEST_HEADER = 1000
_MOST_RANGES = 32
_LONGEST_RANGE = 35  # RFC 5646 §4.4.1


class Locales:
    """The catalogues that exist, by locale; read once, never changed."""

    def __init__(self, catalogues: dict[str, NullTranslations]) -> None:
        self._catalogues = catalogues

    @classmethod
    def load(cls, directory: Path = CATALOGUES) -> Locales:
        """Read every `<locale>/LC_MESSAGES/hyrja.po` below `directory`."""
        catalogues: dict[str, NullTranslations] = {SOURCE_LOCALE: NullTranslations()}
        for path in sorted(directory.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
            locale = path.parent.parent.name
            catalogues[locale] = read_catalogue(path, locale=locale)
        return cls(catalogues)

    @property
    def available(self) -> tuple[str, ...]:
        """The locales that a page can be shown in."""
        return tuple(self._catalogues)

    def translations(self, locale: str) -> NullTranslations:
        """Return the catalogue of `locale`; raises KeyError where there is none."""
        return self._catalogues[locale]

    @property
    def names(self) -> dict[str, str]:
        """What speakers of each language call it, as the language switch shows it."""
        return {name: (Locale.parse(name, sep="-").language_name or name).capitalize() for name in self._catalogues}

    @staticmethod
    def negotiate(
        *,
        query: str | None = None,
        ui_locales: Sequence[str] = (),
        cookie: str | None = None,
        accept_language: str = "",
        supported: Sequence[str],
        default: str,
    ) -> str:
        """Choose the locale of a page; always one of `supported` (or `default`, if nothing is supported).

        The person's click now (`kc_locale`) wins over the application's wish (`ui_locales`, OpenID Connect Core
        §3.1.2.1), that over an earlier click (the cookie), that over the browser. Junk is passed over.
        """
        wanted = (query or "", *ui_locales[:_MOST_RANGES], cookie or "")
        fallback = default if default in supported or not supported else supported[0]
        return _first_match(wanted, supported) or _acceptable(accept_language, supported, fallback=fallback) or fallback


def read_catalogue(path: Path, *, locale: str) -> NullTranslations:
    """Turn a `.po` file into what gettext reads, without a compiled file on disk."""
    with path.open("rb") as file:
        catalogue = read_po(file, locale=locale, domain=DOMAIN)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled, domain=DOMAIN)


def _first_match(ranges: Iterable[str], supported: Sequence[str]) -> str | None:
    matches = (_lookup(language_range, supported) for language_range in ranges)
    return next((match for match in matches if match is not None), None)


def _lookup(language_range: str, supported: Sequence[str]) -> str | None:
    """Match one range as RFC 4647 §3.4 does (`sq-Latn-AL`, `sq-Latn`, `sq`); then by the language alone."""
    wanted = language_range[:_LONGEST_RANGE].strip().replace("_", "-").lower()
    if not wanted:
        return None
    by_tag = {locale.replace("_", "-").lower(): locale for locale in supported}
    for prefix in _prefixes(wanted):
        if prefix in by_tag:
            return by_tag[prefix]
    # `pt` is content with a realm's `pt-BR`: better than a language that the person may not read at all.
    language = wanted.split("-", 1)[0]
    return next((locale for tag, locale in by_tag.items() if tag.split("-", 1)[0] == language), None)


def _prefixes(tag: str) -> Iterator[str]:
    subtags = tag.split("-")
    for length in range(len(subtags), 0, -1):
        yield "-".join(subtags[:length])


def _acceptable(header: str, supported: Sequence[str], *, fallback: str) -> str | None:
    """Read `Accept-Language` (RFC 9110 §12.5.4): the highest quality first, in order where equal."""
    ranges = [_weighted(part) for part in header[:_LONGEST_HEADER].split(",")[:_MOST_RANGES]]
    welcome = sorted((item for item in ranges if item[1] > 0), key=lambda item: -item[1])
    for language_range, _quality in welcome:
        if language_range == "*":
            return fallback
        match = _lookup(language_range, supported)
        if match is not None:
            return match
    return None


def _weighted(part: str) -> tuple[str, float]:
    """Split `sq-AL;q=0.8`; a quality that is no number between 0 and 1 counts as refused."""
    language_range, _, parameters = part.partition(";")
    name, _, value = parameters.partition("=")
    if name.strip().lower() != "q":
        return language_range.strip(), 1.0
    return language_range.strip(), _quality(value.strip())


def _quality(text: str) -> float:
    digits = text.replace(".", "", 1)
    if not digits.isascii() or not digits.isdigit():
        return 0.0
    quality = float(text)
    return quality if quality <= 1 else 0.0
