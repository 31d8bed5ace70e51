from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from idp.model.finding import Severity
from idp.realms.users.seeds import LONGEST_PASSWORD, DeliveredPassword, HashedPassword, TypedPassword, UserSeed
from tests.realms.documents import brief, demo, findings, loaded

Document = dict[str, Any]
KEYED = {"secretData": '{"value": "GEZDGNBVGY3TQOJQ"}'}
HASH = {"credentialData": json.dumps({"algorithm": "argon2", "hashIterations": 5})}
KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
SALTED = {"secretData": json.dumps({"value": "dmFsdWU=", "salt": "c2FsdA=="})}


def with_user(**changed: object) -> Document:
    return demo(lambda d: d["users"][0].update(changed))


def credential(**given: object) -> Document:
    return with_user(credentials=[given])


def seed(document: Document) -> UserSeed:
    return loaded(document).users[0]


def problems(document: Document) -> list[tuple[str, Severity, str]]:
    return brief([f for f in loaded(document).findings if f.severity is not Severity.ACKNOWLEDGED])


def test_a_first_password_may_be_left_to_be_delivered() -> None:
    found = seed(credential(type="password", temporary=True, credentialData='{"deliver": "sms"}'))
    assert found.password == DeliveredPassword(channel="sms", lifespan=72 * 3600)


def test_a_first_password_may_live_as_long_as_the_file_says() -> None:
    data = '{"deliver": "sms", "lifespanSeconds": 3600}'
    assert seed(credential(type="password", credentialData=data)).password == DeliveredPassword(
        channel="sms", lifespan=3600
    )


def test_a_stored_hash_is_kept_as_keycloak_wrote_it() -> None:
    password = seed(credential(type="password", **HASH, **SALTED)).password
    assert isinstance(password, HashedPassword)
    assert json.loads(password.hashed) == {
        "algorithm": "argon2",
        "hashIterations": 5,
        "additionalParameters": {},
        "value": "dmFsdWU=",
        "salt": "c2FsdA==",
    }


def test_a_password_in_clear_is_a_secret_from_the_first_moment() -> None:
    found = seed(credential(type="password", value="in clear", temporary=True))
    assert isinstance(found.password, TypedPassword)
    assert found.password.temporary
    assert found.password.value.reveal() == "in clear"
    assert "in clear" not in repr(found)


def test_the_key_of_a_token_is_its_text_unless_an_encoding_is_named() -> None:
    plain = {"type": "otp", "credentialData": "{}", "secretData": json.dumps({"value": KEY})}
    (token,) = seed(credential(**plain)).tokens
    assert token.seed == KEY.encode()
    (token,) = seed(credential(**plain | {"credentialData": '{"secretEncoding": "BASE32"}'})).tokens
    assert token.seed == base64.b32decode(KEY)
    assert (token.algorithm, token.digits, token.period) == ("HmacSHA1", 6, 30)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"type": "password"}, id="nothing at all"),
        pytest.param({"type": "password", "credentialData": '{"deliver": "pigeon"}'}, id="unknown channel"),
        pytest.param({"type": "password", "credentialData": '{"deliver": "sms", "lifespanSeconds": "x"}'}, id="life"),
        pytest.param({"type": "password", "credentialData": '{"deliver": "sms", "lifespanSeconds": 0}'}, id="no life"),
        pytest.param({"type": "password", "credentialData": "{"}, id="no JSON"),
        pytest.param({"type": "password", "credentialData": "[]"}, id="a list"),
        pytest.param({"type": "password", "credentialData": "null"}, id="null"),
        pytest.param({"type": "password", **HASH, "secretData": '{"value": "x"}'}, id="no salt"),
        pytest.param({"type": "password", "value": ""}, id="empty password"),
        pytest.param({"type": "password", "value": "x" * (LONGEST_PASSWORD + 1)}, id="endless password"),
        pytest.param({"type": "otp", "credentialData": "{}", "secretData": "{}"}, id="no seed"),
        pytest.param(
            {"type": "otp", "credentialData": "{}", "secretData": '{"value": "thirteen long"}'}, id="short seed"
        ),
        pytest.param({"type": "otp", "credentialData": '{"digits": 7}', **KEYED}, id="digits"),
        pytest.param({"type": "otp", "credentialData": '{"period": 0}', **KEYED}, id="period"),
        pytest.param({"type": "otp", "credentialData": '{"subType": "motp"}', **KEYED}, id="motp"),
        pytest.param({"type": "otp", "credentialData": '{"counter": -1}', **KEYED}, id="counter"),
        pytest.param(
            {"type": "otp", "credentialData": '{"secretEncoding": "BASE32"}', "secretData": '{"value": "1"}'},
            id="no base32",
        ),
    ],
)
def test_a_credential_that_cannot_be_read_is_an_error_at_its_place_that_shows_no_secret(broken: Document) -> None:
    document = credential(**broken)
    errors = [one for one in problems(document) if one[1] is Severity.ERROR]
    assert errors == [("R-USER", Severity.ERROR, "/users/0/credentials/0")]
    found = findings(lambda d: d["users"][0].update(credentials=[broken]))
    (finding,) = (one for one in found if one.rule == "R-USER")
    assert "x" * 20 not in str(finding)


