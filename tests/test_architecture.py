"""The house itself: every file has a room, and no room is too full."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "idp"
SOURCES = sorted(PACKAGE.rglob("*.py"))
PACKAGES = sorted({path.parent for path in SOURCES})
LONGEST_FILE = 500  # lines
LEAN = """
import sys
import structlog  # which itself loads rich, where rich is installed: not ours to choose
before = set(sys.modules)
import idp.cli.main, idp.cli.serving.serve, idp.app
print("\\n".join({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def test_imports_point_down_the_house() -> None:
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-c", command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Imports point down the house KEPT" in done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_package_says_what_it_owns(package: Path) -> None:
    start = package / "__init__.py"
    assert start.exists(), "a folder of code is a package"
    assert ast.get_docstring(ast.parse(start.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_holds_one_idea(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    assert ast.get_docstring(ast.parse(text)), "a file begins with what it is for"


def test_serving_loads_only_what_serving_needs() -> None:
    done = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-c", LEAN], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "uvicorn" in loaded
    assert not loaded & {"prometheus_client", "opentelemetry", "requests"}
    assert not loaded & {"pymongo", "redis", "webauthn", "httpx", "zxcvbn", "rich", "authlib", "playwright", "pytest"}
