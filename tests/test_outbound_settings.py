"""The settings of outbound calls at a start: what is believed, what is refused, what is said aloud."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog

from idp.app import StartError, _outbound
from idp.settings import Outbound, Settings, load

DEVELOPMENT = Path(__file__).parents[1] / "config" / "development.toml"


def settings(**outbound: Any) -> Settings:
    return load(DEVELOPMENT, environment={}, overrides={"outbound": outbound})


def logged(configured: Settings) -> list[MutableMapping[str, Any]]:
    lines: list[MutableMapping[str, Any]] = []

    def keep(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> str:
        lines.append(dict(line))
        raise structlog.DropEvent

    log = structlog.wrap_logger(None, processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(0))
    _outbound(configured, log)
    return lines


def test_nothing_inside_is_called_unless_somebody_says_so_and_then_the_log_names_it() -> None:
    assert settings().outbound == Outbound(ca_bundle="", allow_loopback=False, timeout_seconds=3.0)
    assert logged(settings()) == []
    assert [line["setting"] for line in logged(settings(allow_loopback=True))] == ["outbound.allow_loopback"]


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_authorities_that_cannot_be_read_stop_the_start(tmp_path: Path, content: str | None) -> None:
    bundle = tmp_path / "authorities.pem"
    if content is not None:
        bundle.write_text(content, encoding="utf-8")
    with pytest.raises(StartError, match=r"outbound\.ca_bundle"):
        logged(settings(ca_bundle=str(bundle)))
