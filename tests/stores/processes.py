"""Other processes: a store's promises are about what happens when a process dies, so some tests need one that does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def running(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a module of the tests in a process of its own; it is killed at the end, if it still lives."""
    command = [sys.executable, "-m", f"tests.stores.{module}", *arguments]
    process = subprocess.Popen(  # noqa: S603 - this interpreter, a module of these tests
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
