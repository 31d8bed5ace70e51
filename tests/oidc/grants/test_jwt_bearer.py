"""The JWT bearer grant (RFC 7523 §2.1): whom the realm trusts may vouch for a user, once, to us, for a short while."""

from __future__ import annotations

import secrets
from typing import Any

import httpx
import msgspec
import pytest

from idp.model.clients.assertion import KeySource
from idp.model.trusted.assertion_issuer import AssertionIssuer
from idp.model.user import Consent
from idp.oidc.sessions.user_sessions import end_session
from tests.oidc.harness import ANA, BASE, PATH, Bank, credentials, payload, without_none
from tests.oidc.signers import FOREIGN, ISSUER, JWKS, signed

pytestmark = pytest.mark.anyio
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
BRANCH = "https://branch.bank.al"
TRUSTED = AssertionIssuer(alias="branch", issuer=BRANCH, keys=KeySource(jwks=JWKS), subject="id")


@pytest.fixture
async def trusting(bank: Bank) -> Bank:
    bank.realm = msgspec.structs.replace(bank.realm, assertion_issuers={BRANCH: TRUSTED})
    bank.change_client("app", assertion_issuers=("branch",))
    await bank.customer()
    return bank


def claims(bank: Bank, /, **changes: Any) -> dict[str, Any]:
    now = bank.provider.now()
    good = {"iss": BRANCH, "sub": ANA.id, "aud": ISSUER, "jti": secrets.token_urlsafe(9), "iat": now, "exp": now + 60}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


async def granted(bank: Bank, assertion: str | None, client_id: str = "app", /, **more: str | None) -> httpx.Response:
    form = {"grant_type": GRANT, "assertion": assertion, **credentials(client_id), **more}
    return await bank.post("token", without_none(form))


def refused(reply: httpx.Response, error: str = "invalid_grant") -> None:
    assert (reply.status_code, reply.json()["error"]) == (400, error), reply.text
    if error == "invalid_grant":
        assert reply.json()["error_description"] == "Invalid assertion."


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "EdDSA"])
async def test_an_assertion_of_a_trusted_issuer_is_worth_an_access_token(trusting: Bank, algorithm: str) -> None:
    reply = await granted(trusting, signed(claims(trusting), algorithm), scope="openid phone offline_access")
    assert reply.status_code == 200, reply.text
    answer = reply.json()
    assert not {"refresh_token", "id_token"} & set(answer)
    token = payload(answer["access_token"])
    assert (token["sub"], token["client_id"], token["acr"]) == (ANA.id, "app", "0")
    assert "auth_time" not in token, "the user has not logged in here"
    assert set(token["scope"].split()) == {"openid", "phone", "profile", "email"}
    assert (await trusting.userinfo(answer["access_token"])).status_code == 200
    assert (await trusting.introspect(answer["access_token"]))["active"]
    event = (await trusting.stores.events.recent(limit=1))[0]
    assert (event.type, event.user_id, event.client_id) == ("JWT_BEARER_TO_TOKEN", ANA.id, "app")
    await end_session(trusting.provider, token["sid"])
    assert not (await trusting.introspect(answer["access_token"]))["active"]


async def test_the_token_endpoint_is_us_too(trusting: Bank) -> None:
    assert (await granted(trusting, signed(claims(trusting, aud=BASE + PATH + "token")))).status_code == 200


async def test_a_user_is_found_by_name_where_the_realm_says_so(trusting: Bank) -> None:
    by_name = msgspec.structs.replace(TRUSTED, subject="username")
    refused(await granted(trusting, signed(claims(trusting, sub="ana"))))
    trusting.realm = msgspec.structs.replace(trusting.realm, assertion_issuers={BRANCH: by_name})
    reply = await granted(trusting, signed(claims(trusting, sub="ana")))
    assert payload(reply.json()["access_token"])["sub"] == ANA.id
    refused(await granted(trusting, signed(claims(trusting, sub=ANA.id))))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"iss": "https://evil.example"}, id="another issuer"),
        pytest.param({"iss": None}, id="no issuer"),
        pytest.param({"iss": [BRANCH]}, id="a list of issuers"),
        pytest.param({"aud": [ISSUER]}, id="a list of audiences"),
        pytest.param({"aud": "https://other.example"}, id="for somebody else"),
        pytest.param({"aud": None}, id="for nobody"),
        pytest.param({"aud": ISSUER + "/"}, id="for nearly us"),
        pytest.param({"sub": None}, id="nobody"),
        pytest.param({"sub": ""}, id="an empty name"),
        pytest.param({"sub": "user-nobody"}, id="an unknown user"),
        pytest.param({"sub": 1}, id="a number for a user"),
        pytest.param({"jti": None}, id="no jti"),
        pytest.param({"jti": 1}, id="a number for a jti"),
        pytest.param({"exp": None}, id="no end"),
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"exp": 4_000_000_000}, id="too long a life"),
        pytest.param({"iat": 4_000_000_000}, id="from the future"),
        pytest.param({"nbf": 4_000_000_000}, id="not valid yet"),
    ],
)
async def test_a_wrong_claim_is_an_invalid_grant_and_takes_nothing(trusting: Bank, changes: dict[str, Any]) -> None:
    good = claims(trusting)
    refused(await granted(trusting, signed({**{k: v for k, v in {**good, **changes}.items() if v is not None}})))
    assert (await granted(trusting, signed(good))).status_code == 200, "the jti was not spent"


