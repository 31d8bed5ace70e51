"""Code of the documentation that names a file is that file, and a test runs it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```\w+ (?P<path>\S+/\S+)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = [
    (page.name, found["path"], found["code"])
    for page in sorted((ROOT / "docs").glob("*.md"))
    for found in BLOCK.finditer(page.read_text(encoding="utf-8"))
]
RUN = "\n".join(
    path.read_text(encoding="utf-8")
    for folder in ("", "pages")
    for path in sorted((ROOT / "tests" / "peers" / folder).glob("*.*"))
    if path.suffix in {".py", ".mjs", ".html"}
)


def test_the_documentation_has_recipes() -> None:
    assert len(BLOCKS) >= 3


@pytest.mark.parametrize(("page", "path", "code"), BLOCKS, ids=[f"{page}: {path}" for page, path, _ in BLOCKS])
def test_a_recipe_is_the_file_that_the_tests_run(page: str, path: str, code: str) -> None:
    assert code == (ROOT / path).read_text(encoding="utf-8"), f"{page} differs from {path}"
    assert Path(path).name in RUN, f"no test runs {path}"
