"""An import sets aside what cannot run; the rest of a foreign realm runs."""

from __future__ import annotations

from typing import Any

from idp.model.finding import Severity
from idp.realms.exchange.setting_aside import with_parts_set_aside
from idp.realms.files.placeholders import Surroundings
from idp.realms.loading import errors
from tests.realms.documents import demo, loaded

CLIENT = demo()["clients"][0]["clientId"]


def with_bad_client(found: dict[str, Any]) -> None:
    found["clients"][0]["attributes"]["default.max.age"] = "soon"


def with_bad_addresses(found: dict[str, Any]) -> None:
    found["clients"][0]["redirectUris"] = ["http://elsewhere.example/*", "https://bank.example/cb", "*"]


def test_a_client_with_an_error_is_not_served_and_said_so() -> None:
    strict = loaded(demo(with_bad_client))
    assert errors(strict.findings)
    mild = with_parts_set_aside(strict)
    assert errors(mild.findings) == ()
    assert mild.realm.client(CLIENT) is None
    (said,) = [finding for finding in mild.findings if finding.rule == "C-ATTRIBUTE"]
    assert said.severity is Severity.WARNING
    assert "not served" in said.problem


def test_an_address_with_an_error_is_not_taken_and_the_client_is_served_with_the_others() -> None:
    mild = with_parts_set_aside(loaded(demo(with_bad_addresses)))
    assert errors(mild.findings) == ()
    client = mild.realm.client(CLIENT)
    assert client is not None
    assert client.redirect_uris == ("https://bank.example/cb",)
    said = [finding for finding in mild.findings if finding.pointer.startswith("/clients/0/redirectUris")]
    assert all("Nobody is sent there." in finding.problem for finding in said if finding.rule != "C-REDIRECT-WILDCARD")


def test_a_client_that_cannot_even_be_read_leaves_the_ones_behind_it_as_they_are() -> None:
    def change(found: dict[str, Any]) -> None:
        found["clients"].insert(0, {"clientId": ["no", "name"]})
        found["clients"].insert(0, 7)

    strict = loaded(demo(change))
    mild = with_parts_set_aside(strict)
    assert errors(strict.findings)
    assert errors(mild.findings) == ()
    assert all(mild.realm.client(name) is not None for name in strict.realm.clients)


def test_a_client_of_which_a_part_has_no_shape_is_set_aside_and_no_other() -> None:
    def change(found: dict[str, Any]) -> None:
        found["clients"][1]["redirectUris"] = {}
        found["clients"].insert(0, 7)

    strict = loaded(demo(change))
    mild = with_parts_set_aside(strict)
    served = [name for name in strict.realm.clients if mild.realm.client(name) is not None]
    assert served == [CLIENT]


def test_a_client_without_any_address_keeps_its_other_grants() -> None:
    mild = with_parts_set_aside(loaded(demo(lambda found: found["clients"][0].update(redirectUris=[]))))
    assert errors(mild.findings) == ()
    assert mild.realm.client(CLIENT) is not None


def test_its_document_is_as_it_was_and_so_are_the_others() -> None:
    strict = loaded(demo(with_bad_client))
    mild = with_parts_set_aside(strict)
    assert (mild.document, mild.realm.version) == (strict.document, strict.realm.version)
    others = {name: client for name, client in strict.realm.clients.items() if name != CLIENT}
    assert {name: client for name, client in mild.realm.clients.items() if name != CLIENT} == others


def test_an_error_of_the_realm_itself_stays_an_error() -> None:
    strict = loaded(demo(lambda found: found.update(realm="no name/at all")))
    assert errors(with_parts_set_aside(strict).findings)


def test_a_secret_that_is_not_on_this_machine_is_no_fault_of_the_client() -> None:
    strict = loaded(demo(), Surroundings(vault=lambda _realm, _key: None))
    assert {finding.rule for finding in errors(with_parts_set_aside(strict).findings)} >= {"C-VAULT"}


def test_a_list_that_is_no_list_is_no_part_to_set_aside() -> None:
    strict = loaded(demo(lambda found: found.update(clients={})))
    assert [finding.pointer for finding in errors(with_parts_set_aside(strict).findings)] == ["/clients"]


def test_a_user_who_cannot_be_read_does_not_keep_the_realm_out() -> None:
    strict = loaded(demo(lambda found: found["users"][0]["attributes"].update(phoneNumber=["12"])))
    assert errors(strict.findings)
    assert errors(with_parts_set_aside(strict).findings) == ()


def test_terms_without_words_are_switched_off() -> None:
    mild = with_parts_set_aside(loaded(demo(lambda found: found["localizationTexts"].clear())))
    assert errors(mild.findings) == ()
    (terms,) = [action for action in mild.realm.required_actions if action.alias == "TERMS_AND_CONDITIONS"]
    assert not terms.enabled


def test_codes_are_accepted_once_whatever_the_file_says() -> None:
    mild = with_parts_set_aside(loaded(demo(lambda found: found.update(otpPolicyCodeReusable=True))))
    assert [(f.rule, f.severity) for f in mild.findings if f.rule == "R-OTP-REUSE"] == [
        ("R-OTP-REUSE", Severity.WARNING)
    ]


def test_a_realm_without_errors_is_as_it_was() -> None:
    strict = loaded(demo())
    assert with_parts_set_aside(strict) is strict
