"""The backchannel authentication endpoint: what may be asked, how it is signed, and every refusal's error."""

from __future__ import annotations

import contextlib
import secrets
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.crypto.digest import digest
from idp.model.clients.assertion import KeySource
from idp.model.clients.pairwise import Pairwise
from idp.model.clients.rules import ClientRules
from idp.model.pending import BackchannelRules, PendingPolicy
from idp.oidc.decoupled.backchannel_request import checked
from idp.oidc.errors import OAuthError
from idp.oidc.requests.asked import Asked
from tests.fakes import FakeClock
from tests.oidc.harness import ANA, BASE, CLIENTS, SECRET, Bank
from tests.oidc.signers import FOREIGN, ISSUER, JWKS, signed, staff

pytestmark = pytest.mark.anyio
CREDENTIALS = {"client_id": "app", "client_secret": SECRET}
FORM = {**CREDENTIALS, "scope": "openid phone admin", "login_hint": "ana"}
ON = BackchannelRules(enabled=True)
PING = BackchannelRules(enabled=True, delivery="ping", notification_endpoint="https://app.bank.al/ping")


@pytest.fixture
async def bank(clock: FakeClock) -> Bank:
    bank = staff(Bank(clock, pending=PendingPolicy(requests_per_hour=100)))
    bank.change_client("app", backchannel=ON, keys=KeySource(jwks=JWKS))
    await bank.customer()
    return bank


async def ask(bank: Bank, **form: str | None) -> httpx.Response:
    given = {**FORM, **form}
    return await bank.post("ext/ciba/auth", {name: value for name, value in given.items() if value is not None})


async def refusal(bank: Bank, **form: str | None) -> tuple[int, str]:
    reply = await ask(bank, **form)
    assert set(reply.json()) == {"error", "error_description"}
    return reply.status_code, reply.json()["error"]


def claims(bank: Bank, **changes: Any) -> dict[str, Any]:
    now = bank.provider.now()
    good = {
        "iss": "app",
        "aud": ISSUER,
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "jti": secrets.token_urlsafe(12),
        "scope": "openid",
        "login_hint": "ana",
        **changes,
    }
    return {name: value for name, value in good.items() if value is not None}


async def ask_signed(bank: Bank, request: str, **beside: str) -> httpx.Response:
    return await bank.post("ext/ciba/auth", {**CREDENTIALS, "request": request, **beside})


async def test_the_answer_names_the_request_and_its_times(bank: Bank) -> None:
    reply = await ask(bank, binding_message="Pagesa 12,50 € + 1")
    assert reply.status_code == 200, reply.text
    assert reply.headers["cache-control"] == "no-store"
    answer = reply.json()
    assert set(answer) == {"auth_req_id", "expires_in", "interval"}
    assert len(answer["auth_req_id"]) == 43, "256 bits"
    pending = await bank.stores.pending.get(digest(answer["auth_req_id"]))
    assert pending is not None
    assert pending.user_id == ANA.id
    assert pending.scope == ("openid", "phone", "profile", "email")
    assert pending.binding_message == "Pagesa 12,50 € + 1"
    assert await bank.events() == ["BACKCHANNEL_AUTHENTICATION"]


async def test_a_client_may_give_less_time_and_never_more(bank: Bank) -> None:
    assert (await ask(bank, requested_expiry="30")).json()["expires_in"] == 30
    assert (await ask(bank, requested_expiry="999999")).json()["expires_in"] == 120
    for wrong in ("0", "-1", "1.5", "soon", "9" * 7):
        assert await refusal(bank, requested_expiry=wrong) == (400, "invalid_request")


async def test_a_customer_is_named_by_name_address_or_token(bank: Bank) -> None:
    assert (await ask(bank)).status_code == 200
    assert await refusal(bank, login_hint="ana@bank.al") == (400, "unknown_user_id")
    bank.realm = msgspec.structs.replace(bank.realm, login_with_email=True)
    assert (await ask(bank, login_hint="ana@bank.al")).status_code == 200
    token = (await bank.tokens())["id_token"]
    bank.clock.advance(7200)  # an old token still says who is meant
    assert (await ask(bank, login_hint=None, id_token_hint=token)).status_code == 200


