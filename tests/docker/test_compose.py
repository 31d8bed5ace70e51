"""`docker/`: that what its files name is there, that nobody is root, and that the settings load.

No container is started here: that is said in docs/operations.md. What can be checked without one is checked.
"""

from __future__ import annotations

import json
import re
import runpy
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from idp.cli.main import main
from idp.settings.loading import load

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
COMPOSE: Mapping[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: Mapping[str, Mapping[str, Any]] = COMPOSE["services"]
NODES = ("idp-1", "idp-2")
INSTRUCTION = re.compile(r"^([A-Z]+) ((?:.*\\\n)*.*)$", re.MULTILINE)


def instructions() -> Iterator[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (DOCKER / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    for name, argument in INSTRUCTION.findall(text):
        yield name, argument.replace("\\\n", " ").strip()


def final_stage() -> list[tuple[str, str]]:
    every = list(instructions())
    last = max(place for place, (name, _) in enumerate(every) if name == "FROM")
    return every[last:]


# --- the image


def test_the_image_is_built_of_files_that_are_there_and_that_the_builder_is_sent() -> None:
    sent = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    sources = [
        argument.split()[:-1] for name, argument in instructions() if name == "COPY" and "--from=" not in argument
    ]
    assert sources
    for (source,) in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in sent, source


def test_the_image_runs_as_nobody_in_particular_and_needs_no_shell() -> None:
    final = dict(final_stage())
    user, group = final["USER"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    for name in ("ENTRYPOINT", "CMD"):
        assert isinstance(json.loads(final[name]), list), "a list is started as it is, a text by a shell"
    assert json.loads(final["HEALTHCHECK"].partition("CMD ")[2])
    assert not [argument for name, argument in instructions() if name == "RUN" and not argument.startswith("[")]


def test_only_what_the_lock_file_names_is_installed() -> None:
    installs = [argument for name, argument in instructions() if name == "RUN" and '"install"' in argument]
    assert installs
    for argument in installs:
        assert "--require-hashes" in argument
        assert json.loads(argument)[-2:] == ["-r", "/build/runtime.txt"]


@pytest.mark.parametrize("name", ["ENTRYPOINT", "HEALTHCHECK"])
def test_the_commands_of_the_image_are_commands_of_ours(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    final = dict(final_stage())
    started = json.loads(final["ENTRYPOINT"]) + json.loads(final["CMD"])
    if name == "HEALTHCHECK":
        started = json.loads(final["HEALTHCHECK"].partition("CMD ")[2])
    assert started[1:3] == ["-m", "idp"]
    with pytest.raises(SystemExit) as ended:
        main([started[3], "--help"])
    assert ended.value.code == 0
    assert "--config" in capsys.readouterr().out


# --- the services


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_confined(service: str) -> None:
    found = SERVICES[service]
    user, group = found["user"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert "cap_add" not in found
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "cpus", "pids_limit"} <= set(found)
    assert "privileged" not in found
    # The nodes' is in the image; what runs once and ends has none.
    assert "healthcheck" in found or service in NODES


def test_every_file_that_is_mounted_is_there() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith(".") and "secrets" not in source:
                assert (DOCKER / source).exists(), f"{name}: {source}"
                assert volume.endswith(":ro"), f"{name} may write to {source}"


def test_only_the_proxy_is_published_and_the_stores_are_reached_by_the_nodes_alone() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    networks = COMPOSE["networks"]
    for store in ("mongo", "redis"):
        (network,) = SERVICES[store]["networks"]
        assert networks[network]["internal"] is True
        reached_by = {name for name, service in SERVICES.items() if network in service["networks"]}
        assert reached_by == {*NODES, "mongo", "mongo-init", "redis"}
    assert set(SERVICES["proxy"]["networks"]) == {"front", "public"}


def test_no_secret_stands_in_the_file_and_every_secret_is_declared() -> None:
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", ())}
    assert used == set(COMPOSE["secrets"])
    for service in SERVICES.values():
        for name in service.get("environment", {}):
            assert not re.search(r"PASSWORD|SECRET|KEY|TOKEN", name) or name.endswith("_FILE"), name


def test_the_nodes_are_alike_and_there_are_two() -> None:
    one, other = ({**SERVICES[name], "hostname": ""} for name in NODES)
    assert one == other
    proxy = (DOCKER / "nginx.conf").read_text(encoding="utf-8")
    assert re.findall(r"server (idp-\d):8080", proxy) == list(NODES)
    assert not re.search(r"^\s*(sticky|ip_hash|hash)\b", proxy, re.MULTILINE)


# --- the settings and the secrets


def test_the_settings_of_the_containers_load_and_fit_the_services() -> None:
    settings = load(DOCKER / "production.toml", environment={})
    assert settings.environment == "production"
    assert settings.server.workers > 1
    node = SERVICES["idp-1"]
    given = {f"/run/secrets/{secret}" for secret in node["secrets"]}
    store, secrets = settings.store, settings.secrets
    assert settings.sms.main is not None
    wanted = {store.mongodb_url_file, store.redis_url_file, *secrets.master_key_files, settings.sms.main.secret_file}
    assert wanted == given
    mounted = {volume.split(":")[1] for volume in node["volumes"]}
    assert secrets.vault in mounted
    for file in settings.realms.files:
        assert str(Path(file).parent) in mounted
        assert (ROOT / "realms" / Path(file).name).exists()
    (front,) = COMPOSE["networks"]["front"]["ipam"]["config"]
    assert settings.server.trusted_proxies == (front["subnet"],)


def test_an_idle_connection_is_closed_by_the_proxy_and_never_by_a_node() -> None:
    settings = load(DOCKER / "production.toml", environment={})
    (kept,) = re.findall(r"keepalive_timeout (\d+)s;", (DOCKER / "nginx.conf").read_text(encoding="utf-8"))
    assert int(kept) < settings.server.keep_alive_seconds


def test_the_proxy_passes_on_addresses_and_headers_as_long_as_signed_requests_and_answers_make_them() -> None:
    proxy = (DOCKER / "nginx.conf").read_text(encoding="utf-8")
    for directive in ("large_client_header_buffers 4", "proxy_buffer_size", "proxy_buffers 8"):
        (kib,) = re.findall(rf"^ +{directive} (\d+)k;$", proxy, re.MULTILINE)
        assert int(kib) >= 32, directive


def test_a_node_has_time_to_end_before_it_is_killed() -> None:
    settings = load(DOCKER / "production.toml", environment={})
    assert int(SERVICES["idp-1"]["stop_grace_period"].removesuffix("s")) >= settings.server.drain_seconds + 20


def test_secrets_are_made_once_for_nobody_else_to_read(tmp_path: Path) -> None:
    make = runpy.run_path(str(DOCKER / "make_secrets.py"))
    folder = tmp_path / "secrets"
    make["make"](folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    make["make"](folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert {stat.S_IMODE(path.stat().st_mode) for path in before} == {0o400}
    owned = {name for names in make["OWNERS"].values() for name in names}
    assert owned == set(COMPOSE["secrets"]) | {"vault"}
    assert {path.name for path in folder.iterdir()} == owned - {"sms", "tls-certificate", "tls-key"}
    redis = (folder / "redis-conf").read_text()
    assert (folder / "redis-url").read_text().strip() == f"redis://:{redis.split()[1]}@redis:6379/0"
    assert "appendonly yes" in redis
    assert "maxmemory-policy noeviction" in redis
