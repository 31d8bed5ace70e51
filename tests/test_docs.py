"""What the pages say about the project is there: the tests they cite, the files they point to."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CITED_TEST = re.compile(r"\b(?:(?P<file>tests/[\w/]+\.py)::)?(?P<name>test_[a-z0-9_]+)\b(?!\.py)")
DEFINED_TEST = re.compile(r"^\s*(?:async )?def (test_\w+)\(", re.MULTILINE)
LINK = re.compile(r"\]\((?P<markdown>[^)\s]+)\)|(?:src|href)=\"(?P<html>[^\"]+)\"")
LINE_OF_THE_LOG = re.compile(r"(?:log|get_logger\(\))\.(?:info|warning|error|exception)\(\s*\"([^\"]+)\"")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = re.compile(r"[a-z]+:|#")


@cache
def places_of_tests() -> dict[str, set[str]]:
    """Return where each test stands, by its name."""
    places: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for name in DEFINED_TEST.findall(path.read_text(encoding="utf-8")):
            places.setdefault(name, set()).add(path.relative_to(ROOT).as_posix())
    return places


@cache
def anchors(page: Path) -> set[str]:
    """Return how the headings of a page are linked to, as the usual viewers of Markdown make it of their words."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return set(words) | set(re.findall(r"\bid=\"([^\"]+)\"", page.read_text(encoding="utf-8")))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_line_of_the_log_stands_in_the_table_of_the_operators() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    table = set(re.findall(r"`([^`]+)`", page.split("\n## Logs\n")[1].split("\n## ")[0]))
    written = {
        event
        for path in (ROOT / "idp").rglob("*.py")
        for event in LINE_OF_THE_LOG.findall(path.read_text(encoding="utf-8"))
    }
    assert "worker serves" in written
    assert not written - table


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_test_that_a_page_cites_exists(page: Path) -> None:
    places = places_of_tests()
    files = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    cited = [(m["file"], m["name"]) for m in CITED_TEST.finditer(page.read_text(encoding="utf-8"))]
    missing = [
        f"{file or ''}::{name}"
        for file, name in cited
        if name not in files and (name not in places or (file is not None and file not in places[name]))
    ]
    assert not missing, f"{named(page)} cites tests that do not exist"


def test_the_auditors_page_cites_the_tests_that_show_what_it_claims() -> None:
    """The claim of each row of the requirements' table rests on a test, or the row has no place in it."""
    page = (ROOT / "docs/auditors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([PNV]\d\d[^|]*)\|(.*)$", page, re.MULTILINE)
    assert len(rows) > 20
    assert [requirement for requirement, row in rows if not CITED_TEST.search(row)] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_to_the_project_leads_to_a_file(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    links = [match["markdown"] or match["html"] for match in LINK.finditer(text)]
    paths = [unquote(link.partition("#")[0]) for link in links if not ELSEWHERE.match(link)]
    assert [path for path in paths if not (page.parent / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_into_a_page_leads_to_a_heading(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    lost = []
    for match in LINK.finditer(text):
        target, _, place = (match["markdown"] or match["html"]).partition("#")
        there = page.parent / target if target else page
        if ":" not in target and place and there.suffix == ".md" and place not in anchors(there):
            lost.append(match[0])
    assert lost == []


def test_each_decision_has_a_number_of_its_own() -> None:
    numbers = [path.name.partition("-")[0] for path in sorted((ROOT / "docs/decisions").glob("*.md"))]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_the_pages_name_no_machine() -> None:
    """A page is read by strangers: paths of the machine it was written on mean nothing to them."""
    machine = re.compile(r"(?<![\w.])/(?:work|root|home|tmp)/")
    assert [named(page) for page in PAGES if machine.search(page.read_text(encoding="utf-8"))] == []
