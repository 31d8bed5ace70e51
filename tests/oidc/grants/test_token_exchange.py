"""Token exchange (RFC 8693): for the same person and session, never for more, of what was meant for the client."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from idp.crypto.jose import mint
from idp.model.claims.mapper import Audience, Into
from idp.model.clients.logout import LogoutChannels
from idp.model.oauth import Confirmation
from idp.model.user import Consent
from idp.oidc.errors import OAuthError
from idp.oidc.grants.granted import TokenRequest
from idp.oidc.grants.token_exchange import authorize_exchange
from idp.oidc.sessions.user_sessions import end_session
from idp.oidc.token.tokens import ACCESS_TYPE
from tests.oidc.harness import ANA, Bank, credentials, payload, signing_keys, without_none
from tests.oidc.terms.payments import OPEN_SCHEMA

pytestmark = pytest.mark.anyio
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPES = "urn:ietf:params:oauth:token-type:"
ACCESS = f"{TYPES}access_token"


def audience(*names: str) -> tuple[Audience, ...]:
    """Mappers that put audiences into a client's access tokens."""
    return tuple(Audience(audience=name, into=Into(access=True)) for name in names)


@pytest.fixture
async def market(bank: Bank) -> Bank:
    """`app` calls the API `other`, which calls `spa` (as an API) further on."""
    bank.change_client("app", mappers=audience("other"))
    bank.change_client(
        "other", token_exchange=True, service_account=True, mappers=audience("spa"), optional_scopes=("phone",)
    )
    return bank


async def exchanged(bank: Bank, token: str, client_id: str = "other", /, **changes: str | None) -> httpx.Response:
    form: dict[str, str | None] = {
        "grant_type": GRANT,
        "subject_token": token,
        "subject_token_type": ACCESS,
        **credentials(client_id),
        **changes,
    }
    return await bank.post("token", without_none(form))


async def refused(reply: httpx.Response, error: str, status: int = 400) -> None:
    assert (reply.status_code, reply.json()["error"]) == (status, error), reply.text


async def test_an_api_trades_the_token_it_was_called_with(market: Bank) -> None:
    tokens = await market.tokens()
    market.clock.advance(100)
    reply = await exchanged(market, tokens["access_token"])
    assert reply.status_code == 200, reply.text
    assert reply.headers["cache-control"] == "no-store"
    answer = reply.json()
    assert answer["issued_token_type"] == ACCESS
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 200, "no later than the token it stands on"
    assert not {"refresh_token", "id_token"} & set(answer)
    old, new = payload(tokens["access_token"]), payload(answer["access_token"])
    assert (new["sub"], new["sid"], new["acr"], new["auth_time"]) == (ANA.id, "sid-1", old["acr"], old["auth_time"])
    assert (new["azp"], new["client_id"], new["exp"]) == ("other", "other", old["exp"])
    assert set(new["aud"]) == {"other", "spa"}
    assert new["jti"] != old["jti"]
    assert "act" not in new
    event = (await market.stores.events.recent(limit=1))[0]
    assert (event.type, event.client_id, event.user_id, event.sid) == ("TOKEN_EXCHANGE", "other", ANA.id, "sid-1")
    assert (await market.introspect(answer["access_token"], "other"))["active"]


async def test_the_new_token_dies_with_the_session_and_its_client_hears_of_it(market: Bank) -> None:
    market.provider.outbound = market.sites
    market.change_client("other", logout=LogoutChannels(back_channel_url="https://other.bank.al/back"))
    await market.customer()
    await market.login(clients=("app",))
    tokens = await market.tokens()
    new = (await exchanged(market, tokens["access_token"])).json()["access_token"]
    assert (await market.introspect(new, "other"))["active"]
    await end_session(market.provider, "sid-1")
    assert not (await market.introspect(new, "other"))["active"]
    assert [post.address for post in market.sites.posts] == ["https://other.bank.al/back"]


async def test_a_share_of_the_clients_own_login_stays_as_it_was(market: Bank) -> None:
    tokens = await market.tokens()
    before = await market.stores.user_sessions.get("sid-1")
    assert (await exchanged(market, tokens["access_token"])).status_code == 200
    after = await market.stores.user_sessions.get("sid-1")
    assert before is not None
    assert after is not None
    assert after.clients["other"] == before.clients["other"]


async def test_the_scope_is_within_the_old_tokens_and_the_clients_own(market: Bank) -> None:
    token = (await market.tokens(scope=("openid", "profile", "email")))["access_token"]
    whole = (await exchanged(market, token)).json()
    assert set(whole["scope"].split()) == {"openid", "profile"}, "the client may not have email"
    assert (await exchanged(market, token, scope="profile")).json()["scope"] == "profile"
    await refused(await exchanged(market, token, scope="profile email"), "invalid_scope")
    await refused(await exchanged(market, token, scope="profile phone"), "invalid_scope")


async def test_the_audience_is_one_that_the_realm_gives_the_client(market: Bank) -> None:
    token = (await market.tokens())["access_token"]
    reply = await exchanged(market, token, audience="spa")
    assert payload(reply.json()["access_token"])["aud"] == "spa"
    for name in ("app", "nobody", "https://evil.example"):
        await refused(await exchanged(market, token, audience=name), "invalid_target")