async def test_a_customer_with_a_name_of_the_clients_own_is_known_while_the_session_lives(bank: Bank) -> None:
    bank.change_client("app", pairwise=Pairwise(sector="app.bank.al"))
    token = (await bank.tokens())["id_token"]
    assert (await ask(bank, login_hint=None, id_token_hint=token)).status_code == 200
    bank.change_client("app", pairwise=Pairwise(sector="another.bank.al"))
    assert await refusal(bank, login_hint=None, id_token_hint=token) == (400, "unknown_user_id")
    bank.change_client("app", pairwise=Pairwise(sector="app.bank.al"))
    await bank.stores.user_sessions.end("sid-1")
    assert await refusal(bank, login_hint=None, id_token_hint=token) == (400, "unknown_user_id")


async def test_another_clients_or_a_forged_token_is_no_hint(bank: Bank) -> None:
    other = (await bank.tokens("spa"))["id_token"]
    access = (await bank.tokens())["access_token"]
    for token in (other, access, "x", signed({"sub": ANA.id, "iss": ISSUER, "aud": "app"})):
        assert await refusal(bank, login_hint=None, id_token_hint=token) == (400, "invalid_request")


@pytest.mark.parametrize(
    "hints",
    [
        {"login_hint": None},
        {"id_token_hint": "x"},
        {"login_hint_token": "x"},
        {"login_hint": None, "login_hint_token": "x"},
        {"login_hint": "x" * 5000},
    ],
)
async def test_exactly_one_hint_that_we_understand(bank: Bank, hints: dict[str, str | None]) -> None:
    assert await refusal(bank, **hints) == (400, "invalid_request")


async def test_who_is_unknown_locked_or_disabled_is_one_answer(bank: Bank) -> None:
    unknown = await ask(bank, login_hint="nobody")
    await bank.lock_customer()
    locked = await ask(bank)
    assert unknown.json() == locked.json()
    assert (locked.status_code, locked.json()["error"]) == (400, "unknown_user_id")
    bank.clock.advance(86400)
    await bank.change_customer(enabled=False)
    assert (await ask(bank)).json() == unknown.json()


async def test_a_customer_is_not_asked_for_ever(clock: FakeClock) -> None:
    bank = Bank(clock, pending=PendingPolicy(requests_per_hour=2))
    bank.change_client("app", backchannel=ON)
    await bank.customer()
    assert [(await ask(bank)).status_code for _ in range(3)] == [200, 200, 403]
    assert await refusal(bank) == (403, "access_denied")
    bank.clock.advance(3600)
    assert (await ask(bank)).status_code == 200


async def test_a_client_proves_itself_and_is_switched_on(bank: Bank) -> None:
    assert await refusal(bank, client_secret="wrong") == (401, "invalid_client")
    bank.change_client("app", backchannel=BackchannelRules())
    assert await refusal(bank) == (400, "unauthorized_client")
    bank.change_client("spa", backchannel=ON)
    public = await bank.post("ext/ciba/auth", {"client_id": "spa", "scope": "openid", "login_hint": "ana"})
    assert public.json()["error"] == "unauthorized_client"


@pytest.mark.parametrize(("scope", "error"), [(None, "invalid_scope"), ("profile", "invalid_scope")])
async def test_the_scope_has_openid(bank: Bank, scope: str | None, error: str) -> None:
    assert await refusal(bank, scope=scope) == (400, error)


@pytest.mark.parametrize(
    "message",
    [
        "x" * 101,
        "two\nlines",
        "tab\there",
        "\u202egnol",
        "zero\u200bwidth",
        "no\u00a0break",
        "z\u0335a\u0336l",
        "\U0001f44d",
        "\x00",
    ],
)
async def test_a_message_that_cannot_be_shown_is_refused(bank: Bank, message: str) -> None:
    assert await refusal(bank, binding_message=message) == (400, "invalid_binding_message")


