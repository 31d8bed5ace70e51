from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idp.model.finding import Finding, Severity
from idp.model.flow import Requirement
from idp.realms.files.reading import escaped, parse
from idp.realms.loading import RealmUnreadableError, errors, load, load_file
from tests.realms.documents import ROOT, SURROUNDINGS, demo, findings, loaded


def unreadable(text: str) -> str:
    with pytest.raises(RealmUnreadableError) as refused:
        load(text, surroundings=SURROUNDINGS)
    return str(refused.value)


def findings_of(text: str) -> tuple[Finding, ...]:
    """Return what is wrong with a text, whether or not there is a realm in it; anything else raised is a defect."""
    try:
        return load(text, surroundings=SURROUNDINGS).findings
    except RealmUnreadableError as refused:
        return refused.findings


def test_every_problem_of_a_file_is_told_at_once_with_its_place() -> None:
    found = loaded(
        {
            "realm": "bank",
            "enabled": True,
            "accessTokenLifespan": "five minutes",
            "clients": [{"name": "no id"}, "no object", {"clientId": "a", "redirectUris": "https://a.example"}],
            "authenticationFlows": [{"alias": "f", "authenticationExecutions": [{"requirement": "MAYBE"}]}],
            "users": {"arta": {}},
            "supportedLocales": ["sq", ["en"]],
            "attributes": {"a/b": ["x"]},
        }
    ).findings
    assert {finding.pointer for finding in found if finding.rule == "R-SHAPE"} == {
        "/accessTokenLifespan",
        "/clients/0/clientId",
        "/clients/1",
        "/clients/2/redirectUris",
        "/authenticationFlows/0/authenticationExecutions/0/requirement",
        "/users",
        "/supportedLocales/1",
        "/attributes/a~1b",
    }
    assert all(finding.severity is Severity.ERROR for finding in found if finding.rule == "R-SHAPE")
    assert all(finding.problem.endswith(".") and finding.repair.endswith((".", "}", "]")) for finding in found)


def test_a_wrong_requirement_is_told_with_those_that_exist() -> None:
    def change(document: dict[str, Any]) -> None:
        document["authenticationFlows"][0]["authenticationExecutions"][0]["requirement"] = "required"

    (finding,) = (f for f in findings(change) if f.rule == "R-SHAPE")
    assert finding.pointer == "/authenticationFlows/0/authenticationExecutions/0/requirement"
    assert finding.repair == f"Use one of: {', '.join(r.value for r in Requirement)}."


def test_a_key_that_appears_twice_is_refused_for_one_of_the_two_would_silently_win() -> None:
    message = unreadable('{"realm": "a", "enabled": true, "clients": [{"clientId": "a", "clientId": "b"}]}')
    assert "“clientId” appears twice" in message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "not JSON: Expecting value in line 1, column 1", id="empty"),
        pytest.param('{\n "realm": }', "in line 2, column 11", id="the place of a mistake"),
        pytest.param("[]", "An object is expected here, not a list", id="list"),
        pytest.param("null", "An object is expected here, not null", id="null"),
        pytest.param("{}", "“realm” is missing", id="no name"),
        pytest.param('{"realm": null}', "“realm” is missing", id="null name"),
        pytest.param('{"realm": 5}', "Expected `str`", id="number as a name"),
        pytest.param('{"realm": "a", "x": NaN}', "JSON cannot carry", id="NaN"),
        pytest.param('{"realm": "a", "x": 1e999}', "JSON cannot carry", id="infinity"),
        pytest.param('{"realm": "a", "x": "\\ud800"}', "JSON cannot carry", id="half a character"),
        pytest.param('{"realm": "a", "x": ' + "9" * 5000 + "}", "JSON cannot carry", id="endless number"),
        pytest.param("[" * 100_000, "nested too deeply", id="bottomless"),
        pytest.param('{"realm": "a", "x": ' + "[" * 700 + "]" * 700 + "}", "nested too deeply", id="deep"),
    ],
)
def test_what_cannot_be_a_realm_is_one_clear_sentence(text: str, told: str) -> None:
    message = unreadable(text)
    assert told in message
    assert len(message.splitlines()) == 1


def test_a_file_that_is_not_there_or_not_text_is_unreadable(tmp_path: Any) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "missing.json", tmp_path, tmp_path / "binary.json"):
        with pytest.raises(RealmUnreadableError, match="cannot be read"):
            load_file(path, surroundings=SURROUNDINGS)


def test_an_unknown_key_is_reported_where_it_stands_and_kept_in_the_version() -> None:
    def change(document: dict[str, Any]) -> None:
        document["acessTokenLifespan"] = 60
        document["clients"][0]["fronchannelLogout/x"] = True

    found = [f for f in findings(change) if f.rule == "R-UNKNOWN-KEY"]
    assert {f.pointer for f in found} == {"/acessTokenLifespan", "/clients/0/fronchannelLogout~1x"}
    assert {f.severity for f in found} == {Severity.WARNING}
    assert b"acessTokenLifespan" in loaded(demo(change)).document


