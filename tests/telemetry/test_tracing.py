"""Traces on their way: a collector on a socket, and what keeps a deployment from having one."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from idp.settings.loading import StartError
from idp.settings.management import Telemetry
from idp.telemetry.requests import Places
from idp.telemetry.tracing import Tracing
from idp.web.http import Receive, Reply, Scope, Send, send_reply
from tests.fakes import FakeClock

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.anyio


class Collector(HTTPServer):
    """Takes spans by OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Collecting)
        self.paths: list[str] = []
        self.tokens: list[str | None] = []
        self.taken: list[ExportTraceServiceRequest] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Collecting(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.paths.append(self.path)
        self.server.tokens.append(self.headers.get("X-Token"))
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.taken.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Write nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def tracing(clock: FakeClock, **settings: object) -> Tracing:
    configured = Telemetry(**settings)  # type: ignore[arg-type] # the fields' types are the tests' to choose
    return Tracing(configured, clock=clock, trusted=(), instance="node-1:7")


async def test_spans_arrive_at_the_collector_with_its_headers_and_our_name(
    tmp_path: Path, clock: FakeClock, collector: Collector
) -> None:
    headers = tmp_path / "headers"
    headers.write_text("X-Token: a token of the collector\n\n")
    made = tracing(
        clock, otlp_endpoint=f"{collector.address}/", headers_file=str(headers), service_name="login of the bank"
    )

    async def broken(_scope: Scope, _receive: Receive, send: Send) -> None:
        clock.advance(0.25)
        made.outbound("post", 0.125, failed=True)
        await send_reply(send, Reply(503))

    places = Places(["/realms/{realm}/protocol/openid-connect/token"], ["bank"])
    transport = httpx.ASGITransport(app=made.around(broken, places))
    async with httpx.AsyncClient(transport=transport, base_url="http://bank") as http:
        await http.request("BREW", "/realms/bank/protocol/openid-connect/token?code=a-code")
    await made.close()
    assert set(collector.paths) == {"/v1/traces"}
    assert set(collector.tokens) == {"a token of the collector"}
    (resource,) = [each for request in collector.taken for each in request.resource_spans]
    named = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert named == {"service.name": "login of the bank", "service.version": "0.1.0", "service.instance.id": "node-1:7"}
    below, request = [span for scope in resource.scope_spans for span in scope.spans]
    assert (request.name, request.status.code) == ("_OTHER token", 2)
    assert request.end_time_unix_nano - request.start_time_unix_nano == 250_000_000
    assert (below.name, below.status.code, below.parent_span_id) == ("outbound post", 2, request.span_id)
    assert below.end_time_unix_nano - below.start_time_unix_nano == 125_000_000
    assert b"a-code" not in b"".join(each.SerializeToString() for each in collector.taken)


@pytest.mark.parametrize("text", ["no colon", ": a value", "Name:", "Name: ë".encode("latin-1")])
def test_a_file_of_headers_that_cannot_be_used_is_named(tmp_path: Path, clock: FakeClock, text: str | bytes) -> None:
    headers = tmp_path / "headers"
    headers.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(StartError, match=f"telemetry.headers_file: {headers}"):
        tracing(clock, otlp_endpoint="http://127.0.0.1:4318", headers_file=str(headers))


def test_a_file_of_headers_that_is_missing_is_named(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(StartError, match="cannot be read"):
        tracing(clock, otlp_endpoint="http://127.0.0.1:4318", headers_file=str(tmp_path / "none"))


WITHOUT = """
import asyncio, sys
sys.modules["opentelemetry"] = None  # as where it is not installed
from pathlib import Path
from msgspec.structs import replace
from idp.settings.management import Telemetry
from idp.observation import observation
from idp.settings.loading import StartError, load

async def main():
    settings = load(Path("config/development.toml"), environment={})
    settings = replace(settings, telemetry=Telemetry(otlp_endpoint="http://127.0.0.1:4318"))
    try:
        async with observation(settings, door=None, clock=lambda: 0.0):
            pass
    except StartError as error:
        print(error)

asyncio.run(main())
"""


def test_traces_that_are_wanted_and_not_installed_are_a_clear_error() -> None:
    done = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        "telemetry.otlp_endpoint is set, but OpenTelemetry is not installed: install hyrja[telemetry], or leave the "
        "setting out.\n"
    )