def test_a_credential_of_another_kind_is_reported_and_not_honoured() -> None:
    document = credential(type="kerberos", credentialData="{}")
    assert problems(document) == [("R-CREDENTIAL", Severity.WARNING, "/users/0/credentials/0")]


@pytest.mark.parametrize(
    ("written", "kept"), [("+355692000101", "+355692000101"), ("+355 69 200 0101", "+355692000101")]
)
def test_a_mobile_number_is_kept_in_its_international_form(written: str, kept: str) -> None:
    assert seed(with_user(attributes={"phoneNumber": [written]})).attributes["phoneNumber"] == (kept,)


@pytest.mark.parametrize("written", ["0692000101", "abc", "+35542234567", "+355692000101 ext. 5", "+12", ""])
def test_what_is_no_mobile_number_is_an_error(written: str) -> None:
    document = with_user(attributes={"phoneNumber": [written]}, credentials=[])
    assert problems(document) == [("R-USER", Severity.ERROR, "/users/0/attributes/phoneNumber/0")]


def test_a_password_to_be_delivered_needs_a_number() -> None:
    assert problems(with_user(attributes={})) == [("R-USER", Severity.ERROR, "/users/0/attributes/phoneNumber")]
    assert problems(with_user(attributes={}, credentials=[])) == []


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        pytest.param({"username": "ARTA.hoxha"}, "/users/1/username", id="name in another case"),
        pytest.param({"id": "the-same"}, "/users/1/id", id="id"),
        pytest.param({"username": " "}, "/users/1/username", id="no name"),
        pytest.param({"email": "THE-SAME@bank.example"}, "/users/1/email", id="address in another case"),
    ],
)
def test_two_users_never_share_what_tells_them_apart(changed: Document, pointer: str) -> None:
    def change(document: Document) -> None:
        document["users"][0].update(id="the-same", email="the-same@bank.example")
        document["users"][1].update(changed)

    assert problems(demo(change)) == [("R-USER", Severity.ERROR, pointer)]
    assert [user.username for user in loaded(demo(change)).users] == ["arta.hoxha"]


def test_two_users_may_share_an_address_where_the_realm_allows_it_and_any_number_may_have_none() -> None:
    def change(document: Document) -> None:
        document.update(duplicateEmailsAllowed=True, loginWithEmailAllowed=False)
        for user in document["users"]:
            user["email"] = "the-same@bank.example"

    def without(document: Document) -> None:
        for user in document["users"]:
            user["email"] = ""

    for edit in (change, without):
        assert len(loaded(demo(edit)).users) == len(demo(edit)["users"]) >= 2
        assert problems(demo(edit)) == []
