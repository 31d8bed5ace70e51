"""The settings of those who watch a deployment: probes, Prometheus, traces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from idp.settings.table import Table


class Management(Table, frozen=True, kw_only=True):
    """A port for probes and Prometheus: `/health/live`, `/health/ready`, `/metrics`. No customer may reach it."""

    host: str = "127.0.0.1"
    """The address to listen on; any `Host` name is answered there."""
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    """The port; without it there is no health and no metrics, and nothing is measured."""


class Telemetry(Table, frozen=True, kw_only=True):
    """Traces of requests, by OpenTelemetry (the extra `telemetry` of the package)."""

    otlp_endpoint: str = ""
    """A collector that speaks OTLP over HTTP, for instance `http://127.0.0.1:4318`; empty: no traces are made."""
    headers_file: str = ""
    """A file with headers for the collector, one `Name: value` a line; for its access token, say."""
    service_name: str = "hyrja"
    """What traces call this deployment."""
    sample_ratio: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """Which part of the requests is traced, unless a trusted proxy has decided (`traceparent`)."""


def management_problems(management: Management, *, taken: dict[str, int | None]) -> Iterator[str]:
    """Say what cannot be used; `taken` are the ports that customers reach, by the setting's name."""
    for name, port in taken.items():
        if management.port is not None and management.port == port:
            yield f"management.port must be another port than {name}: no customer may reach it."


def telemetry_problems(telemetry: Telemetry) -> Iterator[str]:
    """Say what cannot be used, each with the setting's name."""
    if not telemetry.otlp_endpoint:
        return
    try:
        address = urlsplit(telemetry.otlp_endpoint)
        usable = address.scheme in {"http", "https"} and bool(address.hostname) and address.port != 0
        secretive = address.username is not None or bool(address.query or address.fragment)
    except ValueError:
        usable, secretive = False, False
    if not usable or secretive:
        yield "telemetry.otlp_endpoint must be an address such as http://127.0.0.1:4318, without name and password."
