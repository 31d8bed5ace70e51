"""docs/operations.md names every metric, and its examples for Prometheus ask for nothing that there is not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from idp.telemetry.families import FAMILIES

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## Metrics\n")[2].partition("\n## ")[0]
FENCED = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES: list[Any] = [yaml.safe_load(text) for text in FENCED.findall(SECTION)]
LABELS = {family.name: set(family.labels) for family in FAMILIES}
LABELS |= {f"{f.name}_{part}": {*f.labels, "le"} for f in FAMILIES if f.bounds for part in ("bucket", "sum", "count")}


def test_every_metric_is_on_the_page_with_its_labels() -> None:
    rows = [line for line in SECTION.splitlines() if line.startswith("| `hyrja_")]
    for family in FAMILIES:
        row = next((row for row in rows if f"`{family.name}`" in row), "")
        assert row, family.name
        assert [label for label in family.labels if f"`{label}`" not in row] == [], family.name


def test_the_examples_for_prometheus_are_yaml_of_its_shape() -> None:
    scrape, alerts = EXAMPLES
    assert scrape["scrape_configs"][0]["static_configs"][0]["targets"]
    rules = alerts["groups"][0]["rules"]
    assert len(rules) == 3
    assert all({"alert", "expr", "annotations"} <= rule.keys() for rule in rules)


def test_every_expression_asks_for_metrics_and_labels_that_there_are() -> None:
    asked = re.findall(r"(hyrja_[a-z_]+)(?:\{([^}]*)\})?", SECTION)
    assert {name for name, _ in asked} <= LABELS.keys()
    selected = [(name, label) for name, inside in asked for label in re.findall(r"(\w+)(?:=~|!~|!=|=)", inside)]
    assert selected
    assert [(name, label) for name, label in selected if label not in LABELS[name]] == []
    grouped = {label for labels in re.findall(r" by \(([^)]*)\)", SECTION) for label in re.split(r",\s*", labels)}
    assert grouped <= {label for labels in LABELS.values() for label in labels}
