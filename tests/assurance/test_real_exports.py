"""Realms that Keycloak itself exported: proved, certified and checked, each by its own flows."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from idp.assurance.certificate import checker
from idp.assurance.certificate.certificate import certificate
from idp.assurance.prover import explore
from idp.realms.files.documents import documents, only
from idp.realms.loading import load_file
from tests.flows.bench import SURROUNDINGS

DATA = os.environ.get("HYRJA_KEYCLOAK_DATA", "")
EXPORTS = sorted((Path(DATA) / "realm-exports").glob("*.json")) if DATA else []


@pytest.mark.skipif(not EXPORTS, reason="HYRJA_KEYCLOAK_DATA names no folder with exports of Keycloak")
@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.stem)
def test_keycloaks_own_flows_let_the_password_alone_set_up_the_second_factor(path: Path) -> None:
    """A token is optional there, and whoever is asked to set one up has shown nothing but the password."""
    proved, file = explore(load_file(path, surroundings=SURROUNDINGS)), only(documents(path))
    made = json.loads(json.dumps(certificate(proved, file)))
    (weak,) = checker.check(made, file)
    assert (weak["level"], weak["holding"]) == (2, ["password"])
    one = next(one for one in proved.proof.weak if one.level == 2)
    assert any("CONFIGURE_TOTP" in ceremony.steps and "otp" in ceremony.gives for ceremony in one.script)
