"""Pages from skeletons: byte for byte what the template makes of the same fields, whoever was shown it before."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from idp.web.pages import Pages
from idp.web.skeletons import OFTEN, Skeletons
from tests.web.samples import CATALOGUES, EVERYWHERE, LOCALES, PAGES, REALM, SAMPLES

OFTEN_SHOWN = [sample for sample, (template, _) in SAMPLES.items() if template in OFTEN]
TYPED = st.text(alphabet=st.one_of(st.characters(codec="utf-8"), st.sampled_from("<>&\"'{}%\ue000\ue001")), max_size=30)


def direct(template: str, locale: str, fields: dict[str, Any]) -> bytes:
    """Render without any skeleton: a number is nothing that a shape can hold."""
    return PAGES.render(template, locale=locale, realm=REALM, **fields, unknown=1)


@pytest.mark.parametrize(("sample", "locale"), list(product(OFTEN_SHOWN, LOCALES)))
def test_a_filled_skeleton_is_the_page_that_the_template_makes(sample: str, locale: str) -> None:
    template, own = SAMPLES[sample]
    fields: dict[str, Any] = {**EVERYWHERE, **own}
    wanted = direct(template, locale, fields)
    for _ in range(2):
        assert PAGES.render(template, locale=locale, realm=REALM, **fields) == wanted


@given(username=TYPED, action=TYPED, link=TYPED, label=TYPED, error=st.booleans())
def test_what_stands_in_a_skeleton_is_escaped_as_the_template_escapes_it(
    username: str, action: str, link: str, label: str, *, error: bool
) -> None:
    fields: dict[str, Any] = {
        "username": username,
        "action": action,
        "links": {"register_soft_token": link, "reset_credentials": ""},
        "languages": [{"locale": "sq", "href": link}, {"locale": "en", "href": action}],
        "client": {"name": label, "logo_uri": "", "policy_uri": link, "tos_uri": ""},
        "message": {"key": "invalid_credentials", "params": {}, "kind": "error"} if error else None,
        "can_restart": bool(label),
    }
    assert PAGES.render("login.html", locale="sq", realm=REALM, **fields) == direct("login.html", "sq", fields)


def test_nobody_is_shown_what_another_person_was_shown() -> None:
    pages = Pages(locales=CATALOGUES)
    first = pages.render("login.html", locale="sq", realm=REALM, username="arta", action="/one")
    second = pages.render("login.html", locale="sq", realm=REALM, username="besnik", action="/two")
    assert b"arta" in first
    assert b"/one" in first
    assert b"besnik" in second
    assert b"arta" not in second
    assert b"/one" not in second


def test_a_page_is_rendered_once_for_each_shape() -> None:
    skeletons, rendered = Skeletons(most=2), []

    def page(fields: Any) -> str:
        rendered.append(fields)
        return f"{fields['username']} {fields['asks']}"

    def shown(**fields: object) -> bytes:
        return skeletons.filled(page, "of", fields)

    assert shown(username="a&b", asks="one") == b"a&amp;b one"
    assert shown(username="c", asks="one") == b"c one"
    assert len(rendered) == 1
    assert shown(username="", asks="one") == b" one"
    assert len(rendered) == 2, "a text that is not there is another page"
    assert shown(username="d", asks="two") == b"d two"
    assert shown(username="e", asks="one") == b"e one"
    assert len(rendered) == 4, "the one that was not shown for longest gave way"


@pytest.mark.parametrize("odd", [1, 0.5, Markup("<b>"), {"deep": [Markup("x")]}, "\ue000username\ue001"])
def test_what_is_no_plain_text_is_rendered_each_time(odd: object) -> None:
    skeletons, rendered = Skeletons(), []

    def page(fields: Any) -> str:
        rendered.append(fields)
        return f"{fields['username']} {fields['odd']}"

    for name in ("a", "b"):
        assert skeletons.filled(page, "of", {"username": name, "odd": odd}) == f"{name} {odd}".encode()
    assert len(rendered) == 2
