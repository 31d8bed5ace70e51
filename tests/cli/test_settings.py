"""`idp settings`: what is in force, where it comes from, and nothing that must not be read over a shoulder."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.cli.settings import BLANK, told, without_secrets
from idp.settings.loading import in_environment, in_file, load
from tests.cli.deployment import command, environment

ROOT = Path(__file__).parents[2]
PRODUCTION = ROOT / "config" / "production.toml"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - this Python and this project
        command("settings", *arguments),
        cwd=ROOT,
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_setting_is_told_with_its_source() -> None:
    done = run("--config", str(PRODUCTION), "--format", "json", HYRJA_SERVER__PORT="9000")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["environment"] == {"value": "production", "source": "file"}
    assert found["server.port"] == {"value": 9000, "source": "environment: HYRJA_SERVER__PORT"}
    assert found["server.mutual_tls.base_url"] == {"value": "https://mtls.login.bank.example", "source": "file"}
    assert found["server.mutual_tls.port"] == {"value": None, "source": "default"}
    assert found["mail.server"] == {"value": None, "source": "default"}
    assert found["secrets.master_key_files"]["value"] == ["/run/secrets/hyrja-master-key"]


def test_a_line_is_a_setting_for_a_person_to_read() -> None:
    lines = run("--config", str(PRODUCTION), HYRJA_LOG__LEVEL="debug").stdout.splitlines()
    assert any(line.split() == ["log.level", '"debug"', "(environment:", "HYRJA_LOG__LEVEL)"] for line in lines)
    assert any(line.split() == ["hashing.memory_kib", "19456", "(file)"] for line in lines)


def test_settings_that_cannot_be_used_are_told_as_at_a_start(tmp_path: Path) -> None:
    done = run("--config", str(tmp_path / "none.toml"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"idp: {tmp_path / 'none.toml'} cannot be read: No such file or directory.\n"


def test_no_secret_that_somebody_wrote_into_the_file_is_shown(tmp_path: Path) -> None:
    """Secrets belong into files; who writes one into the settings all the same does not see it printed."""
    text = PRODUCTION.read_text(encoding="utf-8")
    for old, new in (
        (
            "https://sms.gateway.example/v1/messages",
            "https://bank:canary-1@sms.gateway.example/v1?key=canary-2&to={to}",
        ),
        ('{ X-Api-Key = "{secret}" }', '{ X-Api-Key = "canary-3", Authorization = "Bearer canary-4 {secret}" }'),
        ('text = "{text}" }', 'text = "{text}", deep = { pin = "canary-5", number = 4711004711 } }'),
        ('mongodb_url = ""', 'mongodb_url = "mongodb://hyrja:canary-6@a,b/hyrja?replicaSet=rs0"'),
        ('redis_url = ""', 'redis_url = "redis://canary-7@redis?password=canary-8"'),
        ('path = "/var/lib/hyrja/hyrja.sqlite"', 'path = ""'),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = tmp_path / "idp.toml"
    path.write_text(text, encoding="utf-8")
    for form in ("text", "json"):
        shown = run("--config", str(path), "--format", form).stdout
        assert "canary" not in shown
        assert "4711" not in shown
        assert "mongodb://hyrja:•••@a,b/hyrja?replicaSet=rs0" in shown
        assert "https://bank:•••@sms.gateway.example/v1?key=•••&to={to}" in shown
        assert "redis://•••@redis?password=•••" in shown
        assert f'"Authorization": "{BLANK}{{secret}}"' in shown


def test_every_setting_there_is_has_its_line() -> None:
    settings = load(PRODUCTION, environment={})
    names = [one.name for one in told(settings, file=in_file(PRODUCTION), environment=in_environment({}))]
    assert len(names) == len(set(names))
    tables = [name for name in settings.__struct_fields__ if name != "environment"]
    assert {name.partition(".")[0] for name in names} == {"environment", *tables}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://login.bank.example", "https://login.bank.example"),
        ("/var/lib/hyrja.sqlite", "/var/lib/hyrja.sqlite"),
        ("redis://:word@redis:6379/0", "redis://:•••@redis:6379/0"),
        ("redis+sentinel://a,b/service?db=1&Password=x", "redis+sentinel://a,b/service?db=1&Password=•••"),
        ("http://token@collector", "http://•••@collector"),
        ("http://host/#secret", "http://host/#•••"),
        ("mongodb://[broken", "•••"),
        ("a:b@c", "a:b@c"),
    ],
)
def test_an_address_is_shown_without_what_opens_it(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=12), st.sampled_from(["mongodb", "https"]))
def test_no_password_of_an_address_is_shown(password: str, scheme: str) -> None:
    assert password not in without_secrets(f"{scheme}://a:{password}@b/c?d={password}#{password}")