async def test_an_assertion_counts_once(trusting: Bank) -> None:
    assertion = signed(claims(trusting))
    assert (await granted(trusting, assertion)).status_code == 200
    refused(await granted(trusting, assertion))
    assert (await trusting.events())[0] == "JWT_BEARER_TO_TOKEN_ERROR"


@pytest.mark.parametrize(
    "typ", ["at+jwt", "logout+jwt", "dpop+jwt", "oauth-authz-req+jwt", "client-authentication+jwt"]
)
async def test_a_token_of_another_kind_is_no_assertion(trusting: Bank, typ: str) -> None:
    refused(await granted(trusting, signed(claims(trusting), typ=typ)))


async def test_an_assertion_that_somebody_else_signed_is_refused(trusting: Bank) -> None:
    refused(await granted(trusting, signed(claims(trusting), key=FOREIGN)))
    refused(await granted(trusting, signed(claims(trusting), "HS256", kid="ec")))
    head, _, _ = signed(claims(trusting)).partition(".")
    refused(await granted(trusting, f"{head}.e30."))
    refused(await granted(trusting, "nonsense"))


async def test_the_issuers_algorithm_is_the_only_one(trusting: Bank) -> None:
    only = msgspec.structs.replace(TRUSTED, algorithm="PS256")
    trusting.realm = msgspec.structs.replace(trusting.realm, assertion_issuers={BRANCH: only})
    refused(await granted(trusting, signed(claims(trusting), "ES256")))
    assert (await granted(trusting, signed(claims(trusting), "PS256"))).status_code == 200


async def test_our_own_tokens_are_nobodys_assertion(trusting: Bank) -> None:
    tokens = await trusting.tokens()
    for name in ("access_token", "id_token", "refresh_token"):
        refused(await granted(trusting, tokens[name]))


async def test_only_the_clients_that_may_bring_an_issuers_assertions_do(trusting: Bank) -> None:
    refused(await granted(trusting, signed(claims(trusting)), "other"), "unauthorized_client")
    trusting.change_client("other", assertion_issuers=("head-office",))
    refused(await granted(trusting, signed(claims(trusting)), "other"))
    trusting.change_client("spa", assertion_issuers=("branch",))
    refused(await granted(trusting, signed(claims(trusting)), "spa"), "unauthorized_client")


async def test_the_gate_is_asked(trusting: Bank) -> None:
    await trusting.lock_customer()
    refused(await granted(trusting, signed(claims(trusting))))
    await trusting.stores.attempts.clear(ANA.id, "password")
    await trusting.change_customer(enabled=False)
    refused(await granted(trusting, signed(claims(trusting))))


async def test_a_client_that_needs_consent_and_has_none_is_refused(trusting: Bank) -> None:
    trusting.change_client("app", consent_required=True)
    refused(await granted(trusting, signed(claims(trusting))))


async def test_a_client_with_a_minimum_acr_is_given_nothing_on_somebodys_word(trusting: Bank) -> None:
    trusting.change_client("app", minimum_acr="pwd")
    refused(await granted(trusting, signed(claims(trusting))), "unauthorized_client")


async def test_a_consent_counts_for_the_scope_that_was_agreed_to(trusting: Bank) -> None:
    trusting.change_client("app", consent_required=True)
    await trusting.change_customer(consents={"app": Consent(scopes=("email", "profile"), at=1)})
    assert (await granted(trusting, signed(claims(trusting)))).status_code == 200
    refused(await granted(trusting, signed(claims(trusting)), scope="phone"))


async def test_what_is_missing_or_needs_a_person_is_an_invalid_request(trusting: Bank) -> None:
    refused(await granted(trusting, None), "invalid_request")
    refused(await granted(trusting, signed(claims(trusting)), authorization_details="[]"), "invalid_request")


async def test_a_sessions_secret_is_no_cookie_and_the_token_can_be_exchanged_like_any_other(trusting: Bank) -> None:
    trusting.change_client("app", token_exchange=True)
    token = (await granted(trusting, signed(claims(trusting)))).json()["access_token"]
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        **credentials("app"),
    }
    assert "auth_time" not in payload((await trusting.post("token", form)).json()["access_token"])


async def test_the_grant_is_in_the_metadata_where_somebody_is_trusted(trusting: Bank) -> None:
    from idp.oidc.metadata.discovery import metadata  # noqa: PLC0415 - beside its only use

    assert GRANT in metadata(trusting.provider)["grant_types_supported"]
    trusting.realm = msgspec.structs.replace(trusting.realm, assertion_issuers={})
    assert GRANT not in metadata(trusting.provider)["grant_types_supported"]
