"""The results as a page shows them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from benchmarks.contestants import SQLITE
from benchmarks.page import BEGIN, END, NoPlaceError, placed, results
from benchmarks.plot import Axis, drawn
from benchmarks.report import Report

SVG = "{http://www.w3.org/2000/svg}"
PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


def test_the_picture_is_xml_that_says_what_it_shows(made_up: Report) -> None:
    root = ET.fromstring(drawn(made_up))  # noqa: S314 - our own picture
    named = {element.get("id"): element for element in root}
    for name in str(root.get("aria-labelledby")).split():
        assert named[name].text
    assert root.get("role") == "img"
    words = " ".join(element.text or "" for element in root.iter(f"{SVG}text"))
    assert "discovery" in words
    assert SQLITE in words


def test_the_longer_of_two_bars_is_the_dearer_one(made_up: Report) -> None:
    root = ET.fromstring(drawn(made_up))  # noqa: S314 - our own picture
    bars = [element for element in root.iter(f"{SVG}rect") if element.get("height") == "10"]
    cheap, dear, exchange = (float(bar.get("width", "0")) for bar in bars)
    assert cheap < dear < exchange


def test_an_axis_is_logarithmic_and_what_is_beyond_it_lies_on_its_ends() -> None:
    axis = Axis(low=0.1, high=10.0)
    assert axis.x(1.0) - axis.x(0.1) == pytest.approx(axis.x(10.0) - axis.x(1.0))
    assert axis.x(0.0) == axis.x(0.1)
    assert axis.x(99.0) == axis.x(10.0)
    assert axis.ticks == [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]


def test_a_name_cannot_break_the_picture(made_up: Report) -> None:
    rows = tuple(msgspec.structs.replace(row, scenario=f"<{row.scenario} & co>") for row in made_up.rows)
    ET.fromstring(drawn(msgspec.structs.replace(made_up, rows=rows)))  # noqa: S314 - our own picture


def test_who_did_not_keep_up_has_no_latency_in_table_or_picture(made_up: Report) -> None:
    assert drawn(made_up).count("<circle") == 1
    [line] = [line for line in results(made_up, now=0).splitlines() if line.startswith("discovery, 500 a second")]
    assert re.split(r"\s{2,}", line)[1:] == ["50 / 95 / 99", "behind"]


def test_results_replace_what_stands_between_the_markers_and_nothing_else(made_up: Report) -> None:
    block = results(made_up, now=1_800_000_000)
    assert "2027-01-15" in block
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = placed(text, block)
    assert once.startswith("before\n")
    assert once.endswith("\nafter\n")
    assert "old" not in once
    assert placed(once, block) == once


def test_a_page_without_markers_is_left_alone() -> None:
    with pytest.raises(NoPlaceError):
        placed(f"text {END} {BEGIN}", "block")


def test_the_documentation_has_a_place_for_the_results() -> None:
    assert placed(PAGE.read_text(encoding="utf-8"), "block").count("block") >= 1
