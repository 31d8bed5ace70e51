"""Every kind of record has an end that is told to operators: who adds one says when it goes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
BY_NAME = {
    "_kind(purpose)": "first-use/…",
    "SWEEPING": "sweeping",
    "UNFINISHED_COPY": "unfinished-copy",
}
"""Shelves whose kind is not written where they are made."""
WITHOUT_A_SHELF = {"health"}


def kinds() -> set[str]:
    """Return the kinds that the source makes shelves of."""
    found = set()
    for path in (ROOT / "idp").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).partition("[")[0] == "Shelf":
                found.add(_kind(node.args[0]))
    return found | WITHOUT_A_SHELF


def _kind(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        first = node.values[0]
        assert isinstance(first, ast.Constant), ast.unparse(node)
        return f"{first.value!s}…"
    return BY_NAME[ast.unparse(node)]


def told() -> list[str]:
    """Return the kinds of the page's table."""
    section = PAGE.split("## What goes by itself\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return [kind for row in rows for kind in re.findall(r"`([^`]+)`", row)]


def test_every_kind_of_record_stands_in_the_table_once() -> None:
    assert len(kinds()) > 25
    assert sorted(told()) == sorted(kinds())
