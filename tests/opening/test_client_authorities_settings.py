"""The authorities of clients' certificates at a start."""

from __future__ import annotations

from pathlib import Path

import pytest

from idp.crypto.client_certificates import NO_AUTHORITIES, read_certificates
from idp.opening.services import client_authorities_of
from idp.settings.loading import StartError, load
from idp.settings.tables import Settings
from tests.certificates import authority, issued

DEVELOPMENT = Path(__file__).parents[2] / "config" / "development.toml"
NOW = 1_800_000_000


def settings(path: Path | str) -> Settings:
    return load(DEVELOPMENT, environment={}, overrides={"server": {"client_ca_file": str(path)}})


def test_without_a_file_there_are_none() -> None:
    assert client_authorities_of(settings("")) is NO_AUTHORITIES


def test_every_authority_of_the_file_counts(tmp_path: Path) -> None:
    path, known = tmp_path / "clients.pem", [authority(), authority("CN=Another")]
    path.write_text("".join(each.pem for each in known))
    found = client_authorities_of(settings(path))
    for each in known:
        found.check(*read_certificates((issued(by=each).der,), now=NOW), now=NOW)


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_authorities_that_cannot_be_read_stop_the_start(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "clients.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StartError, match=r"server\.client_ca_file"):
        client_authorities_of(settings(path))
