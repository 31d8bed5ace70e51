from __future__ import annotations

from typing import Any

import pytest

from idp.model.flow import Requirement
from tests.realms.documents import demo, loaded

Document = dict[str, Any]


def client_of(**changed: object) -> Any:
    return loaded(demo(lambda d: d["clients"][0].update(changed))).realm.clients["internet-banking"]


def test_a_relative_address_has_the_clients_root_in_front() -> None:
    client = client_of(rootUrl="https://bank.example/", redirectUris=["/callback", "https://b.example/x"])
    assert client.redirect_uris == ("https://bank.example/callback", "https://b.example/x")
    assert client.base_url == "https://bank.example/small-business"


def test_places_to_return_to_after_a_logout_are_split_and_plus_means_the_redirect_addresses() -> None:
    attributes = {"post.logout.redirect.uris": "+##https://b.example/out##-"}
    client = client_of(rootUrl="https://bank.example", redirectUris=["/callback"], attributes=attributes)
    assert client.post_logout_redirect_uris == ("https://bank.example/callback", "https://b.example/out")


def test_an_origin_is_exact_and_a_star_lets_nobody_in() -> None:
    client = client_of(
        rootUrl="https://bank.example",
        redirectUris=["/a", "/b", "app:/x", "http://["],
        webOrigins=["+", "*", "https://c.example/"],
    )
    assert client.web_origins == ("https://bank.example", "https://c.example")


def test_a_public_client_must_use_pkce_and_a_confidential_one_where_the_file_says_so() -> None:
    assert client_of(publicClient=True, attributes={}).pkce_required
    assert client_of(attributes={"pkce.code.challenge.method": "S256"}).pkce_required
    assert not client_of(attributes={"pkce.code.challenge.method": "plain"}).pkce_required


@pytest.mark.parametrize(("text", "seconds"), [("", None), ("-1", None), ("90", 90)])
def test_a_client_may_have_a_lifespan_of_its_own(text: str, seconds: int | None) -> None:
    assert client_of(attributes={"access.token.lifespan": text}).access_token_lifespan == seconds


def test_a_clients_own_flow_is_named_by_its_id() -> None:
    def change(document: Document) -> None:
        document["authenticationFlows"][0]["id"] = "0b9c"
        document["clients"][0]["authenticationFlowBindingOverrides"] = {"browser": "0b9c", "direct_grant": "x"}

    client = loaded(demo(change)).realm.clients["internet-banking"]
    assert client.flow_bindings == {"browser": "bank login"}


def test_an_absent_key_means_keycloaks_default() -> None:
    realm = loaded({"realm": "a"}).realm
    assert not realm.enabled
    assert realm.lifespans.access_token == 300
    assert realm.lifespans.offline_max is None
    assert realm.default_signature_algorithm == "RS256"
    assert realm.bindings["browser"] == "browser"
    assert realm.flows["browser"].built_in
    assert [e.requirement for e in realm.flows["forms"].executions] == [Requirement.REQUIRED, Requirement.CONDITIONAL]
    assert realm.locales == ("sq", "en", "it")


def test_offline_sessions_end_where_the_file_bounds_them() -> None:
    assert loaded(demo()).realm.lifespans.offline_max == 5184000


def test_a_level_may_be_written_as_text() -> None:
    change = {"acr.loa.map": '{"pwd": 1, "mfa": "2"}'}
    assert loaded(demo(lambda d: d["attributes"].update(change))).realm.acr_levels == {"pwd": 1, "mfa": 2}


def test_every_line_of_a_flow_knows_its_place_in_the_file() -> None:
    realm = loaded(demo()).realm
    assert realm.flows["bank forms"].executions[2].pointer == "/authenticationFlows/1/authenticationExecutions/2"


def test_a_line_that_names_a_sub_flow_may_name_the_form_that_it_is() -> None:
    def change(document: Document) -> None:
        document["authenticationFlows"][0]["authenticationExecutions"][1]["authenticator"] = "registration-page-form"

    line = loaded(demo(change)).realm.flows["bank login"].executions[1]
    assert (line.flow_alias, line.authenticator) == ("bank forms", "registration-page-form")


def test_no_number_of_failures_is_a_division_by_nothing() -> None:
    assert loaded(demo(lambda d: d.update(failureFactor=0))).realm.brute_force.failure_factor == 1
