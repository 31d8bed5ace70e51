"""Which transaction the lines of the log are of: bound once where a login is found, said by every line after it."""

from __future__ import annotations

import structlog


def lines_are_of(transaction_id: str) -> None:
    """Let every further line of this request, and of what it begins beside itself, name the transaction.

    A line that names one itself keeps it. Each request has a context of its own (the server makes a task of it).
    """
    structlog.contextvars.bind_contextvars(transaction_id=transaction_id)