@given(st.text(max_size=120))
def test_any_message_is_shown_as_one_line_or_refused(message: str) -> None:
    asked = Asked(parameters={"scope": "openid", "login_hint": "ana", "binding_message": message})
    found = ""
    with contextlib.suppress(OAuthError):
        found = checked(CLIENTS["app"], asked).binding_message
    assert found.isprintable()
    assert len(found) <= 100


async def test_a_policy_may_want_a_message(bank: Bank) -> None:
    bank.change_client("app", rules=ClientRules(binding_message=True))
    assert await refusal(bank) == (400, "invalid_binding_message")
    assert (await ask(bank, binding_message="4711")).status_code == 200


async def test_ping_needs_a_bearer_token_of_the_client(bank: Bank) -> None:
    bank.change_client("app", backchannel=PING)
    assert await refusal(bank) == (400, "invalid_request")
    for wrong in ("with space", "line\r\nHost: x", "ë", "x" * 1025, "=x"):
        assert await refusal(bank, client_notification_token=wrong) == (400, "invalid_request")
    reply = await ask(bank, client_notification_token="a-token._~+/==")
    assert reply.status_code == 200
    pending = await bank.stores.pending.get(digest(reply.json()["auth_req_id"]))
    assert pending is not None
    assert b"a-token" not in pending.notification_token, "sealed"


