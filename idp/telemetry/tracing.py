"""Traces by OpenTelemetry: a span for each request, and below it one for each call to the store or to somebody else.

This module is imported only where traces are wanted. A span says which endpoint of ours was asked, by which method, in
which realm, and what came of it; never an address, a parameter, a header, a name or a text of an exception.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from idp import __version__
from idp.model.event import Event
from idp.ports import Clock
from idp.settings.loading import StartError
from idp.settings.management import Telemetry
from idp.telemetry.metrics import code_of
from idp.telemetry.requests import Places
from idp.web.http import Application, Message, Receive, Scope, Send
from idp.web.middleware import Networks

_TRACES = "/v1/traces"
_EXPORT_SECONDS = 3
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_PARENT = (b"traceparent", b"tracestate")
_NANO, _MICRO = 1_000_000_000, 1_000_000
_FAILURE = 500


class Tracing:
    """Makes the spans of this process. Implements `idp.ports.Observer`: what it hears of becomes a finished span."""

    def __init__(
        self,
        settings: Telemetry,
        *,
        clock: Clock,
        trusted: Sequence[str],
        instance: str,
        exporter: SpanExporter | None = None,
    ) -> None:
        """`trusted` are the networks of proxies that may say which trace a request belongs to.

        Raises:
            StartError: the file of headers cannot be used.

        """
        resource = Resource(
            {SERVICE_NAME: settings.service_name, SERVICE_VERSION: __version__, SERVICE_INSTANCE_ID: instance}
        )
        sampler = ParentBased(TraceIdRatioBased(settings.sample_ratio))
        self._provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter or _exporter(settings)))
        self._tracer = self._provider.get_tracer("hyrja", __version__)
        self._clock = clock
        self._proxies = Networks(trusted)
        self._propagator = TraceContextTextMapPropagator()

    def around(self, application: Application, places: Places) -> Application:
        """Return the application with a span around each request."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await application(scope, receive, send)
                return
            place = places.of(scope["path"])
            method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
            attributes = {"http.request.method": method, "http.route": place.endpoint, "hyrja.realm": place.realm}
            span = self._tracer.start_span(
                f"{method} {place.endpoint}",
                context=self._parent(scope),
                kind=SpanKind.SERVER,
                attributes=attributes,
                start_time=self._now(),
                record_exception=False,
                set_status_on_exception=False,
            )
            token = context.attach(trace.set_span_in_context(span))

            async def noticed(message: Message) -> None:
                if message["type"] == "http.response.start":
                    status = message["status"]
                    span.set_attribute("http.response.status_code", status)
                    if status >= _FAILURE:
                        span.set_status(Status(StatusCode.ERROR))
                await send(message)

            try:
                await application(scope, receive, noticed)
            finally:
                context.detach(token)
                span.end(end_time=self._now())

        return traced

    def event(self, event: Event) -> None:
        """Note an event in the span of its request; its transaction leads from the trace to `idp explain`."""
        attributes = {"hyrja.transaction_id": event.transaction_id, "error": code_of(event.error)}
        trace.get_current_span().add_event(event.type, attributes, timestamp=self._now())

    def request(self, realm: str, endpoint: str, status: int, seconds: float) -> None:
        """The span of a request is made around it, not afterwards."""

    def round_trip(self, part: str, verb: str, seconds: float, *, failed: bool) -> None:
        """Make the span of a call to the store."""
        self._finished(f"{part} {verb}", {"db.system.name": part, "db.operation.name": verb}, seconds, failed=failed)

    def outbound(self, kind: str, seconds: float, *, failed: bool) -> None:
        """Make the span of a call to somebody else."""
        self._finished(f"outbound {kind}", {}, seconds, failed=failed)

    def message(self, realm: str, *, failed: bool, gateway: str, price: float, seconds: float) -> None:
        """Make the span of a text message."""
        del price
        attributes = {"hyrja.realm": realm, "hyrja.gateway": gateway}
        self._finished("sms", attributes, seconds, failed=failed)

    def hashed(self, waited: float, took: float) -> None:
        """Make the span of a password that was hashed, with its wait in front."""
        self._finished("hash", {"hyrja.waited_seconds": waited}, waited + took, failed=False)

    async def close(self) -> None:
        """Hand over what is left; a collector that does not answer is waited for some seconds."""
        await asyncio.to_thread(self._provider.shutdown)

    def _finished(self, name: str, attributes: Mapping[str, str | float], seconds: float, *, failed: bool) -> None:
        if not trace.get_current_span().is_recording():
            return  # what happens beside requests (looking for new versions, twice a second) is nobody's trace
        ended = self._now()
        span = self._tracer.start_span(
            name, kind=SpanKind.CLIENT, attributes=attributes, start_time=ended - int(seconds * _NANO)
        )
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end_time=ended)

    def _parent(self, scope: Scope) -> context.Context:
        """Return the trace that a trusted proxy says a request belongs to (W3C Trace Context), or none.

        From anybody else it is not taken: a stranger could join foreign traces, or have every request of theirs traced.
        """
        client = scope.get("client")
        if not client or client[0] not in self._proxies:
            return context.Context()
        carried = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _PARENT}
        return self._propagator.extract(carried, context=context.Context())

    def _now(self) -> int:
        return int(self._clock() * _MICRO) * (_NANO // _MICRO)  # finer than a float of our days can say


def _exporter(settings: Telemetry) -> OTLPSpanExporter:
    session = requests.Session()
    session.trust_env = False  # as everywhere: the proxy variables of the environment lead nothing elsewhere
    return OTLPSpanExporter(
        endpoint=settings.otlp_endpoint.rstrip("/") + _TRACES,
        headers=_headers(settings.headers_file),
        timeout=_EXPORT_SECONDS,
        session=session,
    )


def _headers(file: str) -> dict[str, str]:
    if not file:
        return {}
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "not text"
        raise StartError(f"telemetry.headers_file: {file} cannot be read ({reason}).") from None
    pairs = [line.partition(":") for line in lines if line.strip()]
    if any(not separator or not name.strip() or not value.strip() for name, separator, value in pairs):
        raise StartError(f"telemetry.headers_file: {file} must hold one “Name: value” a line.")
    return {name.strip(): value.strip() for name, _, value in pairs}
