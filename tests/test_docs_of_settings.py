"""`docs/settings.md` is what the types of the settings say, and each of them says something."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from idp.gateway_settings import Table
from idp.telemetry.families import FAMILIES
from scripts.settings import UndocumentedError, documented

ROOT = Path(__file__).parents[1]


class Half(Table, frozen=True, kw_only=True):
    """A table of which one setting has no docstring."""

    told: int = 1
    """What it is."""
    untold: int = 2


class Whole(Table, frozen=True, kw_only=True):
    """A table with another one in it."""

    inner: Half | None = None
    """The other one."""


def test_the_page_is_what_the_types_say() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "settings.py"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0  # noqa: S603 - the project's own script


@pytest.mark.parametrize(("kind", "name"), [(Half, "untold"), (Whole, "inner.untold")])
def test_a_setting_without_a_docstring_fails_by_its_name(kind: type[msgspec.Struct], name: str) -> None:
    with pytest.raises(UndocumentedError, match=f"^{name}$"):
        documented(kind)


def test_every_metric_is_on_the_page_for_operations() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `hyrja_")]
    assert [family.name for family in FAMILIES if not any(f"`{family.name}`" in row for row in rows)] == []
    for family in FAMILIES:
        row = next(row for row in rows if f"`{family.name}`" in row)
        assert [label for label in family.labels if f"`{label}`" not in row] == [], family.name
