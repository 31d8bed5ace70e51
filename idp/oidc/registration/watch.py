"""Keeps the registered clients those of the store: what an operator changes there counts within a second."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from structlog.typing import FilteringBoundLogger

from idp.oidc.provider import Provider
from idp.ports import StoreUnavailableError

_LOOK_EVERY = 0.5  # seconds


async def watch_registrations(providers: Sequence[Provider], log: FilteringBoundLogger) -> None:
    """Look for ever. A realm whose clients cannot be read serves on with those it has."""
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        for provider in providers:
            try:
                await provider.registrations.follow()
            except StoreUnavailableError as error:  # a traceback twice a second says nothing more
                log.warning("registered clients not followed", realm=provider.name, reason=str(error))
            except Exception:
                log.exception("registered clients not followed", realm=provider.name)
