"""What Keycloak 26.4.7 made of files of ours, and of a realm of which it was told nothing but the name.

`keycloak_26_4_7` holds its exports, without the ids, keys and secrets that it makes up. `tests/peers/test_keycloak.py`
asks a Keycloak itself.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from idp.flows.compiler import compile_realm
from idp.model.finding import Severity
from idp.realms.loading import LoadedRealm
from tests.realms.alike import surprises
from tests.realms.documents import Document, demo, loaded

EXPORTS = Path(__file__).parent / "keycloak_26_4_7"
FILES: dict[str, Document] = {"new": {"realm": "new", "enabled": True}, "small-business": demo()}


def returned(name: str) -> LoadedRealm:
    return loaded(json.loads((EXPORTS / f"{name}.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", FILES)
def test_a_file_means_here_what_keycloak_makes_of_it(name: str) -> None:
    assert surprises(loaded(FILES[name]).realm, returned(name).realm) == []


@pytest.mark.parametrize("name", FILES)
def test_what_keycloak_exports_starts(name: str) -> None:
    found = returned(name)
    _, findings = compile_realm(found.realm)
    assert [str(one) for one in (*found.findings, *findings) if one.severity is Severity.ERROR] == []


def test_the_comparison_sees_a_difference() -> None:
    realm = loaded(demo()).realm
    longer = msgspec.structs.replace(realm.lifespans, sso_idle=901)
    assert surprises(realm, msgspec.structs.replace(realm, lifespans=longer)) == ["lifespans.sso_idle: 900 became 901"]
    fewer = {alias: flow for alias, flow in realm.flows.items() if alias != "bank forms"}
    assert surprises(realm, msgspec.structs.replace(realm, flows=fewer)) == ["flows[bank forms]: gone"]