async def test_a_resource_is_a_name_of_an_audience(market: Bank) -> None:
    token = (await market.tokens())["access_token"]
    market.change_client("spa", resources=("https://api.bank.al/cards",))
    market.change_client("app", resources=("https://api.bank.al/app",))
    reply = await exchanged(market, token, resource="https://api.bank.al/cards")
    assert payload(reply.json()["access_token"])["aud"] == "https://api.bank.al/cards"
    for name in ("https://api.bank.al/app", "https://api.bank.al/unknown"):
        await refused(await exchanged(market, token, resource=name), "invalid_target")


async def test_a_client_trades_its_own_token(market: Bank) -> None:
    market.change_client("app", token_exchange=True)
    token = (await market.tokens())["access_token"]
    assert (await exchanged(market, token, "app")).status_code == 200


async def test_a_token_that_was_not_meant_for_the_client_is_refused(market: Bank) -> None:
    market.change_client("app", mappers=())
    token = (await market.tokens())["access_token"]
    await refused(await exchanged(market, token), "invalid_request")
    assert (await market.events())[0] == "TOKEN_EXCHANGE_ERROR"


async def test_only_a_confidential_client_that_may_exchanges(market: Bank) -> None:
    token = (await market.tokens())["access_token"]
    await refused(await exchanged(market, token, "app"), "unauthorized_client")
    market.change_client("spa", token_exchange=True)
    await refused(await exchanged(market, token, "spa"), "unauthorized_client")


@pytest.mark.parametrize("name", ["id_token", "refresh_token", "access_token"])
async def test_another_type_of_subject_token_is_refused(market: Bank, name: str) -> None:
    tokens = await market.tokens()
    if name != "access_token":
        await refused(await exchanged(market, tokens[name]), "invalid_request")
    for kind in ("id_token", "refresh_token", "jwt", "saml2"):
        await refused(await exchanged(market, tokens[name], subject_token_type=TYPES + kind), "invalid_request")


async def test_a_logout_token_is_no_subject(market: Bank) -> None:
    market.provider.outbound = market.sites
    market.change_client("other", logout=LogoutChannels(back_channel_url="https://other.bank.al/back"))
    await market.tokens()
    await end_session(market.provider, "sid-1")
    await refused(await exchanged(market, market.sites.posts[0].form["logout_token"]), "invalid_request")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"subject_token": None}, id="no subject token"),
        pytest.param({"subject_token_type": None}, id="no type"),
        pytest.param({"subject_token": "nonsense"}, id="no token"),
        pytest.param({"requested_token_type": f"{TYPES}refresh_token"}, id="a refresh token wanted"),
        pytest.param({"requested_token_type": f"{TYPES}id_token"}, id="an ID token wanted"),
        pytest.param({"actor_token_type": ACCESS}, id="an actor's type without an actor"),
        pytest.param({"actor_token": "nonsense", "actor_token_type": ACCESS}, id="an actor that is no token"),
        pytest.param({"actor_token": "own"}, id="an actor without a type"),
        pytest.param({"actor_token": "subject", "actor_token_type": ACCESS}, id="somebody else as the actor"),
    ],
)
async def test_a_malformed_exchange_is_an_invalid_request(market: Bank, changes: dict[str, str | None]) -> None:
    token = (await market.tokens())["access_token"]
    texts = {"own": await own_token(market), "subject": token}
    given = {name: texts.get(value or "", value) for name, value in changes.items()}
    await refused(await exchanged(market, token, "other", **given), "invalid_request")


async def test_an_expired_revoked_or_stopped_subject_is_refused(market: Bank) -> None:
    tokens = await market.tokens()
    token = tokens["access_token"]
    await market.lock_customer()
    await refused(await exchanged(market, token), "invalid_request")
    await market.stores.attempts.clear(ANA.id, "password")
    assert (await exchanged(market, token)).status_code == 200
    await market.post("revoke", {"token": token, **credentials("app")})
    await refused(await exchanged(market, token), "invalid_request")
    again = (await market.tokens())["access_token"]
    market.clock.advance(300)
    await refused(await exchanged(market, again), "invalid_request")


async def test_a_clients_own_token_has_nobody_to_act_for(market: Bank) -> None:
    await refused(await exchanged(market, await own_token(market)), "invalid_request")


async def test_offline_access_whose_session_has_ended_is_refused(market: Bank) -> None:
    token = (await market.tokens(scope=("openid", "offline_access")))["access_token"]
    assert (await exchanged(market, token)).status_code == 200
    await end_session(market.provider, "sid-1")
    assert (await market.introspect(token))["active"]
    await refused(await exchanged(market, token), "invalid_request")


async def test_a_bound_token_is_not_traded_for_a_bearer_token(market: Bank) -> None:
    claims = payload((await market.tokens())["access_token"])
    bound = mint(
        signing_keys().signer("ES256"), typ=ACCESS_TYPE, claims={**claims, "cnf": {"jkt": "k" * 43}, "typ": "DPoP"}
    )
    await refused(await exchanged(market, bound), "invalid_request")


