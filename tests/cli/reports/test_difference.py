from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from idp.assurance.changes.change import Change, Direction, Topic
from idp.assurance.changes.difference import Difference
from idp.cli.reports.difference import FORMATS

CHANGES = (
    Change(
        topic=Topic.SESSION,
        direction=Direction.WEAKER,
        text="Life of an access token: 300 → 900",
        pointer="/accessTokenLifespan",
        before="300",
        after="900",
    ),
    Change(
        topic=Topic.LOGIN, direction=Direction.STRONGER, text="TOTP is now required for client cards", subject="cards"
    ),
    Change(
        topic=Topic.OTHER,
        direction=Direction.NEUTRAL,
        text="/acme changed",
        pointer="/acme",
        after='"<script>alert(1)</script>"',
    ),
)
FOUND = Difference(realm="bank", labels=("live", "draft <b>"), versions=("a" * 64, "b" * 64), changes=CHANGES)
NOTHING = Difference(realm="bank", labels=("live", "draft"), versions=("a" * 64, "b" * 64), changes=())


class Tags(HTMLParser):
    """The tags of a page, and the addresses in their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "action"}]


def test_the_text_is_in_the_order_of_topics_with_a_word_and_a_shape_for_each_direction() -> None:
    assert FORMATS["text"](FOUND).splitlines() == [
        "bank: live → draft <b>",
        "Who is let in, and by what:",
        "  ▲ stronger  TOTP is now required for client cards",
        "Sessions and lifetimes:",
        "  ▼ weaker    Life of an access token: 300 → 900",
        "      /accessTokenLifespan",
        "Everything else:",
        "  ● neither   /acme changed",
        "      before: nothing",
        '      after:  "<script>alert(1)</script>"',
        "1 change(s) make the realm weaker.",
    ]


def test_machines_are_told_the_same() -> None:
    document = json.loads(FORMATS["json"](FOUND))
    assert [change["direction"] for change in document["changes"]] == ["weaker", "stronger", "neutral"]
    assert document["versions"] == ["a" * 64, "b" * 64]


def test_the_page_loads_nothing_and_nothing_in_it_is_obeyed() -> None:
    page = FORMATS["html"](FOUND)
    tags = Tags(page)
    assert "script" not in tags.tags
    assert "b" not in tags.tags
    assert tags.addresses == []
    assert "url(" not in page
    assert "▼ 1 change(s) make the realm weaker." in page
    for change in CHANGES[:2]:
        assert change.text in page
    assert re.search(r"▼</span> weaker</span>", page), "a word beside the shape"
    assert page == FORMATS["html"](FOUND), "the same page every time"


@pytest.mark.parametrize("form", ["text", "html"])
def test_no_change_is_said(form: str) -> None:
    assert "Nothing changes." in FORMATS[form](NOTHING)


@pytest.mark.parametrize("form", ["text", "html"])
def test_logins_that_were_not_compared_are_said(form: str) -> None:
    found = Difference(
        realm="bank", labels=("a", "b"), versions=("a", "b"), changes=CHANGES, unproven="F-MIXED-LEVEL somewhere"
    )
    assert "F-MIXED-LEVEL somewhere" in FORMATS[form](found)
