"""`docs/settings.md` is what the types of the settings say, and each of them says something."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from idp.settings.table import Table
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
