"""The Kubernetes example of docs/operations.md: YAML that says what the page says it says. No cluster is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from idp.settings.loading import load

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"^```yaml\n(apiVersion: apps/v1\n.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
DOCUMENTS: Mapping[str, Any] = {document["kind"]: document for document in yaml.safe_load_all(EXAMPLE)}
POD: Mapping[str, Any] = DOCUMENTS["Deployment"]["spec"]["template"]["spec"]
(IDP,) = POD["containers"]
SETTINGS = load(ROOT / "docker/production.toml", environment={})


def containers() -> Iterator[Mapping[str, Any]]:
    yield from POD["initContainers"]
    yield from POD["containers"]


def test_every_document_is_about_the_same_pods() -> None:
    labels = DOCUMENTS["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert DOCUMENTS["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert DOCUMENTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert DOCUMENTS["Service"]["spec"]["selector"] == labels
    assert DOCUMENTS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels


def test_no_container_is_root_or_may_become_it() -> None:
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["runAsUser"] > 0
    assert POD["automountServiceAccountToken"] is False
    for container in containers():
        confined = container["securityContext"]
        assert confined["readOnlyRootFilesystem"] is True
        assert confined["allowPrivilegeEscalation"] is False
        assert confined["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize(
    ("probe", "path"),
    [("startupProbe", "/health/ready"), ("readinessProbe", "/health/ready"), ("livenessProbe", "/health/live")],
)
def test_probes_ask_what_the_management_port_answers(probe: str, path: str) -> None:
    ports = {port["name"]: port["containerPort"] for port in IDP["ports"]}
    assert ports["management"] == SETTINGS.management.port
    assert ports["http"] == SETTINGS.server.port
    assert IDP[probe]["httpGet"] == {"path": path, "port": "management"}
    assert f"`{path}`" in PAGE


def test_a_pod_has_time_to_end_and_none_is_taken_before_another_one_serves() -> None:
    waits = IDP["lifecycle"]["preStop"]["sleep"]["seconds"] + SETTINGS.server.drain_seconds + 30
    assert POD["terminationGracePeriodSeconds"] >= waits
    assert DOCUMENTS["Deployment"]["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert DOCUMENTS["Service"]["spec"]["sessionAffinity"] == "None"


def test_everything_that_is_mounted_is_a_volume() -> None:
    volumes = {volume["name"] for volume in POD["volumes"]}
    used = {mount["name"] for container in containers() for mount in container["volumeMounts"]}
    assert used == volumes
