"""FAPI 2.0 Security Profile and Message Signing, module by module as the suite's plans have them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc.jwk import ECKey

from tests.exam.fapi.party import Party, Person, asserting, ath, moved, refusal, seconds, tampered, unsigned
from tests.peers.provider import Examined
from tests.stories.browser import Page

VARIANTS = [f"{method}-{sender}" for method in ("private-key-jwt", "mtls") for sender in ("dpop", "mtls")]
PAR = "pushed_authorization_request_endpoint"
INTERACTION = "c770aef3-6784-41f7-8e0e-ff5f97bddb3a"
CORE_CLAIMS = {"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash"}
KEYCLOAKS_CLAIMS = {"jti", "sid", "typ"}


@contextlib.contextmanager
def played(exam: Examined, name: str, folder: Path, *, second: bool = False) -> Iterator[Party]:
    party = Party(exam, name, folder, second=second)
    try:
        yield party
    finally:
        party.close()


@pytest.fixture(params=VARIANTS)
def party(request: pytest.FixtureRequest, exam: Examined, tmp_path: Path) -> Iterator[Party]:
    """The first client, in each of the four ways to prove itself and to bind its tokens."""
    with played(exam, f"fapi2-{request.param}", tmp_path) as party:
        yield party


@pytest.fixture
def other(party: Party, exam: Examined, tmp_path: Path) -> Iterator[Party]:
    """The second client of the same configuration."""
    name = party.client_id.removesuffix("-1")
    with played(exam, name, tmp_path, second=True) as second:
        yield second


@pytest.fixture
def asserter(exam: Examined, tmp_path: Path) -> Iterator[Party]:
    """The first client with private_key_jwt and DPoP."""
    with played(exam, "fapi2-private-key-jwt-dpop", tmp_path) as party:
        yield party


@pytest.fixture(params=VARIANTS)
def signer(request: pytest.FixtureRequest, exam: Examined, tmp_path: Path) -> Iterator[Party]:
    """The first client of Message Signing."""
    with played(exam, f"fapi2-signing-{request.param}", tmp_path) as party:
        yield party


@pytest.fixture
def person(exam: Examined) -> Iterator[Person]:
    alice = Person(exam)
    with contextlib.closing(alice.http):
        yield alice


class TestWellBehaved:
    def test_happy_flow(self, party: Party, other: Party, person: Person) -> None:
        tokens = {}
        for client in (party, other):
            request = client.parameters(state="s" * 128, nonce="n" * 43)
            pushed = client.push(request)
            assert pushed.status_code == 201
            assert pushed.headers["content-type"] == "application/json"
            assert 5 <= pushed.json()["expires_in"] < 600
            answer = person.go(client.begin(pushed))
            extra = {"dummy1", "dummy2"} if client.second else set()
            assert set(answer) == {"code", "state", "iss", "session_state"} | extra
            assert (answer["state"], answer["iss"]) == (request["state"], client.exam.issuer)
            reply = client.redeem(answer["code"])
            assert reply.headers["cache-control"] == "no-store"
            tokens = reply.json()
            assert tokens["token_type"] == ("DPoP" if client.dpop else "Bearer")
            header, claims = client.verified(tokens["id_token"])
            assert header["alg"] == "ES256"
            assert claims["nonce"] == request["nonce"]
            assert claims.keys() - KEYCLOAKS_CLAIMS == CORE_CLAIMS, "nothing that was not asked for"
            accounts = client.call(tokens["access_token"], **{"x-fapi-interaction-id": INTERACTION})
            assert accounts.status_code == 200
            assert accounts.headers["x-fapi-interaction-id"] == INTERACTION
            assert "date" in accounts.headers
            assert client.call(tokens["access_token"], accept="application/json; charset=utf-8").status_code == 200
        in_query = party.plain.get(f"{party.exam.resource}?access_token={tokens['access_token']}")
        assert in_query.status_code in {400, 401}

    def test_tokens_are_worth_nothing_to_another_sender(self, party: Party, other: Party, person: Person) -> None:
        assert other.call(party.tokens(person)["access_token"]).status_code == 401

    def test_user_rejects_authentication(self, party: Party, other: Party, exam: Examined) -> None:
        for client in (party, other):
            state = "s" * 128
            alice = Person(exam)
            with contextlib.closing(alice.http):
                answer = alice.go(client.begin(client.push(client.parameters(state=state))), accept=False)
            assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", state, exam.issuer)
            assert set(answer) <= {"error", "error_description", "state", "iss", "dummy1", "dummy2"}

    @pytest.mark.parametrize("name", ["state", "nonce"])
    def test_neither_is_needed(self, asserter: Party, person: Person, name: str) -> None:
        answer = person.go(asserter.begin(asserter.push(asserter.parameters(**{name: None}))))
        assert "code" in answer
        assert ("state" in answer) == (name != "state")

    def test_long_values_come_back_whole(self, asserter: Party, person: Person) -> None:
        request = asserter.parameters(state="s" * 384, nonce="n" * 384)
        answer = person.go(asserter.begin(asserter.push(request)))
        assert answer["state"] == request["state"]
        _, claims = asserter.verified(asserter.redeem(answer["code"]).json()["id_token"])
        assert claims["nonce"] == request["nonce"]

    def test_other_scope_order_succeeds(self, asserter: Party, person: Person) -> None:
        assert asserter.tokens(person, scope="accounts openid")["id_token"]

    def test_access_token_type_header_case_sensitivity(self, asserter: Party, person: Person) -> None:
        token = asserter.tokens(person)["access_token"]
        for scheme in ("dpop", "DPOP"):
            assert asserter.call(token, Authorization=f"{scheme} {token}").status_code == 200

    def test_claims_parameter_identity_claims(self, asserter: Party, person: Person) -> None:
        asked = asserter.server["claims_supported"]
        ours = CORE_CLAIMS | KEYCLOAKS_CLAIMS | {"c_hash", "s_hash"}
        named: dict[str, Any] = dict.fromkeys(name for name in asked if name not in ours)
        both = {"id_token": {**named, "random_x": None}, "userinfo": {**named, "random_y": {"essential": True}}}
        tokens = asserter.tokens(person, claims=json.dumps(both))
        address = asserter.server["userinfo_endpoint"]
        proof = asserter.proof("GET", address, ath=ath(tokens["access_token"]))
        headers = {"Authorization": f"DPoP {tokens['access_token']}", "DPoP": proof}
        userinfo = asserter.plain.get(address, headers=headers).json()
        _, claims = asserter.verified(tokens["id_token"])
        assert named.keys() <= userinfo.keys() | claims.keys()
        assert userinfo["sub"] == claims["sub"]
        assert not {"random_x", "random_y"} & (userinfo.keys() | claims.keys())

    def test_plain_oauth_has_no_id_token(self, asserter: Party, person: Person) -> None:
        tokens = asserter.tokens(person, scope="accounts", nonce=None)
        assert "id_token" not in tokens
        assert asserter.call(tokens["access_token"]).status_code == 200

    def test_rich_authorization_request(self, asserter: Party, person: Person) -> None:
        details = [{"type": "account_information", "actions": ["list_accounts"]}]
        tokens = asserter.tokens(person, authorization_details=json.dumps(details))
        assert tokens["authorization_details"] == details

    def test_client_credentials_grant(self, party: Party) -> None:
        reply = party.token({"grant_type": "client_credentials", "scope": "accounts"})
        assert reply.status_code == 200, reply.text
        assert "refresh_token" not in reply.json()


class TestRefresh:
    def test_refresh_token(self, party: Party, other: Party, person: Person) -> None:
        tokens = party.tokens(person)
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        renewed = party.token(form).json()
        assert party.call(renewed["access_token"]).status_code == 200
        assert renewed.get("refresh_token", form["refresh_token"]) == form["refresh_token"], "never rotated"
        before, after = (party.verified(each["id_token"])[1] for each in (tokens, renewed))
        assert {"nonce"} & after.keys() <= {"nonce"}
        assert all(before[name] == after[name] for name in ("iss", "sub", "aud", "auth_time", "azp"))
        assert refusal(other.token(form)) == (400, "invalid_grant")

    def test_without_proof_of_possession_it_is_refused(self, party: Party, person: Person) -> None:
        form = {"grant_type": "refresh_token", "refresh_token": party.tokens(person)["refresh_token"]}
        reply = party.token(form, proof=None, presents=party.dpop)
        status, error = refusal(reply)
        assert (status, error) in {(400, "invalid_request"), (401, "invalid_client")}, "not invalid_dpop_proof"

    def test_without_client_authentication_it_is_refused(self, party: Party, person: Person) -> None:
        form = {"grant_type": "refresh_token", "refresh_token": party.tokens(person)["refresh_token"]}
        nothing = {"client_assertion": None, "client_assertion_type": None}
        if party.by_certificate:
            reply = party.token({**form, "client_id": party.client_id}, presents=False)
        else:
            reply = party.token({**form, **nothing})
        assert refusal(reply) == (401, "invalid_client")


class TestAuthorizationRequests:
    @pytest.mark.parametrize(
        ("response_type", "errors"),
        [
            ("code id_token", {"unsupported_response_type", "invalid_request", "unauthorized_client"}),
            ("token", {"unsupported_response_type", "invalid_request", "unauthorized_client"}),
        ],
    )
    def test_response_type_fails(self, asserter: Party, response_type: str, errors: set[str]) -> None:
        status, error = refusal(asserter.push(asserter.parameters(response_type=response_type)))
        assert status == 400
        assert error in errors

    def test_without_par_fails(self, party: Party, person: Person) -> None:
        request = party.parameters()
        answer = person.go(party.address(**{name: value for name, value in request.items() if name != "client_id"}))
        assert (answer["error"], answer["state"]) == ("invalid_request", request["state"])
        assert set(answer) <= {"error", "error_description", "state", "iss"}

    @pytest.mark.parametrize("redirect_uri", [None, "https://suite.example/test/a/hyrja/callback/other"])
    def test_registered_redirect_uri(self, asserter: Party, redirect_uri: str | None) -> None:
        pushed = asserter.push(asserter.parameters(redirect_uri=redirect_uri))
        assert refusal(pushed) == (400, "invalid_request")

    @pytest.mark.parametrize(
        "changes",
        [{"code_challenge": None, "code_challenge_method": None}, {"code_challenge_method": "plain"}],
        ids=["none", "plain"],
    )
    def test_pkce_required(self, party: Party, changes: dict[str, Any]) -> None:
        assert refusal(party.push(party.parameters(**changes))) == (400, "invalid_request")

    @pytest.mark.parametrize("verifier", [None, "w" * 43])
    def test_pkce_code_verifier_required(self, asserter: Party, person: Person, verifier: str | None) -> None:
        reply = asserter.redeem(asserter.code(person), code_verifier=verifier)
        assert refusal(reply) == (400, "invalid_grant")

    def test_par_attempt_invalid_http_method(self, party: Party) -> None:
        http = party.mutual if party.by_certificate else party.plain
        form = {**party.assertion(), **party.parameters()}
        for method in ("PUT", "GET", "DELETE"):
            assert http.request(method, party.at(PAR), data=form).status_code == 405

    def test_par_containing_request_uri(self, party: Party) -> None:
        form = {**party.parameters(), "request_uri": "urn:ietf:params:oauth:request_uri:x"}
        assert refusal(party.push(form)) == (400, "invalid_request")

    def test_par_duplicate_parameters(self, asserter: Party) -> None:
        form = {**asserter.assertion(), **asserter.parameters()}
        body = urlencode([*form.items(), ("scope", form["scope"])])
        sort = {"content-type": "application/x-www-form-urlencoded"}
        reply = asserter.plain.post(asserter.at(PAR), content=body, headers=sort)
        assert refusal(reply) == (400, "invalid_request")

    def test_request_uri_may_be_loaded_again_and_is_answered_once(self, asserter: Party, person: Person) -> None:
        address = asserter.begin(asserter.push())
        seen = person.http.get(address, follow_redirects=True)
        assert "kc-login" in Page(seen).ids
        assert "code" in person.go(address)
        shown = person.visit(address)
        assert isinstance(shown, Page)
        assert "request_uri" in shown.text("error-message")

    def test_request_uri_is_bound_to_its_client(self, party: Party, other: Party, person: Person) -> None:
        shown = person.visit(other.address(request_uri=party.push().json()["request_uri"]))
        assert isinstance(shown, Page)
        assert "request_uri" in shown.text("error-message")

    def test_what_stands_beside_a_request_uri_is_not_used(self, asserter: Party, person: Person) -> None:
        request = asserter.parameters()
        outside = {"state": "outside", "nonce": "outside", "scope": "openid"}
        answer = person.go(asserter.begin(asserter.push(request), **outside))
        assert answer["state"] == request["state"]


class TestTokenEndpoint:
    def test_holder_of_key_required(self, party: Party, person: Person) -> None:
        form = {"grant_type": "authorization_code", "code": party.code(person), "code_verifier": party.verifier}
        form["redirect_uri"] = party.redirect_uri
        reply = party.token(form, proof=None, presents=party.dpop)
        assert refusal(reply) in {(400, "invalid_request"), (401, "invalid_client")}

    def test_authorization_code_is_bound_to_its_client(self, party: Party, other: Party, person: Person) -> None:
        code = party.code(person)
        reply = other.redeem(code, redirect_uri=party.redirect_uri, code_verifier=party.verifier)
        assert refusal(reply) == (400, "invalid_grant")

    def test_client_id_of_another_client(self, party: Party, other: Party, person: Person) -> None:
        reply = party.redeem(party.code(person), client_id=other.client_id)
        assert refusal(reply) == (401, "invalid_client")

    def test_reuse_of_a_code_revokes_what_was_issued(self, party: Party, person: Person) -> None:
        code = party.code(person)
        token = party.redeem(code).json()["access_token"]
        assert party.call(token).status_code == 200
        assert refusal(party.redeem(code)) == (400, "invalid_grant")
        assert party.call(token).status_code == 401


class TestAssertions:
    @pytest.mark.parametrize("ahead", [8, 10])
    def test_a_clock_that_is_ahead_is_accepted(self, asserter: Party, ahead: int) -> None:
        now = seconds() + ahead
        assertion = asserter.assertion(iat=now, nbf=now, exp=now + 60)
        assert asserter.push({**asserter.parameters(), **assertion}).status_code == 201

    def test_over_60_seconds_in_the_future_fails(self, asserter: Party) -> None:
        now = seconds() + 65
        assertion = asserter.assertion(iat=now, nbf=now, exp=now + 60)
        assert refusal(asserter.push({**asserter.parameters(), **assertion})) == (401, "invalid_client")

    @pytest.mark.parametrize("audience", ["array", PAR, "token_endpoint"])
    def test_only_the_issuer_as_text_is_an_audience(self, asserter: Party, audience: str) -> None:
        wrong = [asserter.exam.issuer] if audience == "array" else asserter.at(audience)
        assertion = asserter.assertion(wrong)
        assert refusal(asserter.push({**asserter.parameters(), **assertion})) == (401, "invalid_client")

    @pytest.mark.parametrize(
        "changes", [{"aud": "https://suite.example/other"}, {"sub": None}, {"exp": -300}, {"jti": None}, {"iss": "x"}]
    )
    def test_an_assertion_that_is_wrong_at_the_token_endpoint(
        self, asserter: Party, person: Person, changes: dict[str, Any]
    ) -> None:
        if "exp" in changes:
            changes = {"exp": seconds() + changes["exp"], "iat": seconds() - 360}
        reply = asserter.redeem(asserter.code(person), **asserter.assertion(**changes))
        assert refusal(reply) == (401, "invalid_client")

    def test_no_assertion_at_the_token_endpoint(self, asserter: Party, person: Person) -> None:
        nothing = {"client_assertion": None, "client_assertion_type": None}
        assert refusal(asserter.redeem(asserter.code(person), **nothing)) == (401, "invalid_client")

    def test_unsigned_and_tampered(self, asserter: Party) -> None:
        good = asserter.assertion()["client_assertion"]
        none = unsigned({"iss": asserter.client_id, "sub": asserter.client_id, "aud": asserter.exam.issuer})
        for wrong in (none, tampered(good)):
            assert refusal(asserter.push({**asserter.parameters(), **asserting(wrong)})) == (401, "invalid_client")


class TestDpop:
    """`dpop-negative-tests` and the code binding; each block tells whether the resource has to answer."""

    @pytest.fixture
    def token(self, asserter: Party, person: Person) -> str:
        access_token: str = asserter.tokens(person)["access_token"]
        return access_token

    @pytest.mark.parametrize(
        "wrong",
        [
            *({name: None} for name in ("jti", "htm", "htu", "iat", "ath")),
            {"header": {"typ": None}},
            {"header": {"typ": "dpop+jwt+wrongyousee"}},
            {"header": {"jwk": None}},
            {"htm": "PUT"},
            {"iat": 3600},
            {"iat": -3600},
            {"ath": ath("another")},
            {"key": "another"},
        ],
        ids=str,
    )
    def test_a_wrong_proof_opens_nothing(self, asserter: Party, token: str, wrong: dict[str, Any]) -> None:
        if wrong.get("iat"):
            wrong = moved(wrong)
        if "key" in wrong:
            wrong = {"key": ECKey.generate_key("P-256")}
        reply = asserter.call(token, DPoP=self._proof(asserter, token, **wrong))
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"].startswith("DPoP ")

    def test_proofs_that_are_no_proofs(self, asserter: Party, token: str) -> None:
        good = self._proof(asserter, token)
        head, body, _ = good.split(".")
        private = {"jwk": asserter.proof_key.as_dict(private=True)}
        claims = {"jti": "1", "htm": "GET", "htu": asserter.resource, "iat": seconds(), "ath": ath(token)}
        wrong = [
            f"{head}.{body}",
            unsigned(claims, typ="dpop+jwt"),
            tampered(good),
            self._proof(asserter, token, header=private),
            self._proof(asserter, token, htu=f"{asserter.resource}ohnonotagain"),
        ]
        for proof in wrong:
            assert asserter.call(token, DPoP=proof).status_code == 401
        authorization = ("Authorization", f"DPoP {token}")
        twice = [authorization, ("DPoP", good), ("DPoP", self._proof(asserter, token))]
        assert asserter.plain.get(asserter.resource, headers=twice).status_code in {400, 401}
        for scheme in ("DPoP", "Bearer"):
            without = asserter.plain.get(asserter.resource, headers={"Authorization": f"{scheme} {token}"})
            assert without.status_code == 401
        assert asserter.call(token).status_code == 200, "the token itself is good"

    @pytest.mark.parametrize(
        "good",
        [
            {"iat": -10},
            {"iat": 10},
            {"nbf": 0, "exp": 60},
            {"header": {"tx_id": 1}, "tx_id_key": 1},
            {"htu": "?allthedoors#programmed"},
            {"htu": "upper"},
        ],
        ids=str,
    )
    def test_a_proof_that_is_good_all_the_same(self, asserter: Party, token: str, good: dict[str, Any]) -> None:
        changes = moved({name: value for name, value in good.items() if name in {"iat", "nbf", "exp"}})
        address = asserter.resource + good.get("htu", "").removeprefix("upper")
        if good.get("htu") == "upper":
            address = address.replace("https://localhost", "HTTPS://LOCALHOST")
        rest = {name: value for name, value in good.items() if name in {"header", "tx_id_key"}}
        proof = self._proof(asserter, token, **{**rest, **changes, "htu": address})
        assert asserter.call(token, DPoP=proof).status_code == 200

    def test_a_jti_is_used_once(self, asserter: Party, token: str) -> None:
        proofs = [self._proof(asserter, token, jti="the same") for _ in range(2)]
        assert [asserter.call(token, DPoP=proof).status_code for proof in proofs] == [200, 401]

    def test_the_token_endpoint_ignores_what_it_does_not_know(self, asserter: Party, person: Person) -> None:
        proof = asserter.proof("POST", asserter.at("token_endpoint"), header={"tx_id": 1}, tx_id_key=1)
        assert asserter.redeem(asserter.code(person), proof=proof).status_code == 200

    def test_mismatched_dpop_jkt_fails(self, asserter: Party) -> None:
        proof = asserter.proof("POST", asserter.at(PAR))
        pushed = asserter.push(asserter.parameters(dpop_jkt="x" * 43), DPoP=proof)
        assert refusal(pushed)[1] in {"invalid_request", "invalid_dpop_proof"}

    @pytest.mark.parametrize("by", ["proof", "jkt", "both"])
    def test_authorization_code_binding(self, asserter: Party, person: Person, by: str) -> None:
        def code() -> str:
            request = asserter.parameters(dpop_jkt=None if by == "proof" else asserter.jkt())
            headers = {} if by == "jkt" else {"DPoP": asserter.proof("POST", asserter.at(PAR))}
            return person.go(asserter.begin(asserter.push(request, **headers)))["code"]

        stranger = asserter.proof("POST", asserter.at("token_endpoint"), key=ECKey.generate_key("P-256"))
        assert refusal(asserter.redeem(code(), proof=stranger)) == (400, "invalid_grant")
        assert asserter.redeem(code()).status_code == 200

    @staticmethod
    def _proof(party: Party, token: str, **changes: Any) -> str:
        return party.proof("GET", changes.pop("htu", party.resource), **{"ath": ath(token), **changes})


class TestMessageSigning:
    def test_happy_flow(self, signer: Party, person: Person) -> None:
        request = signer.parameters(response_mode="jwt")
        answer = person.go(signer.begin(signer.push_signed(request)))
        assert set(answer) == {"response"}
        header, claims = signer.verified(answer["response"])
        assert header["alg"] == "ES256"
        assert claims["state"] == request["state"]
        assert claims["exp"] - seconds() <= 600
        tokens = signer.redeem(claims["code"]).json()
        assert signer.call(tokens["access_token"]).status_code == 200

    def test_user_rejects_authentication(self, signer: Party, person: Person) -> None:
        request = signer.parameters(response_mode="jwt")
        answer = person.go(signer.begin(signer.push_signed(request)), accept=False)
        _, claims = signer.verified(answer["response"])
        assert (claims["error"], claims["state"]) == ("access_denied", request["state"])

    @pytest.mark.parametrize("good", [{"nbf": 8}, {"typ": "oauth-authz-req+jwt"}, {"aud": "several"}, {"iat": 0}])
    def test_a_request_object_that_is_good(self, signer: Party, good: dict[str, Any]) -> None:
        claims = moved({name: value for name, value in good.items() if name in {"nbf", "iat"}})
        if "aud" in good:
            claims["aud"] = ["https://suite.example", signer.exam.issuer]
        body = {**signer.parameters(), "iss": signer.client_id, "aud": signer.exam.issuer, "nbf": seconds()}
        text = signer.signed({**body, "exp": seconds() + 300, **claims}, typ=good.get("typ"))
        assert signer.push({"client_id": signer.client_id, "request": text}).status_code == 201

    @pytest.mark.parametrize(
        "wrong",
        [
            {"exp": None},
            {"nbf": None},
            {"exp": -300},
            {"aud": "https://suite.example"},
            {"exp": 70 * 60},
            {"nbf": -70 * 60},
        ],
        ids=str,
    )
    def test_a_request_object_that_the_profile_forbids(self, signer: Party, wrong: dict[str, Any]) -> None:
        status, error = refusal(signer.push_signed(**moved(wrong)))
        assert (status, error) == (400, "invalid_request_object")

    def test_no_signature_or_another(self, signer: Party) -> None:
        claims = {**signer.parameters(), "iss": signer.client_id, "aud": signer.exam.issuer}
        claims |= {"nbf": seconds(), "exp": seconds() + 300}
        stranger = ECKey.generate_key("P-256", {"kid": str(signer.key.kid)})
        for text in (unsigned(claims), tampered(signer.request_object()), signer.signed(claims, key=stranger)):
            pushed = signer.push({"client_id": signer.client_id, "request": text})
            assert refusal(pushed) == (400, "invalid_request_object")
        assert refusal(signer.push()) == (400, "invalid_request")

    @pytest.mark.parametrize(
        "changes", [{"redirect_uri": None}, {"code_challenge": None}, {"request_uri": "urn:x"}], ids=str
    )
    def test_a_signed_request_that_is_wrong(self, signer: Party, changes: dict[str, Any]) -> None:
        status, error = refusal(signer.push_signed(signer.parameters(**changes)))
        assert status == 400
        assert error in {"invalid_request", "invalid_request_object"}

    def test_what_stands_outside_of_the_object_is_not_used(self, signer: Party, person: Person) -> None:
        request = signer.parameters(state=None)
        form = {"client_id": signer.client_id, "request": signer.request_object(request), "state": "outside"}
        pushed = signer.push(form)
        assert pushed.status_code == 201
        assert "state" not in person.go(signer.begin(pushed, state="outside"))
