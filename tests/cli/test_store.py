"""`idp store` as an operator types it, beside a real server and without one."""

from __future__ import annotations

import asyncio
import json
import re
import stat
import subprocess
from pathlib import Path

import pytest

from idp.app import Outside
from idp.ports import StoreUnavailableError
from idp.settings.loading import load
from idp.stores.opening import open_store
from tests.cli.deployment import REALM, Deployment, command, environment
from tests.stores.mongodb import fresh_url
from tests.stores.redis_server import needs_redis, shared_redis

OPERATIONS = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")


def run(deployment: Deployment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - this Python and this project
        command("store", *arguments),
        cwd=deployment.folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


@pytest.fixture
def store(deployment: Deployment) -> Path:
    return deployment.folder / "store" / "hyrja.sqlite"


def test_a_backup_beside_a_server_is_private_and_says_what_it_holds(deployment: Deployment) -> None:
    with deployment.serving():
        done = run(deployment, "backup", "backup.sqlite", "--config", str(deployment.config))
        assert done.stderr == ""
        assert re.fullmatch(r"backup\.sqlite: \d+ records and \d+ events, read back and whole\.\n", done.stdout)
        assert done.returncode == 0
        again = run(deployment, "backup", "backup.sqlite", "--config", str(deployment.config))
        assert again.returncode == 1
        assert again.stderr.startswith("idp store backup: backup.sqlite exists")
    assert stat.S_IMODE((deployment.folder / "backup.sqlite").stat().st_mode) == 0o600


def test_a_check_counts_what_is_there_and_finds_nothing_wrong(deployment: Deployment) -> None:
    with deployment.serving():
        shown = run(deployment, "check", "--config", str(deployment.config))
        assert shown.returncode == 0, shown.stderr
        assert shown.stdout.endswith("The store is whole.\n")
        assert re.search(rf"^{REALM} +username +\d+$", shown.stdout, re.MULTILINE)
        told = json.loads(run(deployment, "check", "--json", "--config", str(deployment.config)).stdout)
    assert told["problems"] == []
    assert told["counts"][REALM]["user"] == told["counts"][REALM]["username"] > 0


def test_a_damaged_store_is_told_in_a_sentence_and_in_the_status(deployment: Deployment, store: Path) -> None:
    with deployment.serving():
        pass
    run(deployment, "backup", "backup.sqlite", "--config", str(deployment.config))
    deployment.change(str(store), str(deployment.folder / "backup.sqlite"))
    damaged = deployment.folder / "backup.sqlite"
    content = bytearray(damaged.read_bytes())
    content[-4096 * 3 : -4096 * 2] = b"\xff" * 4096
    damaged.write_bytes(content)
    told = run(deployment, "check", "--config", str(deployment.config))
    assert told.returncode == 1
    assert "damaged" in told.stderr or "WRONG" in told.stdout


def test_a_backup_is_put_back_once_the_server_is_stopped(deployment: Deployment, store: Path) -> None:
    with deployment.serving():
        run(deployment, "backup", "backup.sqlite", "--config", str(deployment.config))
        refused = run(deployment, "restore", "backup.sqlite", "--config", str(deployment.config))
        assert refused.returncode == 1
        assert "Another server process" in refused.stderr
    done = run(deployment, "restore", "backup.sqlite", "--config", str(deployment.config))
    assert done.returncode == 0, done.stderr
    assert re.search(r"The store that was there is kept as .*hyrja\.sqlite\.before-\d{8}T\d{6}Z\.\n", done.stdout)
    with deployment.serving():
        assert run(deployment, "check", "--config", str(deployment.config)).returncode == 0
    assert stat.S_IMODE(store.stat().st_mode) == 0o600


def test_a_store_is_copied_into_a_new_one_that_a_server_serves_from(deployment: Deployment, store: Path) -> None:
    new = deployment.folder / "new" / "hyrja.sqlite"
    sides = ("--from", f"sqlite:{store}", "--to", f"sqlite:{new}")
    with deployment.serving():
        refused = run(deployment, "copy", *sides)
        assert refused.returncode == 1
        assert "Another server process" in refused.stderr
    done = run(deployment, "copy", *sides)
    assert done.returncode == 0, done.stderr
    assert "every kind has the number and the hash" in done.stdout
    again = run(deployment, "copy", "--from-config", str(deployment.config), "--to", f"sqlite:{new}")
    assert again.returncode == 1
    assert "The target is not empty" in again.stderr
    deployment.change(str(store), str(new))
    with deployment.serving():
        assert run(deployment, "check", "--config", str(deployment.config)).returncode == 0


@pytest.mark.parametrize(
    ("sides", "says"),
    [
        (("--from", "sqlite:nothing.db", "--to", "sqlite:new.db"), "There is no store"),
        (("--from", "sqlite:one.db", "--to", "sqlite:./one.db"), "the same store"),
        (("--from", "one.db", "--to", "sqlite:new.db"), "A store is sqlite:PATH"),
        (("--from", "mongodb://localhost/hyrja", "--to", "sqlite:new.db"), "with the Redis beside it"),
    ],
)
def test_what_cannot_be_copied_is_refused_before_anything_is_made(
    deployment: Deployment, sides: tuple[str, ...], says: str
) -> None:
    refused = run(deployment, "copy", *sides)
    assert refused.returncode == 1
    assert says in refused.stderr
    assert not (deployment.folder / "new.db").exists()


def test_no_server_serves_from_half_a_copy(deployment: Deployment, store: Path) -> None:
    with deployment.serving():
        pass
    new = deployment.folder / "new.sqlite"
    half = subprocess.run(  # noqa: S603 - this Python and this project
        [*command()[:2], "tests.stores.copying_process", str(store), str(new), "1"],
        env=environment(),
        check=False,
    )
    assert half.returncode < 0, "it died in the middle"
    deployment.change(str(store), str(new))
    refused = subprocess.run(  # noqa: S603 - as above
        command("serve", "--config", str(deployment.config)),
        cwd=deployment.folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "A copy of source into this store is not finished" in refused.stderr


def test_the_documentation_names_every_command_as_it_is_typed(deployment: Deployment, store: Path) -> None:
    """The commands of the page, word by word, with this deployment's paths for the page's."""
    typed = [
        line.removeprefix("$ ").split("   ")[0].split(" # ")[0].strip()
        for line in OPERATIONS.splitlines()
        if line.startswith("$ idp store ")
    ]
    assert {line.split()[2] for line in typed} == {"backup", "restore", "check", "copy"}
    with deployment.serving():
        pass
    for line in typed:
        if "mongodb" in line or "cluster" in line:
            continue  # tests/stores runs those, where there are such servers
        words = line.replace("/var/lib/hyrja/hyrja.sqlite", str(store)).replace("/backup/", f"{deployment.folder}/")
        words = words.replace("/etc/hyrja/production.toml", str(deployment.config))
        words = words.replace("/new/", f"{deployment.folder}/new/")
        done = run(deployment, *words.split()[2:])
        assert done.returncode == 0, f"{line}: {done.stderr}"


def a_cluster(deployment: Deployment, store: Path) -> Path:
    """Return the settings of the same deployment on a MongoDB and a Redis with nothing in them."""
    mongodb, redis = fresh_url(), shared_redis()
    redis.empty()
    cluster = deployment.folder / "cluster.toml"
    text = deployment.config.read_text(encoding="utf-8").replace(
        f'path = "{store}"', f'mongodb_url = "{mongodb}"\nredis_url = "{redis.url}"'
    )
    cluster.write_text(text, encoding="utf-8")
    return cluster


@needs_redis
def test_a_proof_that_was_used_after_a_backup_is_not_used_again_where_the_backup_is_copied(
    deployment: Deployment, store: Path
) -> None:
    with deployment.serving():
        assert run(deployment, "backup", "old.sqlite", "--config", str(deployment.config)).returncode == 0
    used_at, cluster = int(Outside().clock()), a_cluster(deployment, store)
    done = run(deployment, "copy", "--from", "sqlite:old.sqlite", "--to-config", str(cluster))
    assert done.returncode == 0, done.stderr

    async def presented_again() -> bool:
        opened = await open_store(load(cluster, environment={}).store, clock=Outside().clock, use="serve")
        try:
            proofs = opened.realm(REALM).first_use
            return await proofs.first_use("client-assertion", "used", ttl=600, usable_since=used_at)
        finally:
            await opened.close()

    with pytest.raises(StoreUnavailableError, match="used before"):
        asyncio.run(presented_again())


def test_a_file_goes_into_mongodb_and_redis_and_comes_back_as_a_backup(deployment: Deployment, store: Path) -> None:
    with deployment.serving():
        pass
    cluster = a_cluster(deployment, store)
    done = run(deployment, "copy", "--from-config", str(deployment.config), "--to-config", str(cluster))
    assert done.returncode == 0, done.stderr
    assert "every kind has the number and the hash" in done.stdout
    checked = run(deployment, "check", "--json", "--config", str(cluster))
    assert checked.returncode == 0, checked.stderr
    here = json.loads(run(deployment, "check", "--json", "--config", str(deployment.config)).stdout)
    assert json.loads(checked.stdout) == here
    backup = run(deployment, "backup", "cluster.sqlite", "--config", str(cluster))
    assert backup.returncode == 0, backup.stderr
    assert "read back and whole" in backup.stdout
    file = deployment.folder / "cluster.sqlite"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    deployment.change(str(store), str(file))
    again = json.loads(run(deployment, "check", "--json", "--config", str(deployment.config)).stdout)
    assert again["counts"][REALM]["user"] == here["counts"][REALM]["user"]
    assert again["problems"] == []
    back = run(deployment, "restore", "cluster.sqlite", "--config", str(cluster))
    assert back.returncode == 1
    assert "idp store copy --from sqlite:cluster.sqlite" in back.stderr
