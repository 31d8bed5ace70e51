"""Ports that must not be touched: whatever asks one of them anything has left the realm of pure decisions."""

from __future__ import annotations

from typing import Any

import msgspec

from idp.flows.step import StepServices


class _Untouched:
    """A port that refuses every question: a proof that sent a message or read a store would be no proof."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a proof touched {name}")


def untouched() -> Any:
    """Return a port that refuses every question."""
    return _Untouched()


def no_services() -> StepServices:
    """Return the services of steps that are only ever asked for decisions."""
    ports = {field.name: untouched() for field in msgspec.structs.fields(StepServices) if field.type is not bytes}
    return StepServices(
        **{**ports, "code_key": b"", "site": "", "origin": "", "action_links": "", "token_application": ""}
    )