class TestSigned:
    """CIBA Core §7.1.1 and FAPI-CIBA §5.2.2."""

    @pytest.mark.parametrize("algorithm", ["ES256", "PS256", "RS256", "ES384", "EdDSA"])
    async def test_a_signed_request_counts_as_its_parameters(self, bank: Bank, algorithm: str) -> None:
        request = signed(claims(bank, binding_message="4711", requested_expiry=30), algorithm)
        reply = await ask_signed(bank, request)
        assert reply.status_code == 200, reply.text
        assert reply.json()["expires_in"] == 30
        pending = await bank.stores.pending.get(digest(reply.json()["auth_req_id"]))
        assert pending is not None
        assert pending.binding_message == "4711"

    async def test_requested_expiry_may_be_text(self, bank: Bank) -> None:
        reply = await ask_signed(bank, signed(claims(bank, requested_expiry="30")))
        assert reply.json()["expires_in"] == 30

    @pytest.mark.parametrize("typ", ["oauth-authz-req+jwt", "JWT", None])
    async def test_its_type_is_that_of_a_request(self, bank: Bank, typ: str | None) -> None:
        assert (await ask_signed(bank, signed(claims(bank), typ=typ))).status_code == 200

    @pytest.mark.parametrize(
        "changes",
        [
            *({name: None} for name in ("aud", "iss", "exp", "iat", "nbf", "jti")),
            {"aud": BASE},
            {"aud": "https://elsewhere.example"},
            {"aud": 7},
            {"iss": "other"},
            {"sub": "app"},
            {"exp": -1},
            {"exp": 4200},
            {"nbf": -4200, "exp": 10},
            {"nbf": 600, "exp": 700},
            {"iat": 600},
            {"iat": -604800},
            {"jti": ""},
            {"jti": 7},
            {"exp": "soon"},
            {"exp": True},
            {"request": "x"},
            {"scope": ["openid"]},
        ],
        ids=str,
    )
    async def test_every_claim_is_needed_and_checked(self, bank: Bank, changes: dict[str, Any]) -> None:
        now = bank.provider.now()
        timed = {
            name: now + value if name in {"exp", "nbf", "iat"} and type(value) is int else value
            for name, value in changes.items()
        }
        reply = await ask_signed(bank, signed(claims(bank, **timed)))
        assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request"), changes
        assert "BACKCHANNEL_AUTHENTICATION" not in await bank.events()

    async def test_it_is_used_once(self, bank: Bank) -> None:
        request = signed(claims(bank))
        assert (await ask_signed(bank, request)).status_code == 200
        assert (await ask_signed(bank, request)).json()["error"] == "invalid_request"

    async def test_one_that_was_refused_does_not_spend_its_name(self, bank: Bank) -> None:
        jti = "the-name"
        assert (await ask_signed(bank, signed(claims(bank, jti=jti), key=FOREIGN))).status_code == 400
        assert (await ask_signed(bank, signed(claims(bank, jti=jti)))).status_code == 200

    @pytest.mark.parametrize("beside", [{"scope": "openid"}, {"login_hint": "ana"}, {"binding_message": "x"}])
    async def test_nothing_stands_beside_it(self, bank: Bank, beside: dict[str, str]) -> None:
        reply = await ask_signed(bank, signed(claims(bank)), **beside)
        assert reply.json()["error"] == "invalid_request"

    async def test_a_signature_by_nobody_by_another_or_by_a_secret_counts_as_none(self, bank: Bank) -> None:
        good = signed(claims(bank))
        head, body, signature = good.split(".")
        unsigned = f"eyJhbGciOiJub25lIn0.{body}."
        altered = f"{head}.{body}.{signature[::-1]}"
        by_secret = signed(claims(bank), "HS256", kid=None)
        foreign = signed(claims(bank), key=FOREIGN)
        for request in (unsigned, altered, by_secret, foreign, "", "x.y.z", "x" * 60000):
            reply = await ask_signed(bank, request)
            assert reply.status_code in {400, 413}, reply.text
            assert reply.json()["error"] == "invalid_request"

    @pytest.mark.parametrize("typ", ["client-authentication+jwt", "dpop+jwt", "at+jwt"])
    async def test_what_was_signed_for_something_else_is_no_request(self, bank: Bank, typ: str) -> None:
        assert (await ask_signed(bank, signed(claims(bank), typ=typ))).json()["error"] == "invalid_request"

    async def test_a_registered_algorithm_is_the_only_one_and_must_be_used(self, bank: Bank) -> None:
        bank.change_client("app", backchannel=BackchannelRules(enabled=True, algorithm="PS256"))
        assert await refusal(bank) == (400, "invalid_request")
        assert (await ask_signed(bank, signed(claims(bank)))).json()["error"] == "invalid_request"
        assert (await ask_signed(bank, signed(claims(bank), "PS256"))).status_code == 200

    async def test_a_policy_may_want_signatures_of_its_own_choice_and_time(self, bank: Bank) -> None:
        bank.change_client("app", rules=ClientRules(backchannel_request=60, algorithms=("PS256", "ES256")))
        now = bank.provider.now()
        assert await refusal(bank) == (400, "invalid_request")
        assert (await ask_signed(bank, signed(claims(bank)))).json()["error"] == "invalid_request", "five minutes"
        short = claims(bank, exp=now + 60)
        assert (await ask_signed(bank, signed(short, "RS256"))).json()["error"] == "invalid_request"
        assert (await ask_signed(bank, signed(short))).status_code == 200

    async def test_a_client_without_keys_signs_nothing(self, bank: Bank) -> None:
        bank.change_client("app", keys=KeySource())
        assert (await ask_signed(bank, signed(claims(bank)))).json()["error"] == "invalid_request"


async def test_discovery_says_what_is_offered(bank: Bank) -> None:
    document = (await bank.http.get("/realms/bank/.well-known/openid-configuration")).json()
    assert document["backchannel_authentication_endpoint"].endswith("/protocol/openid-connect/ext/ciba/auth")
    assert document["backchannel_token_delivery_modes_supported"] == ["poll", "ping"]
    assert document["backchannel_user_code_parameter_supported"] is False
    assert "HS256" not in document["backchannel_authentication_request_signing_alg_values_supported"]


async def test_only_a_posted_form_is_read(bank: Bank) -> None:
    address = "/realms/bank/protocol/openid-connect/ext/ciba/auth"
    assert (await bank.http.get(address, params=FORM)).status_code == 405
    assert (await bank.http.post(address, json=FORM)).json()["error"] == "invalid_request"