def test_a_null_is_an_absent_key() -> None:
    def change(document: dict[str, Any]) -> None:
        document["accessTokenLifespan"] = None
        document["clients"][0]["baseUrl"] = None
        document["attributes"]["x"] = None

    found = loaded(demo(change))
    assert not errors(found.findings)
    assert found.realm.lifespans.access_token == 300
    assert "x" not in found.realm.attributes


@pytest.mark.parametrize(("written", "read"), [("120", 120), (120, 120), ("120.0", 120)])
def test_a_number_may_be_written_as_text(written: object, read: int) -> None:
    assert loaded({"realm": "a", "accessTokenLifespan": written}).realm.lifespans.access_token == read


@pytest.mark.parametrize(("written", "read"), [("true", True), ("false", False), (True, True)])
def test_a_boolean_may_be_written_as_text(written: object, *, read: bool) -> None:
    assert loaded({"realm": "a", "enabled": written}).realm.enabled is read


def test_attributes_and_configurations_may_hold_numbers_and_booleans() -> None:
    def change(document: dict[str, Any]) -> None:
        document["authenticatorConfig"][0]["config"]["digits"] = 6
        document["clients"][0]["attributes"]["use.refresh.tokens"] = False

    realm = loaded(demo(change)).realm
    assert realm.authenticator_config["registration sms"]["digits"] == "6"
    assert not realm.clients["internet-banking"].use_refresh_tokens


def test_a_version_is_the_meaning_of_the_file_and_not_its_users_or_its_spacing() -> None:
    text = (ROOT / "realms" / "small-business.json").read_text(encoding="utf-8")
    version = load(text, surroundings=SURROUNDINGS).realm.version
    reordered = dict(reversed(demo().items()))
    assert loaded(reordered).realm.version == version
    assert loaded(demo(lambda d: d.pop("users"))).realm.version == version
    assert loaded(demo(lambda d: d.update(accessTokenLifespan=299))).realm.version != version


def test_the_document_of_a_version_loads_again_as_the_same_version() -> None:
    first = loaded(demo())
    again = load(first.document.decode(), surroundings=SURROUNDINGS)
    assert again.realm == first.realm
    assert again.document == first.document


def test_a_pointer_escapes_what_it_must() -> None:
    assert escaped("a/b~c") == "a~1b~0c"


def test_parsing_keeps_what_was_written() -> None:
    assert parse('{"b": [1, 2.5, null, true, "ë"]}') == {"b": [1, 2.5, None, True, "ë"]}


KEYS = st.sampled_from(
    [*demo(), *demo()["clients"][0], *demo()["users"][0], "alias", "config", "requirement", "secretData", "type"]
)
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["http://[", "https://a.example/*", "${vault.x}", "${env.X}", "{}", "[]", '{"deliver": "sms"}', "**********"]
    ),
    st.sampled_from(['{"a": Infinity}', '{"a": [1]}', "length(²)", "regexPattern(()", "totp", "password", "²", "-1"]),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | TEXTS, inner), max_leaves=20
)


@given(JSON)
@example({"realm": "a", "attributes": {"acr.loa.map": '{"a": Infinity}'}})
@example({"realm": "a", "attributes": {"acr.loa.map": "[" * 5000}})
@example({"realm": "a", "clients": [{"clientId": "c", "redirectUris": ["http://["], "webOrigins": ["+"]}]})
@example({"realm": "a", "clients": [{"clientId": "c", "attributes": {"access.token.lifespan": "²"}}]})
@example({"realm": "a", "passwordPolicy": "length(²)"})
@example({"realm": "\0", "clients": [{"clientId": "c", "secret": "${vault.x}"}]})
def test_no_json_makes_loading_fail_in_another_way_than_unreadable(document: object) -> None:
    for finding in findings_of(json.dumps(document)):
        assert finding.pointer == "" or finding.pointer.startswith("/")
        assert finding.problem


@given(st.dictionaries(KEYS, JSON, max_size=8), st.sampled_from(sorted(demo())))
def test_no_value_in_a_place_of_a_real_realm_makes_loading_fail(values: dict[str, Any], key: str) -> None:
    document = demo() | values | {"realm": "bank"}
    document["clients"] = [*demo()["clients"], values] if key == "clients" else document["clients"]
    document["users"] = [*demo()["users"], {"username": "x", "credentials": [values]}]
    findings_of(json.dumps(document))


@given(st.text())
def test_no_text_makes_loading_fail_in_another_way_than_unreadable(text: str) -> None:
    assert findings_of(text)
