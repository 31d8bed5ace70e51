"""`docs/dependencies.md` gives a reason for each dependency of `pyproject.toml`, and for no other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
ROW = re.compile(r"^\| `([^`]+)` \|(.+)\|$", re.MULTILINE)
CELLS = 4  # why and where, licence, instead of, would be replaced by
SECTIONS: dict[str, tuple[str, ...]] = {
    "The provider": ("project", "dependencies"),
    "The example relying party": ("project", "optional-dependencies", "examples"),
    "Traces": ("project", "optional-dependencies", "telemetry"),
    "Development": ("dependency-groups", "dev"),
}


def declared(*keys: str) -> list[str]:
    value: Any = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for key in keys:
        value = value[key]
    found = [NAME.match(requirement) for requirement in value]
    return [match[0].lower() for match in found if match is not None]


def section(title: str) -> str:
    page = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    return page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("title", SECTIONS)
def test_the_page_names_what_the_project_declares_and_nothing_else(title: str) -> None:
    assert [name for name, _ in ROW.findall(section(title))] == sorted(declared(*SECTIONS[title]))


@pytest.mark.parametrize("title", SECTIONS)
def test_each_dependency_has_a_reason_a_licence_and_its_alternatives(title: str) -> None:
    incomplete = [
        name
        for name, rest in ROW.findall(section(title))
        if len(cells := rest.split("|")) != CELLS or not all(cell.strip() for cell in cells)
    ]
    assert incomplete == []


def test_every_group_of_dependencies_has_a_section() -> None:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups: set[tuple[str, ...]] = {("project", "dependencies")}
    groups |= {("project", "optional-dependencies", name) for name in document["project"]["optional-dependencies"]}
    groups |= {("dependency-groups", name) for name in document["dependency-groups"]}
    assert groups == set(SECTIONS.values())


@pytest.mark.parametrize("lock", ["runtime", "development"])
def test_every_declared_dependency_is_locked(lock: str) -> None:
    """A lock file that somebody forgot to write anew installs a project that does not start."""
    text = (ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8")
    locked = {name.lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}
    wanted = {*declared("project", "dependencies"), *declared("project", "optional-dependencies", "examples")}
    if lock == "development":
        wanted |= {*declared("dependency-groups", "dev"), *declared("project", "optional-dependencies", "telemetry")}
    assert wanted <= locked
