"""What docs/operations.md tells Prometheus, read and evaluated by its own `promtool` (Debian: `prometheus`)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.telemetry.test_documentation import EXAMPLES

PROGRAM = shutil.which("promtool")
pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="promtool is not installed (Debian: apt-get install prometheus)"
)
FAILS, SPENDS = "hyrja_logins_total", "hyrja_sms_spend_total"
SCRAPE, ALERTS = EXAMPLES


def promtool(*arguments: str, folder: Path) -> None:
    assert PROGRAM is not None
    done = subprocess.run(  # noqa: S603 - Prometheus's own tool
        [PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(ALERTS), encoding="utf-8")
    (tmp_path / "prometheus.yml").write_text(
        yaml.safe_dump({**SCRAPE, "rule_files": ["rules.yml"]}),
        encoding="utf-8",
    )
    return tmp_path


def evaluated(folder: Path, series: dict[str, str], *expected: dict[str, Any]) -> None:
    """Let time pass over the series, a value a minute, and compare what is alerted at some moments."""
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": list(expected),
    }
    document = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}
    (folder / "tests.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    promtool("test", "rules", "tests.yml", folder=folder)


def quiet(alert: str, at: str) -> dict[str, Any]:
    return {"eval_time": at, "alertname": alert, "exp_alerts": []}


def alerted(alert: str, at: str, summary: str, **labels: str) -> dict[str, Any]:
    told = [{"exp_labels": labels, "exp_annotations": {"summary": summary}}]
    return {"eval_time": at, "alertname": alert, "exp_alerts": told}


def test_prometheus_can_read_both_examples(folder: Path) -> None:
    promtool("check", "rules", "rules.yml", folder=folder)
    promtool("check", "config", "prometheus.yml", folder=folder)


def test_an_alert_is_raised_where_most_logins_of_a_realm_fail_and_not_where_few_do(folder: Path) -> None:
    evaluated(
        folder,
        {
            f'{FAILS}{{realm="bank",outcome="access_denied",step="sms-otp"}}': "0+60x60",
            f'{FAILS}{{realm="bank",outcome="logged_in",step=""}}': "0+20x60",
            f'{FAILS}{{realm="shop",outcome="access_denied",step="sms-otp"}}': "0+20x60",
            f'{FAILS}{{realm="shop",outcome="single_sign_on",step=""}}': "0+60x60",
        },
        quiet("LoginsFail", "5m"),
        alerted("LoginsFail", "30m", "More than half of the logins of bank are refused", realm="bank"),
    )


def test_an_alert_is_raised_where_one_node_cannot_reach_a_part_of_the_store(folder: Path) -> None:
    evaluated(
        folder,
        {
            'hyrja_store_ok{part="redis",instance="one"}': "1x20",
            'hyrja_store_ok{part="redis",instance="other"}': "1x5 0x5 1x10",
            'hyrja_store_ok{part="mongodb",instance="one"}': "1x20",
        },
        quiet("StorePartDown", "5m"),
        alerted("StorePartDown", "8m", "redis does not serve some node", part="redis"),
        quiet("StorePartDown", "15m"),
    )


def test_an_alert_is_raised_where_messages_cost_much_more_than_yesterday(folder: Path) -> None:
    evaluated(
        folder,
        {f'{SPENDS}{{realm="bank"}}': "0+1x1500 1520+20x60", f'{SPENDS}{{realm="shop"}}': "0+1x1560"},
        quiet("SmsSpendUnusual", "1500m"),
        alerted(
            "SmsSpendUnusual",
            "1560m",
            "Text messages of bank cost three times as much as yesterday at this hour",
            realm="bank",
        ),
    )
