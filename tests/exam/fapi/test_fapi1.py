"""FAPI 1.0 Advanced, module by module as the suite's plan has them: by value and pushed, detached and JARM."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.exam.fapi.party import Party, Person, half_hash, moved, refusal, seconds, tampered, unsigned
from tests.peers.provider import Examined
from tests.stories.browser import Page

DETACHED, JARM = "code id_token", "code"
PAR = "pushed_authorization_request_endpoint"


@pytest.fixture(params=["private-key-jwt", "mtls"])
def party(request: pytest.FixtureRequest, exam: Examined, tmp_path: Path) -> Iterator[Party]:
    """The first client; what it is bound by is its certificate in any case."""
    party = Party(exam, f"fapi1-{request.param}-mtls", tmp_path)
    yield party
    party.close()


@pytest.fixture
def other(party: Party, exam: Examined, tmp_path: Path) -> Iterator[Party]:
    other = Party(exam, party.client_id.removesuffix("-1"), tmp_path, second=True)
    yield other
    other.close()


@pytest.fixture
def person(exam: Examined) -> Iterator[Person]:
    alice = Person(exam)
    with contextlib.closing(alice.http):
        yield alice


@pytest.fixture(params=["by value", "pushed"])
def way(request: pytest.FixtureRequest) -> str:
    """How a request object travels."""
    way: str = request.param
    return way


def asked(party: Party, response_type: str, *, pushed: bool = False, **changes: Any) -> dict[str, Any]:
    """A good request; PKCE goes with a pushed one only (FAPI 1.0 Advanced §5.2.2 (18))."""
    mode = {} if response_type == DETACHED else {"response_mode": "jwt"}
    bare = {} if pushed else {"code_challenge": None, "code_challenge_method": None}
    return party.parameters(response_type=response_type, **{**mode, **bare, **changes})


def by_value(party: Party, text: str, **outside: Any) -> str:
    """The address of a request with an object, and beside it what OpenID Connect wants to stand there."""
    beside = {"scope": party.scope, "response_type": DETACHED, "redirect_uri": party.redirect_uri}
    return party.address(**{**beside, **outside}, request=text)


def begun(party: Party, way: str, request: dict[str, Any], **claims: Any) -> str:
    """The address that begins a request, in the suite's way: assertions for the endpoint itself."""
    text = party.request_object(request, **claims)
    if way == "by value":
        return by_value(party, text, response_type=request["response_type"])
    form = {"client_id": party.client_id, "request": text}
    return party.begin(party.push({**form, **party.assertion(party.at(PAR))}))


def redeemed(party: Party, code: str, way: str, **changes: Any) -> Any:
    verifier = {"code_verifier": party.verifier if way == "pushed" else None}
    return party.redeem(code, **{**verifier, **party.assertion(party.at("token_endpoint")), **changes})


def test_happy_flow_with_a_detached_signature(party: Party, other: Party, person: Person, way: str) -> None:
    tokens = {}
    for client in (party, other):
        request = asked(client, DETACHED, pushed=way == "pushed", state="s" * 128, nonce="n" * 43)
        answer = person.go(begun(client, way, request))
        assert answer["state"] == request["state"]
        header, claims = client.verified(answer["id_token"])
        assert header["alg"] == "ES256"
        assert claims["s_hash"] == half_hash(request["state"])
        assert claims["c_hash"] == half_hash(answer["code"])
        assert claims["nonce"] == request["nonce"]
        assert not {"name", "email", "phone_number"} & claims.keys()
        reply = redeemed(client, answer["code"], way)
        assert reply.headers["cache-control"] == "no-store"
        tokens = reply.json()
        _, later = client.verified(tokens["id_token"])
        assert (later["sub"], later["nonce"]) == (claims["sub"], claims["nonce"])
        accounts = client.call(tokens["access_token"], **{"x-fapi-interaction-id": "not one"})
        assert accounts.status_code == 200
        assert accounts.headers["content-type"].startswith("application/json")
        assert len(accounts.headers["x-fapi-interaction-id"]) == 36
    assert party.call(tokens["access_token"]).status_code == 401, "another's certificate"


def test_happy_flow_with_jarm(party: Party, person: Person, way: str) -> None:
    request = asked(party, JARM, pushed=way == "pushed")
    answer = person.go(begun(party, way, request))
    assert set(answer) == {"response"}
    _, claims = party.verified(answer["response"])
    assert claims["state"] == request["state"]
    assert party.call(redeemed(party, claims["code"], way).json()["access_token"]).status_code == 200


