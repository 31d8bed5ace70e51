"""FAPI-CIBA, module by module as the suite's plans have them: poll and ping, by key and by certificate."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from tests.exam.fapi.notified import Notified, notified
from tests.exam.fapi.party import Party, asserting, moved, refusal, seconds, tampered, unsigned, without_none
from tests.peers.provider import Examined

GRANT = "urn:openid:params:grant-type:ciba"
ENDPOINT = "backchannel_authentication_endpoint"
LONG = "1234 \U0001f44d\U0001f3ff 品川 Lorem ipsum dolor sit amet, " + "consectetur adipiscing elit, " * 12


class Caller:
    """A client of CIBA: it asks, is decided about, and polls."""

    def __init__(self, party: Party) -> None:
        self.party = party
        self.address = party.at(ENDPOINT) if party.by_certificate else party.server[ENDPOINT]

    def request(self, *, key: Any = None, typ: str | None = None, **changes: Any) -> str:
        """A good signed request, changed."""
        now = seconds()
        good: dict[str, Any] = {"iss": self.party.client_id, "aud": self.party.exam.issuer}
        good |= {"jti": secrets.token_urlsafe(12)}
        good |= {"iat": now, "nbf": now, "exp": now + 300, "scope": self.party.scope, "login_hint": "alice"}
        return self.party.signed(without_none({**good, "binding_message": "1234", **changes}), key=key, typ=typ)

    def ask(self, text: str | None = None, *, proof: dict[str, str] | None = None, **changes: Any) -> httpx.Response:
        """Ask; assertions are for the endpoint itself, as the suite makes them."""
        http = self.party.mutual if self.party.by_certificate else self.party.plain
        proof = self.party.assertion(self.party.server[ENDPOINT]) if proof is None else proof
        return http.post(self.address, data={**proof, "request": text or self.request(**changes)})

    def accepted(self, **changes: Any) -> str:
        """Ask, and return the `auth_req_id` of the answer, which has the form it must have."""
        reply = self.ask(**changes)
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-type"] == "application/json"
        answer = reply.json()
        assert 0 < answer["expires_in"] <= 90
        assert answer["interval"] == 5
        assert len(answer["auth_req_id"]) >= 27, "160 bits (CIBA Core §7.3)"
        auth_req_id: str = answer["auth_req_id"]
        return auth_req_id

    def decide(self, auth_req_id: str, action: str = "allow") -> None:
        """What the suite posts to `automated_ciba_approval_url`."""
        address = f"{self.party.exam.issuer}/dev/ciba?auth_req_id={auth_req_id}&action={action}"
        assert self.party.plain.post(address, headers={"accept": "application/json"}).status_code == 200

    def poll(self, auth_req_id: str, changes: dict[str, Any] | None = None, *, presents: bool = True) -> httpx.Response:
        """Ask for tokens."""
        proof = self.party.assertion(self.party.at("token_endpoint"))
        form = {**proof, "grant_type": GRANT, "auth_req_id": auth_req_id, **(changes or {})}
        return self.party.token(form, presents=presents)


@pytest.fixture(params=["private-key-jwt", "mtls"])
def party(request: pytest.FixtureRequest, exam: Examined, tmp_path: Path) -> Iterator[Party]:
    party = Party(exam, f"ciba-{request.param}-mtls", tmp_path)
    yield party
    party.close()


@pytest.fixture
def caller(party: Party) -> Caller:
    return Caller(party)


@pytest.fixture
def other(party: Party, exam: Examined, tmp_path: Path) -> Iterator[Caller]:
    second = Party(exam, party.client_id.removesuffix("-1"), tmp_path, second=True)
    yield Caller(second)
    second.close()


def test_discovery(party: Party) -> None:
    server = party.server
    assert {"poll", "ping"} == set(server["backchannel_token_delivery_modes_supported"])
    assert GRANT in server["grant_types_supported"]
    assert {"PS256", "ES256"} <= set(server["backchannel_authentication_request_signing_alg_values_supported"])
    assert server["backchannel_user_code_parameter_supported"] is False
    assert server["mtls_endpoint_aliases"][ENDPOINT] != server[ENDPOINT]


def test_two_clients(caller: Caller, other: Caller) -> None:
    tokens, auth_req_id = {}, ""
    for client, changes in ((caller, {}), (other, {"acr_values": "1", "requested_expiry": 300})):
        auth_req_id = client.accepted(**changes)
        assert refusal(client.poll(auth_req_id)) == (400, "authorization_pending")
        client.decide(auth_req_id)
        reply = client.poll(auth_req_id)
        assert (reply.headers["cache-control"], reply.headers["pragma"]) == ("no-store", "no-cache")
        tokens = reply.json()
        _, claims = client.party.verified(tokens["id_token"])
        assert not {"c_hash", "s_hash", "name", "email"} & claims.keys()
        assert claims["acr"] == "1" or not changes
        assert client.party.call(tokens["access_token"]).status_code == 200
    assert caller.party.call(tokens["access_token"]).status_code == 401, "another's certificate"
    in_query = caller.party.mutual.get(f"{caller.party.resource}?access_token={tokens['access_token']}")
    assert in_query.status_code in {400, 401}
    assert refusal(other.poll(auth_req_id)) == (400, "invalid_grant")


def test_refresh_token(caller: Caller) -> None:
    auth_req_id = caller.accepted()
    caller.decide(auth_req_id)
    form = {"grant_type": "refresh_token", "refresh_token": caller.poll(auth_req_id).json()["refresh_token"]}
    assert caller.party.call(caller.party.token(form).json()["access_token"]).status_code == 200


def test_user_rejects_authentication(caller: Caller) -> None:
    auth_req_id = caller.accepted()
    caller.decide(auth_req_id, "deny")
    assert refusal(caller.poll(auth_req_id)) == (400, "access_denied")


def test_multiple_call_to_token_endpoint(caller: Caller) -> None:
    auth_req_id = caller.accepted()
    errors = [refusal(caller.poll(auth_req_id)) for _ in range(20)]
    assert set(errors) == {(400, "authorization_pending"), (400, "slow_down")}
    caller.decide(auth_req_id)
    assert caller.poll(auth_req_id).status_code == 200, "a decision is not withheld"


@pytest.mark.parametrize("good", [{"scope": "accounts openid"}, {"requested_expiry": "30"}, {"typ": "jar"}], ids=str)
def test_a_request_that_is_good(caller: Caller, good: dict[str, Any]) -> None:
    caller.accepted(**{**good, **({"typ": "oauth-authz-req+jwt"} if "typ" in good else {})})


@pytest.mark.parametrize(
    "wrong",
    [
        *({name: None} for name in ("aud", "iss", "exp", "iat", "nbf", "jti", "login_hint")),
        {"aud": "https://suite.example"},
        {"iss": "another client"},
        {"exp": -300},
        {"exp": 70 * 60},
        {"nbf": 600},
        {"nbf": -70 * 60},
        {"id_token_hint": "a second hint"},
        {"login_hint_token": "a second hint"},
    ],
    ids=str,
)
def test_a_request_that_the_profile_forbids(caller: Caller, wrong: dict[str, Any]) -> None:
    assert refusal(caller.ask(caller.request(**moved(wrong)))) == (400, "invalid_request")


def test_no_signature_or_another(caller: Caller, other: Caller) -> None:
    stranger = ECKey.generate_key("P-256", {"kid": str(caller.party.key.kid)})
    claims = {"iss": caller.party.client_id, "aud": caller.party.exam.issuer, "exp": seconds() + 60}
    for text in (
        unsigned(claims),
        tampered(caller.request()),
        caller.request(key=stranger),
        caller.request(key=other.party.key),
        other.request(),
    ):
        assert refusal(caller.ask(text)) == (400, "invalid_request")


def test_without_request_fails(caller: Caller) -> None:
    http = caller.party.mutual if caller.party.by_certificate else caller.party.plain
    plain = {"scope": caller.party.scope, "login_hint": "alice", "binding_message": "1234"}
    reply = http.post(caller.address, data={**caller.party.assertion(caller.party.server[ENDPOINT]), **plain})
    assert refusal(reply) == (400, "invalid_request")


@pytest.mark.parametrize("message", [LONG, None])
def test_potentially_bad_binding_message(caller: Caller, message: str | None) -> None:
    assert refusal(caller.ask(binding_message=message)) == (400, "invalid_binding_message")


def test_unknown_user(caller: Caller) -> None:
    assert refusal(caller.ask(login_hint="nobody")) == (400, "unknown_user_id")


def test_wrong_authentication_request_id(caller: Caller, other: Caller) -> None:
    auth_req_id = caller.accepted()
    assert refusal(caller.poll(auth_req_id + "x")) == (400, "invalid_grant")
    assert refusal(other.poll(auth_req_id)) == (400, "invalid_grant")


def test_mtls_holder_of_key_required(caller: Caller) -> None:
    auth_req_id = caller.accepted()
    caller.decide(auth_req_id)
    assert refusal(caller.poll(auth_req_id, presents=False)) in {(400, "invalid_request"), (401, "invalid_client")}
    assert caller.poll(auth_req_id).status_code == 200, "and nothing is spent"


def test_wrong_client_id(caller: Caller, other: Caller) -> None:
    auth_req_id = caller.accepted()
    stranger = {"client_id": other.party.client_id}
    proof = stranger if caller.party.by_certificate else {**caller.party.assertion(), **stranger}
    assert refusal(caller.ask(proof=proof)) == (401, "invalid_client")
    assert refusal(caller.poll(auth_req_id, stranger)) == (401, "invalid_client")


class TestAssertions:
    @pytest.fixture
    def party(self, exam: Examined, tmp_path: Path) -> Iterator[Party]:
        party = Party(exam, "ciba-private-key-jwt-mtls", tmp_path)
        yield party
        party.close()

    def test_each_audience_of_the_older_profile(self, caller: Caller) -> None:
        party = caller.party
        for audience in (
            party.exam.issuer,
            party.server["token_endpoint"],
            party.at("token_endpoint"),
            party.at(ENDPOINT),
        ):
            assert caller.ask(proof=party.assertion(audience)).status_code == 200

    @pytest.mark.parametrize("changes", [{"exp": -300}, {"aud": "https://suite.example"}, {"sub": None}], ids=str)
    def test_an_assertion_that_is_wrong(self, caller: Caller, changes: dict[str, Any]) -> None:
        if "exp" in changes:
            changes = {"exp": seconds() - 300, "iat": seconds() - 360}
        assert refusal(caller.ask(proof=caller.party.assertion(**changes))) == (401, "invalid_client")

    def test_none_unsigned_and_used(self, caller: Caller) -> None:
        party, auth_req_id = caller.party, caller.accepted()
        claims = {"iss": party.client_id, "sub": party.client_id, "aud": party.exam.issuer, "exp": seconds() + 60}
        used = party.assertion()
        assert caller.ask(proof=used).status_code == 200
        for proof in ({"client_id": party.client_id}, asserting(unsigned(claims)), used):
            assert refusal(caller.ask(proof=proof)) == (401, "invalid_client")
        nothing = {"client_assertion": None, "client_assertion_type": None, "client_id": party.client_id}
        assert refusal(caller.poll(auth_req_id, nothing)) == (401, "invalid_client")


class TestPing:
    @pytest.fixture(params=["private-key-jwt", "mtls"])
    def party(self, request: pytest.FixtureRequest, exam: Examined, tmp_path: Path) -> Iterator[Party]:
        party = Party(exam, f"ciba-ping-{request.param}-mtls", tmp_path)
        yield party
        party.close()

    @pytest.fixture
    def endpoint(self, exam: Examined) -> Iterator[Notified]:
        with notified(exam) as endpoint:
            yield endpoint

    @pytest.mark.parametrize(
        ("status", "body"), [(204, b""), (200, b"a body"), (401, b""), (403, b""), (301, b"")], ids=str
    )
    @pytest.mark.parametrize("token", ["a short token", "t" * 1024], ids=["short", "long"])
    def test_whatever_is_answered_the_client_is_notified_once(
        self, caller: Caller, endpoint: Notified, status: int, body: bytes, token: str
    ) -> None:
        token = token.replace(" ", "-")
        endpoint.status, endpoint.body = status, body
        endpoint.location = f"https://localhost:{caller.party.exam.pings_port}/elsewhere" if status == 301 else ""
        auth_req_id = caller.accepted(client_notification_token=token)
        assert refusal(caller.poll(auth_req_id)) == (400, "authorization_pending")
        caller.decide(auth_req_id)
        ping = endpoint.next()
        assert ping["path"] == "/ciba-notification-endpoint"
        assert ping["headers"]["authorization"] == f"Bearer {token}"
        assert ping["headers"]["content-type"].partition(";")[0] == "application/json"
        assert ping["body"] == {"auth_req_id": auth_req_id}
        assert caller.party.call(caller.poll(auth_req_id).json()["access_token"]).status_code == 200
        assert endpoint.nothing_more()

    def test_user_rejects_authentication(self, caller: Caller, endpoint: Notified) -> None:
        endpoint.status, endpoint.body, endpoint.location = 204, b"", ""
        auth_req_id = caller.accepted(client_notification_token="token")
        caller.decide(auth_req_id, "deny")
        assert endpoint.next()["body"] == {"auth_req_id": auth_req_id}
        assert refusal(caller.poll(auth_req_id)) == (400, "access_denied")

    def test_client_notification_token_is_needed(self, caller: Caller) -> None:
        assert refusal(caller.ask()) == (400, "invalid_request")
