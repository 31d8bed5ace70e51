"""A real Keycloak reads what we export, writes it again, and we read that: nothing of the realm has changed.

`HYRJA_TEST_KEYCLOAK` names an unpacked distribution (docs/performance.md says where it comes from). It takes some
minutes: Keycloak builds itself, imports and exports, each in a process of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from idp.flows.compiler import compile_realm
from idp.model.finding import Severity
from idp.realms.loading import LoadedRealm, load_files
from tests.realms import keycloak_shapes
from tests.realms.alike import surprises
from tests.realms.documents import ROOT, SURROUNDINGS

VARIABLE = "HYRJA_TEST_KEYCLOAK"
NAMED = os.environ.get(VARIABLE)
PATIENCE = 1800.0  # seconds: it only ends what would hang
HEAP = "-Xms128m -Xmx512m"
OURS = ("small-business", "sme-corporate", "conformance")
NEW = "new"
"""A realm of which nothing is said but its name."""

pytestmark = pytest.mark.skipif(NAMED is None, reason=f"{VARIABLE} names no unpacked distribution of Keycloak")


@pytest.fixture(scope="module")
def given() -> dict[str, Any]:
    """The realm files that Keycloak is given, by the names of their realms."""
    documents = {name: json.loads((ROOT / "realms" / f"{name}.json").read_text(encoding="utf-8")) for name in OURS}
    for document in documents.values():
        document.pop("users", None)  # their first passwords are still to be sent, which is a matter of ours
    for version, document in keycloak_shapes.DOCUMENTS.items():
        name = f"shop-{version.replace('.', '-')}"
        moved = json.loads(json.dumps(document).replace("/realms/shop/", f"/realms/{name}/"))
        documents[name] = {**moved, "id": name, "realm": name}
    return {**documents, NEW: {"realm": NEW, "enabled": True}}


@pytest.fixture(scope="module")
def returned(given: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with everything that Keycloak exports after it has imported what it was given."""
    assert NAMED is not None
    folder = tmp_path_factory.mktemp("keycloak")
    home, taken_in, written = folder / "home", folder / "in", folder / "out"
    shutil.copytree(NAMED, home, symlinks=True)
    lists = home / "data" / "password-blacklists"  # an import wants the list that a policy names
    lists.mkdir(parents=True)
    (lists / "common").write_text("password\n")
    taken_in.mkdir()
    for name, document in given.items():
        (taken_in / f"{name}-realm.json").write_text(json.dumps(document), encoding="utf-8")
    _run(home, "import", "--dir", str(taken_in))
    _run(home, "export", "--dir", str(written), "--users", "same_file")
    return written


def _run(home: Path, action: str, *arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 - the script of the distribution that whoever runs this has named
        [str(home / "bin" / "kc.sh"), action, "--db=dev-file", *arguments],
        env={"JAVA_OPTS_APPEND": HEAP, **os.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def read(path: Path) -> LoadedRealm:
    [found] = load_files(path, surroundings=SURROUNDINGS)
    return found


@pytest.mark.parametrize("name", [*OURS, *(f"shop-{v.replace('.', '-')}" for v in keycloak_shapes.DOCUMENTS)])
def test_a_realm_that_went_through_keycloak_means_what_it_meant(
    name: str, given: dict[str, Any], returned: Path, tmp_path: Path
) -> None:
    file = tmp_path / "ours.json"
    file.write_text(json.dumps(given[name]), encoding="utf-8")
    ours, theirs = read(file).realm, read(returned / f"{name}-realm.json").realm
    if name.endswith("6-0-1"):
        # The migration of version 8 also walks through the flows that this import has just added.
        other = dict(ours.flows)
        other.pop("First broker login - Conditional 2FA")
        ours = msgspec.structs.replace(ours, flows=other)
    assert surprises(ours, theirs) == []


@pytest.mark.parametrize("name", [NEW, "master"])
def test_a_realm_that_keycloak_has_just_made_starts_here(name: str, returned: Path) -> None:
    found = read(returned / f"{name}-realm.json")
    flows, findings = compile_realm(found.realm)
    assert flows
    assert [str(one) for one in (*found.findings, *findings) if one.severity is Severity.ERROR] == []


def test_what_customers_log_in_with_comes_back_as_it_went(given: dict[str, Any], returned: Path) -> None:
    for version in ("9.0.3", "16.1.1", "22.0.1", "26.4.5"):
        name = f"shop-{version.replace('.', '-')}"
        [path] = returned.glob(f"{name}-users-*.json")
        [ada] = json.loads(path.read_text(encoding="utf-8"))["users"]
        [known] = given[name]["users"]
        assert [_verified_by(one) for one in ada["credentials"]] == [_verified_by(one) for one in known["credentials"]]


def _verified_by(credential: dict[str, Any]) -> tuple[str, Any, Any]:
    return credential["type"], json.loads(credential["secretData"]), json.loads(credential["credentialData"])
