"""Flows to draw, and words that stand for themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from idp.assurance.pictures.blocks import Picture
from idp.assurance.pictures.layout import Box, Drawing
from idp.assurance.pictures.reading import read
from idp.assurance.untouched import no_services
from idp.flows.assembly import AssembledRealm
from idp.flows.step import Factor
from idp.flows.tree import Execution, Subflow
from idp.model.flow_kind import FlowKind
from tests.flows.bench import flow, loaded, step, sub, with_flows


class PlainWords:
    """Says keys and names, so that a test reads what was meant."""

    def say(self, key: str, **values: str) -> str:
        return " ".join((key, *values.values()))

    def step(self, authenticator: str) -> str:
        return authenticator

    def factor(self, factor: Factor) -> str:
        return factor.name

    def credential(self, name: str) -> str:
        return name

    def evidence(self, name: str) -> str:
        return name

    def condition(self, condition: Execution, guarded: Subflow) -> str:
        return f"{condition.authenticator} {guarded.alias}?"


def picture(*flows: dict[str, Any], kind: FlowKind = FlowKind.BROWSER) -> Picture:
    """Read the flow that the first of these is, bound to the browser."""
    assembled = AssembledRealm(loaded(with_flows(*flows)).realm, no_services())
    return read(assembled, assembled.flows[flows[0]["alias"]], PlainWords(), kind=kind)


OPTIONAL_TOKEN = (
    flow("login", step("auth-cookie", "ALTERNATIVE"), sub("forms", "ALTERNATIVE"), topLevel=True),
    flow("forms", step("auth-username-password-form"), sub("second", "CONDITIONAL"), topLevel=False),
    flow("second", step("conditional-user-configured"), step("auth-otp-form"), topLevel=False),
)
"""Keycloak's own browser flow, without what is switched off in it."""

FIFTEEN = (
    flow("login", step("auth-cookie", "ALTERNATIVE"), sub("forms", "ALTERNATIVE"), topLevel=True),
    flow(
        "forms",
        step("auth-username-form"),
        sub("first factor"),
        sub("token of those who have one", "CONDITIONAL"),
        sub("second factor"),
        step("soft-token-gate"),
        sub("one more", "CONDITIONAL"),
        topLevel=False,
    ),
    flow("first factor", step("auth-password-form", "ALTERNATIVE"), sub("both", "ALTERNATIVE"), topLevel=False),
    flow("both", step("auth-password-form"), step("sms-otp"), topLevel=False),
    flow("token of those who have one", step("conditional-user-configured"), step("auth-otp-form"), topLevel=False),
    flow(
        "second factor",
        step("auth-otp-form", "ALTERNATIVE"),
        step("sms-otp", "ALTERNATIVE"),
        sub("register and use", "ALTERNATIVE"),
        topLevel=False,
    ),
    flow("register and use", step("sms-otp"), step("soft-token-enrolment"), step("auth-otp-form"), topLevel=False),
    flow(
        "one more",
        step("conditional-user-configured"),
        step("auth-otp-form", "ALTERNATIVE"),
        step("sms-otp", "ALTERNATIVE"),
        topLevel=False,
    ),
)


def boxes(drawing: Drawing, x: float = 0, y: float = 0) -> Iterator[tuple[Box, float, float]]:
    """Yield every box with the place of its axis and its top."""
    for box in drawing.boxes:
        yield box, x, y
    for part in drawing.parts:
        yield from boxes(part.drawing, x + part.x, y + part.y)
