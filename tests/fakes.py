"""What stands in for the outside world in tests."""

from __future__ import annotations


class FakeClock:
    """A clock that moves only when a test moves it. It is a `idp.ports.Clock`."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let that much time pass; a negative number sets the clock back."""
        self._now += seconds
