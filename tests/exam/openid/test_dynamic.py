"""The Dynamic plan and third-party-initiated login: clients that register themselves, by private_key_jwt."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.exam.openid.examiner import Examiner
from tests.exam.openid.relying_party import Key, RelyingParty, unsigned
from tests.exam.openid.test_config import check_keys

BY_KEY: dict[str, Any] = {"method": "private_key_jwt"}
REFRESHING: dict[str, Any] = {**BY_KEY, "grant_types": ["authorization_code", "refresh_token"]}
QUERY = "?dummy1=lorem&dummy2=ipsum"


def test_server_with_a_key(examiner: Examiner) -> None:
    RelyingParty(examiner, **BY_KEY).log_in().finished()


def test_idtoken_rs256(examiner: Examiner) -> None:
    RelyingParty(examiner, **BY_KEY, id_token_signed_response_alg="RS256").log_in().finished()


def test_userinfo_rs256(examiner: Examiner) -> None:
    party = RelyingParty(examiner, **BY_KEY, userinfo_signed_response_alg="RS256")
    tokens = party.redeemed(party.log_in())
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    reply = examiner.http.get(examiner.metadata["userinfo_endpoint"], headers=headers)
    assert (reply.status_code, reply.headers["content-type"].partition(";")[0]) == (200, "application/jwt")
    token = jwt.decode(reply.text, KeySet.import_key_set(examiner.jwks()), algorithms=["RS256"])
    assert token.claims["sub"] == tokens["claims"]["sub"]
    assert (token.claims["iss"], token.claims["aud"]) == (examiner.issuer, party.id)  # Core §5.3.2


def test_redirect_uri_query_ok(examiner: Examiner) -> None:
    RelyingParty(examiner, **BY_KEY, redirect_uris=[examiner.suite.callback + QUERY]).log_in().finished()


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        pytest.param(QUERY, "?dummy1=lorem&dummy2=other", id="redirect-uri-query-mismatch"),
        pytest.param("", "?foo=bar", id="redirect-uri-query-added"),
        pytest.param("", None, id="ensure-redirect-uri-in-authorization-request"),
    ],
)
def test_an_address_that_is_not_registered_is_told_on_a_page(
    examiner: Examiner, registered: str, asked: str | None
) -> None:
    party = RelyingParty(examiner, **BY_KEY, redirect_uris=[examiner.suite.callback + registered])
    address = None if asked is None else examiner.suite.callback + asked
    page = party.request(redirect_uri=address).begun(examiner.person()).shown
    assert page.status == 400
    assert "redirect_uri" in page.text("error-message")


def test_redirect_uri_regfrag(examiner: Examiner) -> None:
    reply = examiner.register(redirect_uris=[f"{examiner.suite.callback}#foobar"])
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_redirect_uri")


def test_registration_logo_policy_and_tos_are_shown(examiner: Examiner) -> None:
    party = RelyingParty(
        examiner,
        **BY_KEY,
        logo_uri="https://client.example/logo.png",
        policy_uri="https://client.example/policy",
        tos_uri="https://client.example/tos",
    )
    request, person = party.request(), examiner.person()
    page = request.begun(person).shown
    assert 'src="https://client.example/logo.png"' in page.html
    assert "https://client.example" in page.headers["content-security-policy"].partition("img-src")[2].partition(";")[0]
    assert page.links["client-policy"] == "https://client.example/policy"
    assert page.links["client-tos"] == "https://client.example/tos"
    person.goes_on()
    request.taken(person).finished()


def test_registration_jwks_uri(examiner: Examiner) -> None:
    key = Key("published")
    address = examiner.suite.publish(f"/jwks/{secrets.token_hex(8)}", json.dumps(key.public()))
    RelyingParty(examiner, **BY_KEY, key=key, jwks_uri=address).log_in().finished()


def test_registration_sector_uri(examiner: Examiner) -> None:
    listed = json.dumps([examiner.suite.callback, "https://client.example/callback"])
    address = examiner.suite.publish(f"/sector/{secrets.token_hex(8)}", listed)
    members = {**BY_KEY, "sector_identifier_uri": address, "subject_type": "pairwise"}
    first, second = (RelyingParty(examiner, **members) for _ in range(2))
    person = examiner.person()
    subjects = {party.log_in(person).finished()["claims"]["sub"] for party in (first, second)}
    assert len(subjects) == 1  # Core §8.1: one sector, one subject
    assert RelyingParty(examiner).log_in(person).finished()["claims"]["sub"] not in subjects


def test_registration_sector_bad(examiner: Examiner) -> None:
    listed = json.dumps(["https://client.example/callback"])
    address = examiner.suite.publish(f"/sector/{secrets.token_hex(8)}", listed)
    reply = examiner.register(redirect_uris=[examiner.suite.callback], sector_identifier_uri=address)
    assert reply.status_code == 400
    assert reply.json()["error"] in {"invalid_client_metadata", "invalid_redirect_uri"}


def test_server_rotate_keys(examiner: Examiner) -> None:
    before = examiner.jwks()
    assert examiner.http.post(f"{examiner.issuer}/dev/rotate-keys").is_success
    after = examiner.jwks()
    check_keys(after)
    signing = [{key["kid"] for key in jwks["keys"] if key["use"] == "sig"} for jwks in (before, after)]
    assert signing[1] > signing[0]  # Core §10.1.1: a new one, and the old ones as well
    RelyingParty(examiner, **BY_KEY).log_in().finished()


def test_refresh_token_rp_key_rotation(examiner: Examiner) -> None:
    path, old, new = f"/jwks/{secrets.token_hex(8)}", Key("old"), Key("new")
    address = examiner.suite.publish(path, json.dumps(old.public()))
    party = RelyingParty(examiner, **REFRESHING, key=old, jwks_uri=address)
    answer = party.log_in(scope="openid offline_access", prompt="consent")
    tokens = answer.finished()
    examiner.suite.publish(path, json.dumps(new.public()))
    party.key = new
    again = party.tokens(party.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"]), answer.request)
    party.user_info(again["access_token"], tokens["claims"]["sub"])


@pytest.mark.parametrize("signed", [False, True], ids=["request-uri-unsigned", "request-uri-signed-rs256"])
def test_request_by_reference(examiner: Examiner, signed: bool) -> None:  # noqa: FBT001 - pytest fills it in
    path = f"/requesturi/{secrets.token_urlsafe(48)}"
    address = f"{examiner.suite.origin}{path}#{secrets.token_urlsafe(32)}"
    algorithm: dict[str, Any] = {"request_object_signing_alg": "RS256"} if signed else {}
    party = RelyingParty(examiner, **BY_KEY, request_uris=[address], **algorithm)
    request = party.request()
    inside = dict(request.parameters)
    told = {**inside, "iss": party.id, "aud": examiner.issuer}
    examiner.suite.publish(path, party.key.signs(told) if signed else unsigned(inside), "application/jwt")
    for name in ("state", "nonce"):
        del request.parameters[name]
    request.parameters["request_uri"] = address
    person = request.begun(examiner.person())
    person.goes_on()
    request.parameters |= inside
    request.taken(person).finished()


def test_client_assertion_with_the_issuer_as_audience_succeeds(examiner: Examiner) -> None:
    party = RelyingParty(examiner, **BY_KEY)
    answer = party.log_in()
    proof = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": party.proof(examiner.issuer),
    }
    reply = examiner.http.post(examiner.metadata["token_endpoint"], data={**answer.grant(), **proof})
    party.tokens(reply, answer.request)


def test_a_registration_is_read_as_it_was_answered_and_deleted_for_good(examiner: Examiner) -> None:
    party = RelyingParty(examiner, **BY_KEY)
    reply = party.managed("GET")
    assert (reply.status_code, reply.headers["content-type"].partition(";")[0]) == (200, "application/json")
    assert reply.json() == party.registered
    reply = party.managed("DELETE")
    assert (reply.status_code, reply.content) == (204, b"")
    assert party.managed("GET").status_code == 401  # RFC 7592 §2.3
    assert "error-message" in party.request().begun(examiner.person()).shown.ids


def test_unknown_members_of_a_registration_are_ignored(examiner: Examiner) -> None:
    reply = examiner.register(redirect_uris=[examiner.suite.callback], extra="foobar")
    assert reply.status_code == 201
    assert "extra" not in reply.json()


def test_3rd_party_init_login(examiner: Examiner) -> None:
    address = f"{examiner.suite.origin}/initiate"
    party = RelyingParty(examiner, initiate_login_uri=address)
    assert party.managed("GET").json()["initiate_login_uri"] == address


def test_3rd_party_init_login_nonhttps(examiner: Examiner) -> None:
    reply = examiner.register(redirect_uris=[examiner.suite.callback], initiate_login_uri="http://client.example/login")
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_client_metadata")