@pytest.mark.parametrize("response_type", [DETACHED, JARM])
def test_user_rejects_authentication(party: Party, person: Person, way: str, response_type: str) -> None:
    request = asked(party, response_type, pushed=way == "pushed")
    answer = person.go(begun(party, way, request), accept=False)
    told = answer if response_type == DETACHED else party.verified(answer["response"])[1]
    assert (told["error"], told["state"]) == ("access_denied", request["state"])


def test_request_object_with_multiple_aud_succeeds(party: Party, person: Person) -> None:
    audiences = ["https://suite.example", party.exam.issuer]
    assert "code" in person.go(begun(party, "by value", asked(party, DETACHED), aud=audiences))


def test_authorization_request_without_state_success(party: Party, person: Person) -> None:
    address = by_value(party, party.request_object(asked(party, DETACHED, state=None)), state="outside")
    answer = person.go(address)
    assert "state" not in answer
    assert "s_hash" not in party.verified(answer["id_token"])[1]


@pytest.mark.parametrize("name", ["state", "nonce"])
def test_different_values_inside_and_outside_request_object(party: Party, person: Person, name: str) -> None:
    request = asked(party, DETACHED)
    answer = person.go(by_value(party, party.request_object(request), **{name: "outside"}))
    assert answer["state"] == request["state"]
    assert party.verified(answer["id_token"])[1]["nonce"] == request["nonce"]


@pytest.mark.parametrize(
    "wrong",
    [{"exp": None}, {"nbf": None}, {"exp": -300}, {"aud": "https://suite.example"}, {"exp": 4200}, {"nbf": -4200}],
    ids=str,
)
def test_a_request_object_that_the_profile_forbids(
    party: Party, person: Person, way: str, wrong: dict[str, Any]
) -> None:
    request = asked(party, DETACHED, pushed=way == "pushed")
    if way == "by value":
        answer = person.go(by_value(party, party.request_object(request, **moved(wrong))))
        assert answer["error"] in {"invalid_request", "invalid_request_object"}
        assert set(answer) <= {"error", "error_description", "state", "iss"}
    else:
        assert refusal(party.push_signed(request, **moved(wrong))) == (400, "invalid_request_object")


@pytest.mark.parametrize("name", ["scope", "nonce"])
def test_what_is_missing_in_the_object_is_missing(party: Party, person: Person, name: str) -> None:
    missing: dict[str, Any] = {name: None}
    text = party.request_object(asked(party, DETACHED, **missing))
    answer = person.go(by_value(party, text, **{name: "openid"}))
    assert answer["error"] in {"invalid_request", "invalid_request_object", "invalid_scope"}


@pytest.mark.parametrize("redirect_uri", [None, "https://suite.example/test/a/hyrja/callback/other"])
def test_redirect_uri_of_the_object_is_registered(party: Party, person: Person, redirect_uri: str | None) -> None:
    text = party.request_object(asked(party, DETACHED, redirect_uri=redirect_uri))
    shown = person.visit(by_value(party, text, redirect_uri=redirect_uri or party.redirect_uri))
    assert isinstance(shown, Page)
    assert "redirect_uri" in shown.text("error-message")


def test_no_signature_or_another(party: Party, other: Party, person: Person) -> None:
    claims = {**asked(party, DETACHED), "iss": party.client_id, "aud": party.exam.issuer}
    claims |= {"nbf": seconds(), "exp": seconds() + 300}
    stranger = ECKey.generate_key("P-256", {"kid": str(party.key.kid)})
    for text in (
        unsigned(claims),
        tampered(party.request_object(asked(party, DETACHED))),
        party.signed(claims, key=stranger),
        other.signed(claims),
    ):
        assert person.go(by_value(party, text))["error"] == "invalid_request_object"


def test_authorization_request_without_request_object_fails(party: Party, person: Person) -> None:
    request = {name: value for name, value in asked(party, DETACHED).items() if name != "client_id"}
    answer = person.go(party.address(**request))
    assert answer["error"] in {"invalid_request", "invalid_request_object"}
    assert answer["state"] == request["state"]


