"""Three-way merging: a change of one side is taken, of both sides is a conflict with its pointer."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from idp.realms.exchange.merging import merged, with_kept_secrets
from idp.realms.exchange.secret_places import MASK

BASE: dict[str, Any] = {
    "realm": "r",
    "accessTokenLifespan": 300,
    "clients": [{"clientId": "a", "name": "A", "redirectUris": ["x"]}, {"clientId": "b", "name": "B"}],
    "attributes": {"one": "1"},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["x", "y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


def changed(**more: Any) -> dict[str, Any]:
    return copy.deepcopy(BASE) | more


def test_each_side_keeps_its_own_change() -> None:
    live, incoming = changed(accessTokenLifespan=60), copy.deepcopy(BASE)
    live["clients"][0]["name"] = "live"
    incoming["clients"][1]["name"] = "incoming"
    incoming["attributes"]["two"] = "2"
    result = merged(BASE, live, incoming, prefer=None)
    assert result.conflicts == ()
    assert result.document["accessTokenLifespan"] == 60
    assert [client["name"] for client in result.document["clients"]] == ["live", "incoming"]
    assert result.document["attributes"] == {"one": "1", "two": "2"}


def test_a_place_that_both_changed_is_a_conflict_with_its_pointer() -> None:
    live, incoming = copy.deepcopy(BASE), copy.deepcopy(BASE)
    live["clients"][1]["name"], incoming["clients"][1]["name"] = "ours", "theirs"
    result = merged(BASE, live, incoming, prefer=None)
    assert result.conflicts == ("/clients/1/name",)
    assert merged(BASE, live, incoming, prefer="ours").document["clients"][1]["name"] == "ours"
    assert merged(BASE, live, incoming, prefer="theirs").document["clients"][1]["name"] == "theirs"


def test_the_same_change_on_both_sides_is_none_to_decide() -> None:
    assert merged(BASE, changed(realm="s"), changed(realm="s"), prefer=None).conflicts == ()


def test_what_the_file_no_longer_has_goes_and_what_only_is_live_stays() -> None:
    live, incoming = copy.deepcopy(BASE), copy.deepcopy(BASE)
    live["clients"].append({"clientId": "made here"})
    del incoming["clients"][1]
    del incoming["attributes"]
    result = merged(BASE, live, incoming, prefer=None)
    assert [client["clientId"] for client in result.document["clients"]] == ["a", "made here"]
    assert "attributes" not in result.document


def test_removed_there_and_changed_here_is_a_conflict() -> None:
    live, incoming = copy.deepcopy(BASE), copy.deepcopy(BASE)
    live["clients"][1]["name"] = "changed"
    del incoming["clients"][1]
    assert merged(BASE, live, incoming, prefer=None).conflicts == ("/clients/1",)


def test_executions_are_one_value_since_their_order_is_their_meaning() -> None:
    def flows(*names: str) -> dict[str, Any]:
        lines = [{"authenticator": name} for name in names]
        return {"authenticationFlows": [{"alias": "f", "authenticationExecutions": lines}]}

    result = merged(flows("a"), flows("a", "b"), flows("c", "a"), prefer=None)
    assert result.conflicts == ("/authenticationFlows/0/authenticationExecutions",)


def test_true_and_one_are_two_values() -> None:
    assert merged({"a": 1}, {"a": 1}, {"a": True}, prefer=None).document == {"a": True}
    assert json.dumps(merged({"a": 1}, {"a": 1}, {"a": True}, prefer=None).document) == '{"a": true}'


@given(OBJECTS, OBJECTS)
def test_where_nothing_changed_here_the_file_counts_and_the_other_way_round(one: Any, other: Any) -> None:
    for base, live, incoming, expected in ((one, one, other, other), (one, other, one, other)):
        result = merged(base, live, incoming, prefer=None)
        assert result.conflicts == ()
        assert json.dumps(result.document, sort_keys=True) == json.dumps(expected, sort_keys=True)


@given(OBJECTS, OBJECTS, OBJECTS)
def test_theirs_and_ours_leave_no_conflict_unnamed(base: Any, live: Any, incoming: Any) -> None:
    ours = merged(base, live, incoming, prefer="ours")
    theirs = merged(base, live, incoming, prefer="theirs")
    assert ours.conflicts == theirs.conflicts
    if not ours.conflicts:
        assert json.dumps(ours.document, sort_keys=True) == json.dumps(theirs.document, sort_keys=True)


def test_a_masked_secret_means_the_live_one_wherever_it_stands_in_the_list() -> None:
    live = {"clients": [{"clientId": "a", "secret": "A"}, {"clientId": "b", "secret": "B"}]}
    incoming = {"clients": [{"clientId": "b", "secret": MASK}, {"clientId": "new", "secret": MASK}]}
    document, unknown = with_kept_secrets(incoming, live)
    assert [client["secret"] for client in document["clients"]] == ["B", MASK]
    assert unknown == ("/clients/1/secret",)


def test_a_masked_value_of_a_component_is_found_by_the_components_id() -> None:
    def keys(value: str) -> dict[str, Any]:
        return {"components": {"k": [{"id": "1", "name": "n", "config": {"privateKey": [value]}}]}}

    assert with_kept_secrets(keys(MASK), keys("key")) == (keys("key"), ())


def test_stars_that_are_no_secret_stay() -> None:
    assert with_kept_secrets({"displayName": MASK}, {"displayName": "x"}) == ({"displayName": MASK}, ())
