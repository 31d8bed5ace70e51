"""Import after export is the identity on the canonical form, whatever stands in the file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.realms.exchange.exporting import exported
from idp.realms.loading import canonical_document
from tests.realms import keycloak_shapes
from tests.realms.documents import ROOT

FOLDER = os.environ.get("HYRJA_KEYCLOAK_DATA")
REAL = sorted(Path(FOLDER).glob("realm-*/**/*.json")) if FOLDER else []
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def same(document: dict[str, Any]) -> bool:
    text = exported(document, instead=None, users=document.get("users"))
    return json.loads(text) == document and canonical_document(json.loads(text)) == canonical_document(document)


@given(st.dictionaries(st.text(), JSON))
def test_any_document_comes_back_as_it_was(document: dict[str, Any]) -> None:
    assert same({key: value for key, value in document.items() if key != "users"})


@pytest.mark.parametrize("version", keycloak_shapes.DOCUMENTS)
def test_documents_of_many_versions_come_back_as_they_were(version: str) -> None:
    assert same(keycloak_shapes.DOCUMENTS[version])


@pytest.mark.parametrize("name", ["small-business", "sme-corporate"])
def test_our_own_realms_come_back_as_they_were(name: str) -> None:
    assert same(json.loads((ROOT / "realms" / f"{name}.json").read_text(encoding="utf-8")))


@pytest.mark.skipif(FOLDER is None, reason="HYRJA_KEYCLOAK_DATA does not name a folder of Keycloak's realm files")
@pytest.mark.parametrize("path", REAL, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_real_files_come_back_as_they_were(path: Path) -> None:
    assert same(json.loads(path.read_text(encoding="utf-8")))


def test_the_same_realm_is_the_same_bytes_whatever_the_order_of_its_keys() -> None:
    one, other = {"realm": "r", "enabled": True}, {"enabled": True, "realm": "r"}
    assert exported(one, instead=None) == exported(other, instead=None)
