"""A whole journey under watch: what is counted is what happened, and nothing that is shown gives anybody away."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from idp.observation import Observation
from idp.settings.management import Telemetry
from idp.telemetry import families
from idp.telemetry.exposition import exposed
from idp.telemetry.figures import Figures
from idp.telemetry.metrics import Metrics
from idp.telemetry.tracing import Tracing
from tests.fakes import FakeClock
from tests.stories.test_canary import Canaries, eight_digits, walk
from tests.stories.world import Customer, World, provider

pytestmark = pytest.mark.anyio
REALM = "small-business"


def priced(document: dict[str, Any]) -> None:
    eight_digits(document)
    document["attributes"] = {**document.get("attributes", {}), "hyrja.sms.prices": "+355=0.035##*=1"}


class Watched:
    """A provider with everybody watching, and what they saw."""

    def __init__(self, world: World, metrics: Metrics, tracing: Tracing, spans: InMemorySpanExporter) -> None:
        self.world = world
        self.metrics = metrics
        self._tracing = tracing
        self._spans = spans

    async def spans(self) -> Sequence[ReadableSpan]:
        await self._tracing.close()  # what is left is handed over
        return self._spans.get_finished_spans()

    @property
    def text(self) -> str:
        """What Prometheus reads."""
        return exposed(Figures(self.metrics).total, accept="")[0].decode()


@contextlib.asynccontextmanager
async def watched(folder: Path, *, trusted: Sequence[str] = ()) -> AsyncIterator[Watched]:
    clock, metrics, spans = FakeClock(), Metrics(), InMemorySpanExporter()
    tracing = Tracing(
        Telemetry(otlp_endpoint="http://127.0.0.1:4318"), clock=clock, trusted=trusted, instance="here", exporter=spans
    )
    watch = Observation(figures=None, tracing=tracing, observers=[metrics, tracing])
    async with provider(folder, edit=priced, clock=clock, observer=watch.observer) as world:
        world.site.application = watch.around(world.site.application, world.site)
        yield Watched(world, metrics, tracing, spans)


async def test_a_journey_is_counted_step_by_step(tmp_path: Path) -> None:
    async with watched(tmp_path) as seen:
        canaries = Canaries()
        await walk(seen.world, canaries)
    numbers = {family: seen.metrics.of(family).numbers for family in families.FAMILIES}
    assert numbers[families.LOGINS][REALM, "logged_in", ""][0] >= 1
    assert numbers[families.SESSIONS][REALM,][0] == numbers[families.LOGINS][REALM, "logged_in", ""][0]
    assert numbers[families.STEPS][REALM, "auth-username-password-form", "passed"][0] >= 1
    assert numbers[families.STEPS][REALM, "password", "invalid_user_credentials"][0] >= 1
    assert numbers[families.GRANTS][REALM, "authorization_code", "ok"][0] == 1
    assert numbers[families.GRANTS][REALM, "authorization_code", "invalid_grant"][0] >= 1
    assert numbers[families.GRANTS][REALM, "refresh_token", "ok"][0] == 1
    assert sum(numbers[families.MESSAGES][REALM, "fake", "sent"][:-1]) >= 2
    assert sum(numbers[families.MESSAGES][REALM, "", "failed"][:-1]) == 1
    sent = sum(numbers[families.MESSAGES][REALM, "fake", "sent"][:-1])
    assert numbers[families.SPEND][REALM,][0] == pytest.approx(0.035 * sent)
    assert sum(numbers[families.HASHING][()][:-1]) >= 3
    assert sum(numbers[families.ROUND_TRIPS]["sqlite", "commit", "ok"][:-1]) > 20
    endpoints = {endpoint for _, endpoint, _ in numbers[families.REQUESTS]}
    assert endpoints >= {
        "auth",
        "token",
        "token/introspect",
        "userinfo",
        "revoke",
        "logout",
        "login-actions/authenticate",
    }
    assert "elsewhere" not in endpoints


async def test_metrics_and_spans_of_a_journey_tell_no_secret_and_nobodys_name(tmp_path: Path) -> None:
    canaries = Canaries()
    async with watched(tmp_path) as seen:
        canaries.add("Besnik's first password", Customer(seen.world, "besnik.leka", "+355692000102").password)
        await walk(seen.world, canaries)
        text, spans = seen.text, await seen.spans()
        people = await seen.world.users()
    assert len(canaries.words) > 40
    assert len(spans) > 100
    told = "\n".join([text, *(span.to_json() for span in spans)])
    assert not canaries.found_in(told)
    for person in people:
        for word in (person.id, person.username, person.email, person.last_name, person.phone, person.phone[-7:]):
            assert not word or word not in told, word
    assert "203.0.113.7" not in told, "an address is personal"


async def test_the_spans_of_a_request_are_one_trace_and_lead_to_the_transaction(tmp_path: Path) -> None:
    async with watched(tmp_path) as seen:
        browser = seen.world.browser()
        await browser.open(seen.world.client().request())
        await browser.submit("kc-form-login", username="arta.hoxha", password="not this one")
        events = await seen.world.events()
        spans = await seen.spans()
    failed = next(event for event in events if event.type == "LOGIN_ERROR")
    request = next(span for span in spans if any(note.name == "LOGIN_ERROR" for note in span.events))
    note = next(note for note in request.events if note.name == "LOGIN_ERROR")
    assert note.attributes == {"hyrja.transaction_id": failed.transaction_id, "error": failed.error}
    assert request.name == "POST login-actions/authenticate"
    assert request.parent is None
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "login-actions/authenticate",
        "http.response.status_code": 200,
        "hyrja.realm": REALM,
    }
    below = [span for span in spans if span.parent is not None and span.parent.span_id == request.context.span_id]
    assert {span.name for span in below} >= {"sqlite get", "sqlite commit", "hash"}
    assert {span.context.trace_id for span in below} == {request.context.trace_id}


PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = PARENT.removesuffix("01") + "00"


async def spans_of(folder: Path, *, trusted: Sequence[str], parent: str) -> Sequence[ReadableSpan]:
    """Ask for the keys with a `traceparent`; the browser comes from 203.0.113.7."""
    async with watched(folder, trusted=trusted) as seen:
        await seen.world.browser().http.get(
            f"/realms/{REALM}/protocol/openid-connect/certs", headers={"traceparent": parent}
        )
        return await seen.spans()


async def test_a_trusted_proxy_says_which_trace_a_request_belongs_to(tmp_path: Path) -> None:
    (span,) = await spans_of(tmp_path, trusted=["203.0.113.0/24"], parent=PARENT)
    assert f"{span.context.trace_id:032x}" == PARENT.split("-")[1]
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == PARENT.split("-")[2]


async def test_a_strangers_traceparent_is_not_taken(tmp_path: Path) -> None:
    (span,) = await spans_of(tmp_path, trusted=["10.0.0.0/8"], parent=PARENT)
    assert f"{span.context.trace_id:032x}" != PARENT.split("-")[1]
    assert span.parent is None


async def test_a_trusted_proxy_decides_what_is_traced_and_a_stranger_does_not(tmp_path: Path) -> None:
    (tmp_path / "proxy").mkdir()
    (tmp_path / "stranger").mkdir()
    assert not await spans_of(tmp_path / "proxy", trusted=["203.0.113.0/24"], parent=UNSAMPLED)
    assert await spans_of(tmp_path / "stranger", trusted=[], parent=UNSAMPLED)


async def test_what_is_done_beside_requests_is_no_trace(tmp_path: Path) -> None:
    async with watched(tmp_path) as seen:
        await seen.world.site.store.sweep()
        assert not await seen.spans()