def test_response_type_code_fails_without_jarm(party: Party, person: Person) -> None:
    answer = person.go(by_value(party, party.request_object(asked(party, "code", response_mode=None))))
    assert answer["error"] in {"invalid_request", "unsupported_response_type"}


@pytest.mark.parametrize(
    "changes",
    [{"code_challenge": None, "code_challenge_method": None}, {"code_challenge_method": "plain"}],
    ids=["none", "plain"],
)
def test_par_ensure_pkce(party: Party, changes: dict[str, Any]) -> None:
    pushed = party.push_signed(asked(party, DETACHED, pushed=True, **changes))
    assert refusal(pushed) == (400, "invalid_request")


def test_par_plain_request_is_refused(party: Party) -> None:
    assert refusal(party.push(asked(party, DETACHED, pushed=True))) == (400, "invalid_request")


@pytest.mark.parametrize("verifier", [None, "w" * 43])
def test_par_code_verifier(party: Party, person: Person, verifier: str | None) -> None:
    code = person.go(begun(party, "pushed", asked(party, DETACHED, pushed=True)))["code"]
    assert refusal(redeemed(party, code, "pushed", code_verifier=verifier)) == (400, "invalid_grant")


def test_par_request_uri_is_bound_to_its_client_and_used_once(party: Party, other: Party, person: Person) -> None:
    address = begun(party, "pushed", asked(party, DETACHED, pushed=True))
    assert isinstance(person.visit(address.replace(party.client_id, other.client_id)), Page)
    assert "code" in person.go(address)
    shown = person.visit(address)
    assert isinstance(shown, Page)
    assert "request_uri" in shown.text("error-message")


def test_par_attempt_invalid_http_method(party: Party) -> None:
    http = party.mutual if party.by_certificate else party.plain
    assert http.put(party.at(PAR), data=party.assertion()).status_code == 405


@pytest.mark.parametrize("audience", ["token_endpoint", PAR, "issuer", "array"])
def test_par_accepts_the_audiences_of_rfc_9126(party: Party, audience: str) -> None:
    named = {"issuer": party.exam.issuer, "array": [party.exam.issuer, party.server["token_endpoint"]]}
    proof = party.assertion(named.get(audience) or party.server[audience])
    form = {"client_id": party.client_id, "request": party.request_object(asked(party, DETACHED, pushed=True))}
    assert party.push({**form, **proof}).status_code == 201


def test_mtls_holder_of_key_required(party: Party, person: Person) -> None:
    code = person.go(begun(party, "by value", asked(party, DETACHED)))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": party.redirect_uri}
    assert refusal(party.token(form, presents=False)) in {(400, "invalid_request"), (401, "invalid_client")}


def test_authorization_code_is_bound_to_its_client_and_used_once(party: Party, other: Party, person: Person) -> None:
    address = begun(party, "by value", asked(party, DETACHED))
    code = person.go(address)["code"]
    assert refusal(redeemed(other, code, "by value", redirect_uri=party.redirect_uri)) == (400, "invalid_grant")
    code = person.go(begun(party, "by value", asked(party, DETACHED)))["code"]
    token = redeemed(party, code, "by value").json()["access_token"]
    assert refusal(redeemed(party, code, "by value")) == (400, "invalid_grant")
    assert party.call(token).status_code == 401


@pytest.mark.parametrize("changes", [{"exp": -300}, {"aud": "https://suite.example"}, {"sub": None}], ids=str)
def test_an_assertion_that_the_profile_forbids(
    exam: Examined, tmp_path: Path, person: Person, changes: dict[str, Any]
) -> None:
    party = Party(exam, "fapi1-private-key-jwt-mtls", tmp_path)
    with contextlib.closing(party):
        code = person.go(begun(party, "by value", asked(party, DETACHED)))["code"]
        if "exp" in changes:
            changes = {"exp": seconds() - 300, "iat": seconds() - 360}
        reply = party.redeem(code, code_verifier=None, **party.assertion(**changes))
        assert refusal(reply) == (401, "invalid_client")


def test_refresh_token(party: Party, other: Party, person: Person) -> None:
    code = person.go(begun(party, "by value", asked(party, DETACHED)))["code"]
    tokens = redeemed(party, code, "by value").json()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert refusal(other.token(form)) == (400, "invalid_grant")
    assert party.call(party.token(form).json()["access_token"]).status_code == 200
