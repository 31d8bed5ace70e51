"""The settings of outbound calls at a start: what is believed, what is refused, what is said aloud."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from idp.gateways.opening import outbound_of
from idp.settings.loading import StartError, load
from idp.settings.tables import Outbound, Settings

DEVELOPMENT = Path(__file__).parents[1] / "config" / "development.toml"


def settings(**outbound: Any) -> Settings:
    return load(DEVELOPMENT, environment={}, overrides={"outbound": outbound})


def test_nothing_inside_is_called_unless_somebody_says_so() -> None:
    assert settings().outbound == Outbound(ca_bundle="", allow_loopback=False, timeout_seconds=3.0)
    assert settings().test_switches == ()
    assert settings(allow_loopback=True).test_switches == ("outbound.allow_loopback",)


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_authorities_that_cannot_be_read_stop_the_start(tmp_path: Path, content: str | None) -> None:
    bundle = tmp_path / "authorities.pem"
    if content is not None:
        bundle.write_text(content, encoding="utf-8")
    with pytest.raises(StartError, match=r"outbound\.ca_bundle"):
        outbound_of(settings(ca_bundle=str(bundle)))
