from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.realms.masks import MASK, masked, masks_left, unmasked

REALM: dict[str, Any] = {
    "realm": "bank",
    "smtpServer": {"host": "mail.example", "password": "p1"},
    "clients": [
        {"clientId": "a", "name": "Same", "secret": "s1", "attributes": {"client.secret.rotated": "s0"}},
        {"clientId": "b", "name": "Same", "secret": "${vault.b}"},
        {"clientId": "c", "secret": ""},
    ],
    "identityProviders": [{"alias": "eid", "config": {"clientSecret": "s2", "clientId": "bank"}}],
    "components": {"org.keycloak.keys.KeyProvider": [{"name": "rsa", "config": {"privateKey": ["k1", "k2"]}}]},
}


def test_no_secret_is_left_and_nothing_else_is_touched() -> None:
    shown = masked(REALM)
    text = json.dumps(shown)
    for secret in ("p1", "s0", "s1", "s2", "k1", "k2"):
        assert f'"{secret}"' not in text
    assert shown["clients"][1] == REALM["clients"][1], "a placeholder is no secret"
    assert shown["clients"][2] == REALM["clients"][2]
    assert shown["components"]["org.keycloak.keys.KeyProvider"][0]["config"]["privateKey"] == [MASK, MASK]
    assert shown["smtpServer"]["host"] == "mail.example"


def test_what_was_masked_comes_back_whatever_the_order_of_the_entries() -> None:
    shown = masked(REALM)
    assert unmasked(shown, REALM) == REALM
    shown["clients"].reverse()
    assert unmasked(shown, REALM)["clients"] == REALM["clients"][::-1]


def test_a_secret_that_was_changed_is_kept_as_it_was_written() -> None:
    changed = masked(REALM)
    changed["clients"][0]["secret"] = "new"
    assert unmasked(changed, REALM)["clients"][0]["secret"] == "new"


def test_a_mask_for_which_nothing_is_known_is_named_by_its_place() -> None:
    changed = copy.deepcopy(REALM)
    changed["clients"].append({"clientId": "d/e", "secret": MASK})
    changed["identityProviders"][0] = {"alias": "other", "config": {"client~Secret": MASK}}
    left = list(masks_left(unmasked(changed, REALM)))
    assert left == ["/clients/3/secret", "/identityProviders/0/config/client~0Secret"]
    assert list(masks_left(unmasked(masked(REALM), REALM))) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["secret", "name", "clientId", "x"]), inner),
)


@given(JSON)
def test_masking_and_putting_back_is_nothing_at_all(document: Any) -> None:
    assert unmasked(masked(document), document) == document


@pytest.mark.parametrize("live", [None, [], {}, "text", 3])
def test_a_document_of_another_shape_gives_nothing_back(live: Any) -> None:
    assert list(masks_left(unmasked({"clients": [{"clientId": "a", "secret": MASK}]}, live))) == ["/clients/0/secret"]
