"""The management port of a real process: what a probe and Prometheus are told from its start to its end."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx

from tests.cli.deployment import REALM, Deployment
from tests.patience import PATIENCE
from tests.ports import free_port


def managed(deployment: Deployment) -> str:
    """Give a deployment a management port; return its address."""
    port = free_port()
    text = deployment.config.read_text(encoding="utf-8")
    deployment.config.write_text(f"{text}\n[management]\nport = {port}\n", encoding="utf-8")
    return f"http://127.0.0.1:{port}"


def test_a_process_tells_how_it_is_on_a_port_of_its_own(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    address = managed(deployment)
    with deployment.serving() as process:
        assert httpx.get(f"{address}/health/live", timeout=PATIENCE).json() == {"status": "live"}
        ready = httpx.get(f"{address}/health/ready", timeout=PATIENCE)
        assert (ready.status_code, ready.json()) == (200, {"status": "ready", "parts": {"sqlite": {"ok": True}}})
        httpx.get(f"{deployment.origin}/realms/{REALM}/protocol/openid-connect/certs", timeout=PATIENCE)
        metrics = httpx.get(f"{address}/metrics", timeout=PATIENCE).text
        for path in ("/health/live", "/health/ready", "/metrics"):
            assert httpx.get(f"{deployment.origin}{path}", timeout=PATIENCE).status_code == 404
        assert process.end(signal.SIGTERM) == 0
        assert process.output == ""
    count = f'hyrja_request_seconds_count{{endpoint="certs",realm="{REALM}",status="2xx"}} 1.0'
    assert count in metrics
    assert 'hyrja_store_seconds_count{outcome="ok",part="sqlite",verb="commit"}' in metrics
    assert f'hyrja_events_total{{error="",realm="{REALM}",type="REGISTER"}} 2.0' in metrics


def test_a_process_that_drains_says_so_while_it_still_serves(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    address = managed(deployment)
    deployment.change("[store]", "drain_seconds = 600\n[store]")
    with deployment.serving() as process:
        process.send(signal.SIGTERM)
        while (ready := httpx.get(f"{address}/health/ready", timeout=PATIENCE)).status_code == 200:
            pass
        assert (ready.status_code, ready.json()["status"]) == (503, "draining")
        assert httpx.get(f"{address}/health/live", timeout=PATIENCE).status_code == 200
        issuer = f"{deployment.origin}/realms/{REALM}"
        assert httpx.get(f"{issuer}/.well-known/openid-configuration", timeout=PATIENCE).status_code == 200
        process.send(signal.SIGINT)
        assert process.wait() == 0
