"""The Basic plan: one test for each module, in the suite's order (OpenID Connect Core §15.1)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from typing import Any

import pytest

from tests.exam.openid.examiner import Examiner
from tests.exam.openid.relying_party import RelyingParty, unsigned

# Core §5.4: what each scope asks for, as far as the customer of the exam has it.
CLAIMS = {
    "profile": {
        "name",
        "family_name",
        "given_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
    },
    "email": {"email", "email_verified"},
    "address": {"address"},
    "phone": {"phone_number", "phone_number_verified"},
}


@pytest.fixture
def party(examiner: Examiner) -> RelyingParty:
    return RelyingParty(examiner)


def test_server_and_idtoken_signature(party: RelyingParty) -> None:
    tokens = party.log_in().finished()
    assert "at_hash" in tokens["claims"]


def test_response_type_missing(party: RelyingParty) -> None:
    error = party.request(response_type=None).refused(party.examiner.person())
    assert error in {"invalid_request", "unsupported_response_type"}


@pytest.mark.parametrize("how", ["get", "post header", "post body"])
def test_userinfo(party: RelyingParty, how: str) -> None:
    tokens = party.log_in().finished()
    http, address = party.examiner.http, party.examiner.metadata["userinfo_endpoint"]
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    match how:
        case "get":
            reply = http.get(address, headers=bearer)
        case "post header":
            reply = http.post(address, headers=bearer)
        case _:
            reply = http.post(address, data={"access_token": tokens["access_token"]})
    party.told(reply, tokens["claims"]["sub"])


def test_request_without_nonce_succeeds_for_code_flow(party: RelyingParty) -> None:
    assert "nonce" not in party.log_in(nonce=None).finished()["claims"]


@pytest.mark.parametrize("scope", ["profile", "email", "address", "phone", "email phone address profile"])
def test_scope(party: RelyingParty, scope: str) -> None:
    tokens = party.log_in(scope=f"openid {scope}").finished()
    claims = party.user_info(tokens["access_token"], tokens["claims"]["sub"])
    asked = set().union(*(CLAIMS[name] for name in scope.split()))
    assert claims.keys() == asked | {"sub"}


def test_other_scope_order_succeeds(party: RelyingParty) -> None:
    tokens = party.log_in(scope="email openid").finished()
    claims = party.user_info(tokens["access_token"])
    assert claims.keys() == CLAIMS["email"] | {"sub"}


@pytest.mark.parametrize(
    "more",
    [
        {"display": "page"},
        {"display": "popup"},
        {"login_hint": "alice"},
        {"ui_locales": "se"},
        {"ui_locales": "sq it"},
        {"claims_locales": "se"},
        {"extra": "foobar"},
        {"max_age": "15000"},
    ],
    ids=str,
)
def test_a_parameter_is_no_error(party: RelyingParty, more: dict[str, Any]) -> None:
    party.log_in(**more).finished()


def test_acr_values(party: RelyingParty) -> None:
    claims = party.log_in(acr_values=" ".join(party.examiner.metadata["acr_values_supported"])).finished()["claims"]
    assert claims["acr"] in party.examiner.metadata["acr_values_supported"]


def test_prompt_login(party: RelyingParty) -> None:
    first = party.log_in()
    before = first.finished()["claims"]
    _until_after(before["auth_time"])
    again = party.request(prompt="login")
    assert again.begun(first.person).has_login_page
    first.person.goes_on()
    assert again.taken(first.person).finished()["claims"]["auth_time"] > before["auth_time"]


def test_prompt_none_not_logged_in(party: RelyingParty) -> None:
    error = party.request(prompt="none").refused(party.examiner.person())
    assert error in {"login_required", "interaction_required"}


def test_prompt_none_logged_in(party: RelyingParty) -> None:
    first = party.log_in()
    before, after = first.finished(), party.log_in(first.person, prompt="none").finished()
    assert first.person.logins == 1
    assert [before["claims"][name] for name in ("sub", "auth_time")] == [
        after["claims"][name] for name in ("sub", "auth_time")
    ]


def test_max_age_1(party: RelyingParty) -> None:
    first = party.log_in()
    before = first.finished()["claims"]
    _until_after(before["auth_time"] + 1)
    again = party.request(max_age="1")
    assert again.begun(first.person).has_login_page
    first.person.goes_on()
    assert again.taken(first.person).finished()["claims"]["auth_time"] > before["auth_time"] + 1


def test_max_age_10000(party: RelyingParty) -> None:
    first = party.log_in(max_age="15000")
    before, after = first.finished(), party.log_in(first.person, max_age="10000").finished()
    assert first.person.logins == 1
    assert before["claims"]["auth_time"] == after["claims"]["auth_time"]


def test_id_token_hint(party: RelyingParty) -> None:
    first = party.log_in()
    before = first.finished()
    after = party.log_in(first.person, prompt="none", id_token_hint=before["id_token"]).finished()
    assert before["claims"]["sub"] == after["claims"]["sub"]


def test_codereuse(party: RelyingParty) -> None:
    answer = party.log_in()
    tokens = answer.finished()
    reply = party.token(**answer.grant())
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")
    assert reply.json().keys() <= {"error", "error_description", "error_uri"}
    assert reply.headers["content-type"].partition(";")[0] == "application/json"
    # RFC 6749 §4.1.2: what was issued before should be revoked.
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert party.examiner.http.get(party.examiner.metadata["userinfo_endpoint"], headers=bearer).status_code == 401


def test_registered_redirect_uri(party: RelyingParty) -> None:
    page = (
        party.request(redirect_uri=f"{party.redirect_uri}/{secrets.token_hex(8)}").begun(party.examiner.person()).shown
    )
    assert page.status == 400
    assert "redirect_uri" in page.text("error-message")


def test_post_request_succeeds(party: RelyingParty) -> None:
    request, person = party.request(), party.examiner.person()
    person.send(party.examiner.metadata["authorization_endpoint"], request.parameters)
    person.goes_on()
    request.taken(person).finished()


def test_server_client_secret_post(examiner: Examiner) -> None:
    RelyingParty(examiner, method="client_secret_post").log_in().finished()


def test_unsigned_request_object(party: RelyingParty) -> None:
    request = party.request()
    inside = dict(request.parameters)
    for name in ("state", "nonce"):
        del request.parameters[name]
    request.parameters["request"] = unsigned(inside)
    person = request.begun(party.examiner.person())
    person.goes_on()
    request.parameters |= inside
    request.taken(person).finished()


def test_claims_essential(party: RelyingParty) -> None:
    tokens = party.log_in(claims=json.dumps({"userinfo": {"name": {"essential": True}}})).finished()
    assert "name" not in tokens["claims"]
    assert party.user_info(tokens["access_token"]).keys() == {"sub", "name"}


def test_request_object_with_redirect_uri(party: RelyingParty) -> None:
    request = party.request()
    request.parameters["request"] = unsigned(dict(request.parameters))
    registered, request.parameters["redirect_uri"] = (
        request.parameters["redirect_uri"],
        "https://client.example/invalid",
    )
    person = request.begun(party.examiner.person())
    person.goes_on()
    request.parameters["redirect_uri"] = registered
    request.taken(person).finished()


def test_refresh_token(examiner: Examiner) -> None:
    first, second = (RelyingParty(examiner, grant_types=["authorization_code", "refresh_token"]) for _ in range(2))
    person = examiner.person()
    refreshed = []
    for party in (first, second):
        answer = party.log_in(person, scope="openid offline_access", prompt="consent")
        before = answer.finished()
        after = party.tokens(
            party.token(grant_type="refresh_token", refresh_token=before["refresh_token"]), answer.request
        )
        for name in ("iss", "sub", "aud", "azp", "auth_time"):  # Core §12.2
            assert after["claims"][name] == before["claims"][name]
        assert after["claims"]["iat"] >= before["claims"]["iat"]
        assert after["access_token"] != before["access_token"]
        party.user_info(after["access_token"], before["claims"]["sub"])
        refreshed.append(after.get("refresh_token", before["refresh_token"]))
    stolen = first.token(grant_type="refresh_token", refresh_token=refreshed[1])
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")


def test_request_with_valid_pkce_succeeds(party: RelyingParty) -> None:
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    answer = party.log_in(code_challenge=challenge, code_challenge_method="S256")
    party.tokens(party.token(**answer.grant(), code_verifier=verifier), answer.request)


def test_request_uri_unsigned(examiner: Examiner) -> None:
    path = f"/requesturi/{secrets.token_urlsafe(48)}"
    address = f"{examiner.suite.origin}{path}#{secrets.token_urlsafe(32)}"
    party = RelyingParty(examiner, request_uris=[address])
    request = party.request()
    inside = dict(request.parameters)
    examiner.suite.publish(path, unsigned(inside), "application/jwt")
    for name in ("state", "nonce"):
        del request.parameters[name]
    request.parameters["request_uri"] = address
    person = request.begun(examiner.person())
    person.goes_on()
    request.parameters |= inside
    request.taken(person).finished()


def test_idtoken_unsigned_is_not_offered(examiner: Examiner) -> None:
    # The suite leaves its module out where the list says so; who asks all the same is refused.
    assert "none" not in examiner.metadata["id_token_signing_alg_values_supported"]
    reply = examiner.register(redirect_uris=[examiner.suite.callback], id_token_signed_response_alg="none")
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_client_metadata")


def _until_after(second: int) -> None:
    """Wait until the provider's clock, which counts whole seconds, has passed this one."""
    while time.time() < second + 1.05:  # noqa: TID251 - the provider is another process: its clock is the machine's
        time.sleep(0.05)
