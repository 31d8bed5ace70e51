"""Whether this process can be sent requests: what it says of itself, and what the parts of its store say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum

from idp.model.struct import Frozen
from idp.ports import PartHealth

PATIENCE = 1.0
"""Seconds that the store has to say how it is. A probe that waits longer has given up, and others wait behind it."""


class Phase(Enum):
    """Where in its life a process is."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"


class Readiness(Frozen, frozen=True, kw_only=True):
    """What a probe is told."""

    phase: Phase
    parts: tuple[PartHealth, ...] = ()

    @property
    def ready(self) -> bool:
        """Tell whether requests should come here."""
        return self.phase is Phase.SERVING and all(part.ok for part in self.parts)


class Health:
    """The health of this process. `phase` is set by who starts and ends it."""

    def __init__(self, *, patience: float = PATIENCE) -> None:
        self._patience = patience
        self.phase = Phase.STARTING
        self.ask: Callable[[], Awaitable[Sequence[PartHealth]]] | None = None
        """How the store is; None: it is not open."""
        self._asking: asyncio.Task[Sequence[PartHealth]] | None = None

    async def readiness(self) -> Readiness:
        """Say how this process is, within a second: a part that does not answer does not serve."""
        if self.ask is None or self.phase is Phase.STARTING:
            return Readiness(phase=self.phase)
        if self._asking is None:
            # One question for all probes: those of a part that hangs do not pile up in front of it.
            self._asking = asyncio.ensure_future(_asked(self.ask))
        asking = self._asking
        done, _ = await asyncio.wait({asking}, timeout=self._patience)
        if not done:
            return Readiness(phase=self.phase, parts=(_silent("did not answer in time"),))
        if self._asking is asking:  # and not the next one, which somebody began before us
            self._asking = None
        return Readiness(phase=self.phase, parts=tuple(asking.result()))

    async def close(self) -> None:
        """Wait for no answer any more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)


async def _asked(ask: Callable[[], Awaitable[Sequence[PartHealth]]]) -> Sequence[PartHealth]:
    try:
        return await ask()
    except Exception as error:  # noqa: BLE001 - whatever keeps a store from answering keeps it from serving
        # The name alone: a driver's text may quote the address with its password.
        return (_silent(type(error).__name__),)


def _silent(reason: str) -> PartHealth:
    return PartHealth(part="store", ok=False, reason=reason)
