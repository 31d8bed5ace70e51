"""How far a long command is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

Shown = Callable[[str, int, int | None], None]
"""Shows what is done, how much of it, and of how much."""


@contextmanager
def shown_progress() -> Iterator[Shown]:
    """Show a bar where somebody looks at a terminal."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=None)

        def shown(what: str, done: int, total: int | None) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield shown