async def test_a_client_that_needs_consent_and_has_none_is_refused(market: Bank) -> None:
    token = (await market.tokens())["access_token"]
    market.change_client("other", consent_required=True)
    await refused(await exchanged(market, token), "invalid_request")


async def test_a_login_below_the_clients_minimum_is_not_traded(market: Bank) -> None:
    weak = (await market.tokens(acr="pwd"))["access_token"]
    strong = (await market.tokens(acr="2fa"))["access_token"]
    market.change_client("other", minimum_acr="2fa")
    await refused(await exchanged(market, weak), "invalid_request")
    assert (await exchanged(market, strong)).status_code == 200


async def test_a_consent_counts_for_the_scope_that_was_agreed_to(market: Bank) -> None:
    token = (await market.tokens())["access_token"]
    market.change_client("other", consent_required=True)
    await market.change_customer(consents={"other": Consent(scopes=("openid", "profile"), at=1)})
    await refused(await exchanged(market, token), "invalid_request")
    reply = await exchanged(market, token, scope="openid profile")
    assert reply.json()["scope"] == "openid profile"


async def own_token(bank: Bank, client_id: str = "other") -> str:
    reply = await bank.post("token", {"grant_type": "client_credentials", **credentials(client_id)})
    token: str = reply.json()["access_token"]
    return token


async def test_an_actor_is_named_in_the_token_and_stays_in_the_chain(market: Bank) -> None:
    token = (await market.tokens())["access_token"]
    actor = await own_token(market)
    first = (await exchanged(market, token, actor_token=actor, actor_token_type=ACCESS)).json()["access_token"]
    who = {"sub": payload(actor)["sub"], "client_id": "other"}
    assert payload(first)["act"] == who
    assert (await market.introspect(first, "other"))["act"] == who
    without = (await exchanged(market, first)).json()["access_token"]
    assert payload(without)["act"] == who, "nobody disappears from the chain"
    again = (await exchanged(market, first, actor_token=actor, actor_token_type=ACCESS)).json()["access_token"]
    assert payload(again)["act"] == {**who, "act": who}


async def test_a_chain_of_actors_is_bounded(market: Bank) -> None:
    token = (await market.tokens())["access_token"]
    actor = await own_token(market)
    for _ in range(4):
        reply = await exchanged(market, token, actor_token=actor, actor_token_type=ACCESS)
        token = reply.json()["access_token"]
    await refused(await exchanged(market, token, actor_token=actor, actor_token_type=ACCESS), "invalid_request")


async def test_authorization_details_are_carried_only_as_asked_for_and_never_more(market: Bank) -> None:
    market.realm = msgspec.structs.replace(market.realm, authorization_details_types={"payment": OPEN_SCHEMA})
    details: list[dict[str, Any]] = [{"type": "payment", "amount": "10"}]
    claims = payload((await market.tokens())["access_token"])
    token = mint(signing_keys().signer("ES256"), typ=ACCESS_TYPE, claims={**claims, "authorization_details": details})
    assert "authorization_details" not in payload((await exchanged(market, token)).json()["access_token"])
    asked = msgspec.json.encode(details).decode()
    # Not of a type that only the subject's client may ask for.
    await refused(await exchanged(market, token, authorization_details=asked), "invalid_authorization_details")
    market.change_client("other", authorization_details_types=("payment",))
    reply = await exchanged(market, token, authorization_details=asked)
    assert payload(reply.json()["access_token"])["authorization_details"] == details
    more = msgspec.json.encode([{"type": "payment", "amount": "11"}]).decode()
    await refused(await exchanged(market, token, authorization_details=more), "invalid_authorization_details")


async def test_a_bound_token_is_traded_by_its_own_client_under_the_same_key_only(market: Bank) -> None:
    market.change_client("app", token_exchange=True)
    claims = payload((await market.tokens())["access_token"])
    key, other = Confirmation(jkt="k" * 43), Confirmation(jkt="o" * 43)
    bound = {**claims, "cnf": {"jkt": key.jkt}, "typ": "DPoP"}
    token = mint(signing_keys().signer("ES256"), typ=ACCESS_TYPE, claims=bound)
    form = {"subject_token": token, "subject_token_type": ACCESS}

    async def asked(client_id: str, confirmation: Confirmation) -> Confirmation:
        request = TokenRequest(form=form, confirmation=confirmation)
        granted = await authorize_exchange(market.provider, market.realm.clients[client_id], request)
        return granted.authorization.confirmation

    assert await asked("app", key) == key
    with pytest.raises(OAuthError):
        await asked("app", other)
    assert await asked("other", other) == other, "an API has a key of its own"


async def test_a_stopped_actor_acts_no_more(market: Bank) -> None:
    token, actor = (await market.tokens())["access_token"], await own_token(market)
    await market.post("revoke", {"token": actor, **credentials("other")})
    await refused(await exchanged(market, token, actor_token=actor, actor_token_type=ACCESS), "invalid_request")
