"""Languages: which one a person reads, and that nothing is missing in any of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from idp.web.locales import CATALOGUES, Locales
from scripts import extract_texts

SUPPORTED = ("sq", "en", "it")
TRANSLATED = ("sq", "it")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param({}, "sq", id="nothing asked: the realm's default"),
        pytest.param({"query": "it", "ui_locales": ["en"], "cookie": "en", "accept_language": "en"}, "it", id="click"),
        pytest.param({"ui_locales": ["en"], "cookie": "it", "accept_language": "it"}, "en", id="application"),
        pytest.param({"cookie": "it", "accept_language": "en"}, "it", id="earlier click"),
        pytest.param({"accept_language": "en"}, "en", id="browser"),
        pytest.param({"query": "de", "cookie": "it"}, "it", id="an unknown click is passed over"),
        pytest.param({"ui_locales": ["de", "fr", "it-CH"]}, "it", id="the first of the application that we have"),
        pytest.param({"query": "sq-AL"}, "sq", id="region"),
        pytest.param({"query": "sq-Latn-AL"}, "sq", id="script and region"),
        pytest.param({"query": "EN_us"}, "en", id="case and underscore"),
        pytest.param({"accept_language": "de, it;q=0.8, en;q=0.9"}, "en", id="quality"),
        pytest.param({"accept_language": "it;q=0.5,en;q=0.5"}, "it", id="order where quality is equal"),
        pytest.param({"accept_language": "en;q=0, it;q=0.1"}, "it", id="refused"),
        pytest.param({"accept_language": "en;q=0"}, "sq", id="only refused"),
        pytest.param({"accept_language": "de, *;q=0.5"}, "sq", id="anything"),
        pytest.param({"accept_language": "en;q=nan, it;q=2, sq;q=1e9"}, "sq", id="no quality"),
        pytest.param({"accept_language": "en;level=1"}, "en", id="another parameter"),
        pytest.param({"query": "../../etc", "cookie": "\x00", "accept_language": ",;q=,;;="}, "sq", id="junk"),
        pytest.param({"accept_language": "de," * 100_000 + "en"}, "sq", id="endless"),
        pytest.param({"query": "e" * 100_000}, "sq", id="long"),
    ],
)
def test_the_nearest_wish_decides(asked: dict[str, object], expected: str) -> None:
    assert Locales.negotiate(supported=SUPPORTED, default="sq", **asked) == expected  # type: ignore[arg-type]  # a table


def test_a_language_is_better_than_none_of_its_regions() -> None:
    assert Locales.negotiate(query="pt", supported=("en", "pt-BR"), default="en") == "pt-BR"
    assert Locales.negotiate(query="pt-PT", supported=("en", "pt-BR"), default="en") == "pt-BR"
    assert Locales.negotiate(query="pt-br", supported=("pt", "pt-BR"), default="pt") == "pt-BR"


def test_a_default_that_is_not_supported_is_not_chosen() -> None:
    assert Locales.negotiate(supported=("en", "it"), default="sq") == "en"
    assert Locales.negotiate(supported=(), default="sq") == "sq"


header = st.text(alphabet="enitsqEN-_*;=,q0.19 \t\x00ë", max_size=60) | st.text(max_size=40)


@given(
    query=st.none() | header,
    ui_locales=st.lists(header, max_size=4),
    cookie=st.none() | header,
    accept_language=header,
    default=st.sampled_from(["sq", "en", "de", ""]),
)
def test_whatever_is_asked_the_answer_is_a_supported_language(
    query: str | None, ui_locales: list[str], cookie: str | None, accept_language: str, default: str
) -> None:
    chosen = Locales.negotiate(
        query=query,
        ui_locales=ui_locales,
        cookie=cookie,
        accept_language=accept_language,
        supported=SUPPORTED,
        default=default,
    )
    assert chosen in SUPPORTED


def test_languages_call_themselves_by_their_own_names() -> None:
    assert Locales.load().names == {"en": "English", "it": "Italiano", "sq": "Shqip"}


def test_every_language_of_the_guide_is_available() -> None:
    assert set(Locales.load().available) == set(SUPPORTED)


def test_a_language_without_a_catalogue_has_no_texts() -> None:
    with pytest.raises(KeyError):
        Locales.load().translations("de")


def catalogue(locale: str) -> Catalog:
    with (CATALOGUES / locale / "LC_MESSAGES" / "hyrja.po").open("rb") as file:
        return read_po(file, locale=locale)


def texts(locale: str) -> Iterator[tuple[Message, tuple[str, ...], tuple[str, ...]]]:
    """Yield each text with its English and translated forms."""
    for message in catalogue(locale):
        if message.id:
            yield message, forms(message.id), forms(message.string)


def forms(text: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def parameters(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)s|%", text))


def test_the_catalogues_hold_exactly_the_texts_of_the_pages() -> None:
    for path, body in extract_texts.wanted().items():
        assert path.read_bytes() == body, "run: python -m scripts.extract_texts"


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_text_is_translated(locale: str) -> None:
    assert [english for _, english, translated in texts(locale) if not all(translated)] == []
    assert not catalogue(locale).obsolete
    assert [message.id for message, *_ in texts(locale) if message.fuzzy] == []


@pytest.mark.parametrize("locale", TRANSLATED)
def test_a_translation_keeps_the_parameters(locale: str) -> None:
    for _, english, translated in texts(locale):
        assert len(english) == len(translated)
        for one, other in zip(english, translated, strict=True):
            assert parameters(one) == parameters(other), one


@pytest.mark.parametrize("locale", TRANSLATED)
def test_a_translation_ends_as_its_text_does(locale: str) -> None:
    for _, english, translated in texts(locale):
        for one, other in zip(english, translated, strict=True):
            assert one[-1:] in ".?:" or other[-1:] not in ".:"
            assert one[-1:] not in ".?:" or one[-1:] == other[-1:], one
            assert other == other.strip()


@pytest.mark.parametrize("locale", TRANSLATED)
def test_a_translation_is_plain_text(locale: str) -> None:
    for _, english, translated in texts(locale):
        assert not [form for form in (*english, *translated) if re.search(r"[<>&]", form)]


def test_albanian_is_written_with_its_own_letters() -> None:
    """The guide's headlines leave ë and ç out; a bank's page must not."""
    bare = re.compile(
        r"\b(per|perdorues\w*|fjalekalim\w*|dergo\w*|eshte|nje|kete|celes\w*|cdo|gjithe|mbaj\s+ne)\b", re.IGNORECASE
    )
    for _, _, translated in texts("sq"):
        assert not [form for form in translated if bare.search(form)]
