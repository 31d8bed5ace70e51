"""Opening the log in a test, and putting everything back as it was."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator

import structlog


@contextlib.contextmanager
def log_put_back() -> Iterator[None]:
    """Undo what `idp.cli.serving.log.open_log` does to this process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        structlog.reset_defaults()
        for handler in [handler for handler in root.handlers if handler not in handlers]:
            root.removeHandler(handler)
            if isinstance(handler, logging.StreamHandler) and handler.stream not in {sys.stdout, sys.stderr}:
                handler.stream.close()
        root.handlers[:] = handlers
        root.setLevel(level)
