"""Real exports of Keycloak, where they are at hand: each loads or is refused in words, and none goes unread."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from idp.flows.compiler import compile_realm
from idp.model.finding import Finding
from idp.model.user import User
from idp.oidc.claims.book import ClaimBook
from idp.oidc.claims.writers import Facts
from idp.realms.loading import RealmUnreadableError, load_file
from tests.realms.documents import SURROUNDINGS

VARIABLE = "HYRJA_KEYCLOAK_DATA"
FOLDER = os.environ.get(VARIABLE)
EXPORTS = sorted(Path(FOLDER).glob("realm-exports/**/*.json")) if FOLDER else []
FRAGMENTS = sorted(Path(FOLDER).glob("realm-fragments/**/*.json")) if FOLDER else []

pytestmark = pytest.mark.skipif(FOLDER is None, reason=f"{VARIABLE} does not name a folder of Keycloak's realm files")


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.name)
def test_a_full_export_loads_and_what_is_not_honoured_is_reported(path: Path) -> None:
    found = load_file(path, surroundings=SURROUNDINGS)
    assert found.realm.clients
    assert found.realm.flows
    unknown = {finding.pointer for finding in found.findings if finding.rule == "R-UNKNOWN-KEY"}
    assert not {"/roles", "/groups", "/clientScopes", "/defaultRole", "/scopeMappings"} & unknown
    assert not [pointer for pointer in unknown if "protocolMappers" in pointer]
    flows, findings = compile_realm(found.realm)
    assert flows or findings


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.name)
def test_the_tokens_of_an_exports_client_have_keycloaks_shape(path: Path) -> None:
    realm = load_file(path, surroundings=SURROUNDINGS).realm
    console = realm.clients["security-admin-console"]
    admin = User(id="u", username="admin", created_at=1, realm_roles=("admin", "default-roles-master"))
    book, scope = ClaimBook(realm), ("openid", *console.default_scopes)
    plain = msgspec.structs.replace(console, full_scope_allowed=False, lightweight_access_token=False)
    assert "realm_access" not in book.released(plain, scope, admin, Facts()).claims("access")
    full = msgspec.structs.replace(plain, full_scope_allowed=True)
    released = book.released(full, scope, admin, Facts())
    access = released.claims("access")
    assert {"admin", "create-realm", "offline_access"} <= set(access["realm_access"]["roles"])
    assert "manage-users" in access["resource_access"]["master-realm"]["roles"]
    assert set(released.audience("access")) == {"account", "master-realm"}
    assert access["preferred_username"] == released.claims("id")["preferred_username"] == "admin"
    assert set(book.said(scope).split()) == {"openid", "profile", "email"}


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_part_of_a_realm_file_loads_or_is_refused_in_words(path: Path) -> None:
    findings: tuple[Finding, ...]
    try:
        found = load_file(path, surroundings=SURROUNDINGS)
        findings = (*found.findings, *compile_realm(found.realm)[1])
    except RealmUnreadableError as refused:
        findings = refused.findings
    assert findings
    assert all(finding.problem and finding.repair for finding in findings)
