"""Structured logging: JSON, one line an event, with UTC times."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from idp.cli.serving.log_outlet import Outlet, way_out
from idp.settings.loading import SettingsError
from idp.settings.tables import Log

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def open_log(settings: Log, *, worker: int | None = None, outlet: Outlet | None = None) -> FilteringBoundLogger:
    """Return the log of this process; library messages go to it too, from warnings up.

    `worker` stands in every line where several processes write to one log. Lines go to `outlet`, or one that is opened.

    Raises:
        SettingsError: the file cannot be written.

    """
    outlet = outlet or open_outlet(settings)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *(() if worker is None else (_told_by(worker),)),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Without the frames' locals: they hold passwords and codes.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(serializer=_line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.level]),
        logger_factory=lambda *_: outlet,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=outlet, level=logging.WARNING, format="%(name)s: %(message)s", force=True)
    log: FilteringBoundLogger = structlog.get_logger()
    return log


def _told_by(worker: int) -> Processor:
    def told(_logger: object, _method: str, line: EventDict) -> EventDict:
        line["worker"] = worker
        return line

    return told


def _line(members: object, **_: object) -> str:
    """Encode a line: the standard library's encoder takes longer than everything else that a line needs."""
    return msgspec.json.encode(members, enc_hook=repr).decode()


def open_outlet(settings: Log) -> Outlet:
    """Open where lines go.

    Raises:
        SettingsError: the file cannot be written.

    """
    if not settings.file:
        return Outlet(way_out(sys.stdout.fileno()))
    path = Path(settings.file)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Outlet(way_out(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), own=True))
    except OSError as error:
        raise SettingsError(f"log.file: {path} cannot be written ({error.strerror}).") from None
