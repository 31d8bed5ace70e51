"""A user's profile as a form: what may be written, what is refused, and that nothing else changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.flows.customers.profile import CHECKS, judged, judged_value, lacking, may_write, present, shown, written
from idp.model.policies.profile import BANK_PROFILE, KEYCLOAK_PROFILE, ProfileAttribute, Validation
from idp.model.user import User
from idp.realms.users.profile import VALIDATORS

ANA = User(id="u", username="ana", created_at=1, first_name="Ana", email="ana@example.al", email_verified=True)


def attribute(
    name: str = "city", *validations: Validation, required: bool = False, multivalued: bool = False
) -> ProfileAttribute:
    return ProfileAttribute(
        name=name,
        label=name,
        view=True,
        edit=True,
        required=required,
        multivalued=multivalued,
        validations=validations,
    )


def refusal(name: str, value: str, **config: object) -> str | None:
    found = judged_value(attribute("a", Validation(name=name, config=config)), (value,))
    return None if found is None else found.key.removeprefix("profile_invalid:")


@pytest.mark.parametrize(
    ("name", "config", "good", "bad", "key"),
    [
        ("length", {"min": 2, "max": 4}, "abcd", "abcde", "length"),
        ("length", {"min": "2"}, "ab", "a", "short"),
        ("integer", {"min": 18, "max": "120"}, "18", "17", "number"),
        ("integer", {}, "-5", "5.0", "number"),
        ("integer", {}, "5", "\u0665", "number"),
        ("double", {"max": 1.5}, "1.5", "1.6", "number"),
        ("double", {}, "+0.25", "1e9", "number"),
        ("pattern", {"pattern": "[A-Z]{2}"}, "AL", "ALB", "pattern"),
        ("email", {}, "ana@example.al", "ana@example", "email"),
        ("email", {}, "a.b+c@x.example.al", "ana@example.al\nBcc: x@y.al", "email"),
        ("uri", {}, "https://banka.al/x", "javascript:alert(1)", "uri"),
        ("uri", {}, "http://x.al", "https://[", "uri"),
        ("local-date", {}, "1999-12-31", "1999-13-31", "date"),
        ("iso-date", {}, "1999-12-31", "19991231", "date"),
        ("options", {"options": ["north", "south"]}, "north", "east", "choice"),
        ("person-name-prohibited-characters", {}, "Ana O'Neill-Hoxha", "Ana <b>", "characters"),
        ("username-prohibited-characters", {}, "ana.hoxha", "ana hoxha", "characters"),
        ("up-username-not-idn-homograph", {}, "ana.hoxha1", "\u0430na", "characters"),
    ],
)
def test_a_validator_takes_the_good_value_and_refuses_the_bad_one(
    name: str, config: dict[str, object], good: str, bad: str, key: str
) -> None:
    assert refusal(name, good, **config) is None
    assert refusal(name, bad, **config) == key


def test_every_validator_that_a_realm_file_may_name_is_honoured() -> None:
    assert CHECKS.keys() == VALIDATORS


def test_what_is_demanded_must_be_there_and_what_is_not_may_be_empty() -> None:
    wrong = judged((attribute("a", required=True), attribute("b")), {"a": "  ", "b": ""}).wrong
    assert {name: message.key for name, message in wrong.items()} == {"a": "profile_invalid:required"}


def test_an_attribute_with_several_values_has_one_in_each_line() -> None:
    phones = attribute("phones", Validation(name="multivalued", config={"max": 2}), multivalued=True)
    judgement = judged((phones,), {"phones": " one \n\n two\n"})
    assert judgement.values == {"phones": ("one", "two")}
    assert judgement.wrong == {}
    assert judged((phones,), {"phones": "1\n2\n3"}).wrong["phones"].key == "profile_invalid:count"


def test_nobody_writes_without_end() -> None:
    assert judged((attribute(),), {"city": "x" * 2049}).wrong["city"].key == "profile_invalid:length"
    many = attribute(multivalued=True)
    assert judged((many,), {"city": "x\n" * 21}).wrong["city"].key == "profile_invalid:length"


@pytest.mark.parametrize("name", ["username", "phoneNumber", "phoneNumberVerified", "email"])
def test_what_a_person_is_recognised_and_reached_by_is_not_written_in_a_form(name: str) -> None:
    assert not may_write(attribute(name), ANA)


def test_an_address_that_is_missing_may_be_written_and_is_then_not_verified() -> None:
    without = User(id="u", username="ana", created_at=1, email_verified=True)
    assert may_write(attribute("email"), without)
    user = written(without, {"email": ("new@example.al",)})
    assert (user.email, user.email_verified) == ("new@example.al", False)
    assert written(ANA, {"firstName": ("Anna",)}).email_verified


def test_a_form_changes_what_it_was_asked_for_and_nothing_else() -> None:
    judgement = judged((attribute("firstName"),), {"firstName": "Anna", "username": "admin", "company": "Other"})
    user = written(ANA, judgement.values)
    assert (user.username, user.first_name, user.attributes) == ("ana", "Anna", {})


def test_an_attribute_that_is_emptied_is_gone() -> None:
    user = written(ANA, {"city": ("Tiranë",)})
    assert user.attributes == {"city": ("Tiranë",)}
    assert written(user, {"city": ()}).attributes == {}


def test_a_user_lacks_what_the_profile_demands_or_refuses() -> None:
    assert [one.name for one in lacking(KEYCLOAK_PROFILE, ANA)] == ["lastName"]
    complete = written(ANA, {"lastName": ("Hoxha",)})
    assert lacking(KEYCLOAK_PROFILE, complete) == ()
    odd = written(complete, {"lastName": ("<b>",)})
    assert [one.name for one in lacking(KEYCLOAK_PROFILE, odd)] == ["lastName"]


def test_a_page_shows_what_the_person_may_see_and_what_was_typed_wrongly_again() -> None:
    hidden = ProfileAttribute(name="segment", label="segment")
    names = tuple(one for one in KEYCLOAK_PROFILE if one.name == "firstName")
    judgement = judged(names, {"firstName": "<b>"})
    fields = {one["name"]: one for one in shown((*BANK_PROFILE, hidden), ANA, editable=names, judgement=judgement)}
    assert "segment" not in fields
    assert (fields["firstName"]["value"], fields["firstName"]["editable"]) == ("<b>", True)
    assert fields["firstName"]["error"].key == "profile_invalid:characters"
    assert (fields["username"]["value"], fields["username"]["editable"]) == ("ana", False)


@given(st.dictionaries(st.sampled_from(["firstName", "lastName", "city"]), st.text(max_size=40)))
def test_what_was_accepted_is_what_is_kept(form: dict[str, str]) -> None:
    attributes = (attribute("firstName"), attribute("lastName"), attribute("city"))
    judgement = judged(attributes, form)
    user = written(ANA, judgement.values)
    assert {one.name: present(one, user) for one in attributes} == judgement.values
    assert user.username == ANA.username
