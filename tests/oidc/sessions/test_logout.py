from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from idp.crypto.encryption import encrypted
from idp.crypto.jose import mint
from idp.crypto.public_keys import EncryptionKey
from idp.model.clients.logout import LogoutChannels
from idp.model.clients.pairwise import Pairwise
from idp.model.clients.protection import Protection
from idp.oidc.sessions.logout import AskPerson, ErrorPage, LoggedOutPage, RedirectTo, decide, logout
from idp.oidc.sessions.user_sessions import end_session
from tests.oidc.harness import Bank, credentials, payload, signing_keys

pytestmark = pytest.mark.anyio
STRANGER = ec.generate_private_key(ec.SECP256R1()).public_key()
BYE = "https://app.bank.al/bye"


async def test_the_clients_own_id_token_logs_out_and_returns(bank: Bank) -> None:
    tokens = await bank.tokens()
    session = await bank.stores.user_sessions.get("sid-1")
    parameters = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE, "state": "a b&c"}
    decision = await logout(bank.provider, parameters, session=session)
    assert decision == RedirectTo(url=f"{BYE}?state=a+b%26c", client_id="app", ends="sid-1")
    assert await bank.stores.user_sessions.get("sid-1") is None
    assert (await bank.refresh(tokens["refresh_token"])).status_code == 400
    (event, *_) = [event for event in await bank.stores.events.recent(limit=9) if event.type == "LOGOUT"]
    assert (event.sid, event.client_id, event.transaction_id) == ("sid-1", "app", "tx-sid-1")


async def test_frames_are_loaded_for_the_clients_of_the_ended_session_that_want_them(bank: Bank) -> None:
    bank.change_client("app", logout=LogoutChannels(front_channel_url="https://app.bank.al/out?a=b"))
    bank.change_client(
        "spa", logout=LogoutChannels(front_channel_url="https://spa.bank.al/o", front_channel_needs_sid=False)
    )
    bank.change_client("other", logout=LogoutChannels(front_channel_url="javascript:alert(1)"))
    hint = (await bank.tokens())["id_token"]
    session = await bank.stores.user_sessions.get("sid-1")
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": BYE}
    decision = await logout(bank.provider, parameters, session=session)
    assert isinstance(decision, RedirectTo)
    issuer = "https%3A%2F%2Fid.bank.al%2Frealms%2Fbank"
    assert decision.frames == (f"https://app.bank.al/out?a=b&iss={issuer}&sid=sid-1", "https://spa.bank.al/o")
    again = await logout(bank.provider, parameters, session=None)
    assert isinstance(again, RedirectTo)
    assert again.frames == ()


async def test_a_hint_with_other_audiences_beside_its_client_is_the_clients(bank: Bank) -> None:
    claims = payload((await bank.tokens())["id_token"])
    hint = mint(signing_keys().signer("ES256"), typ="JWT", claims={**claims, "aud": ["app", "accounts-api"]})
    session = await bank.stores.user_sessions.get("sid-1")
    parameters = {"id_token_hint": hint, "client_id": "app", "post_logout_redirect_uri": BYE}
    assert isinstance(decide(bank.provider, parameters, session=session), RedirectTo)


async def test_a_logout_token_is_no_hint(bank: Bank) -> None:
    bank.provider.outbound = bank.sites
    bank.change_client("app", logout=LogoutChannels(back_channel_url="https://app.bank.al/back"))
    await bank.tokens()
    await end_session(bank.provider, "sid-1")
    hint = bank.sites.posts[0].form["logout_token"]
    assert isinstance(decide(bank.provider, {"id_token_hint": hint}, session=None), ErrorPage)


async def test_an_expired_hint_is_good_enough(bank: Bank) -> None:
    tokens = await bank.tokens()
    bank.clock.advance(1000)
    session = await bank.stores.user_sessions.get("sid-1")
    assert decide(bank.provider, {"id_token_hint": tokens["id_token"]}, session=session) == LoggedOutPage(
        client_id="app", ends="sid-1"
    )


async def test_logout_without_a_hint_asks_the_person_and_ends_nothing(bank: Bank) -> None:
    await bank.tokens()
    session = await bank.stores.user_sessions.get("sid-1")
    parameters = {"client_id": "app", "post_logout_redirect_uri": BYE}
    assert await logout(bank.provider, parameters, session=session) == AskPerson(client_id="app")
    assert await bank.stores.user_sessions.get("sid-1") is not None
    assert await logout(bank.provider, {}, session=session) == AskPerson(client_id=None)
    decision = await logout(bank.provider, parameters, session=session, confirmed=True)
    assert decision == RedirectTo(url=BYE, client_id="app", ends="sid-1")
    assert await bank.stores.user_sessions.get("sid-1") is None


async def test_the_hint_of_another_session_asks_the_person(bank: Bank) -> None:
    hint = (await bank.tokens())["id_token"]
    other = await bank.login(sid="sid-2")
    assert decide(bank.provider, {"id_token_hint": hint}, session=other) == AskPerson(client_id="app")


async def test_a_browser_without_a_session_ends_the_hinted_one(bank: Bank) -> None:
    tokens = await bank.tokens()
    parameters = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE}
    assert isinstance(await logout(bank.provider, parameters, session=None), RedirectTo)
    assert await bank.stores.user_sessions.get("sid-1") is None
    again = await logout(bank.provider, parameters, session=None)
    assert isinstance(again, RedirectTo)
    assert (await bank.events()).count("LOGOUT") == 1


async def test_offline_access_survives_a_logout(bank: Bank) -> None:
    tokens = await bank.tokens(scope=("openid", "offline_access"))
    session = await bank.stores.user_sessions.get("sid-1")
    await logout(bank.provider, {"id_token_hint": tokens["id_token"]}, session=session)
    assert (await bank.refresh(tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"post_logout_redirect_uri": BYE + "/"}, "logout_address_invalid", id="a slash more"),
        pytest.param({"post_logout_redirect_uri": BYE + "?a=1"}, "logout_address_invalid", id="a query more"),
        pytest.param({"post_logout_redirect_uri": BYE.upper()}, "logout_address_invalid", id="another case"),
        pytest.param({"post_logout_redirect_uri": "https://evil.example"}, "logout_address_invalid", id="foreign"),
        pytest.param(
            {"post_logout_redirect_uri": "https://app.bank.al/callback"}, "logout_address_invalid", id="a redirect_uri"
        ),
        pytest.param({"client_id": "spa"}, "logout_hint_invalid", id="another client than the hint's"),
        pytest.param({"id_token_hint": "nonsense"}, "logout_hint_invalid", id="no token"),
        pytest.param({"id_token_hint": "access"}, "logout_hint_invalid", id="an access token"),
        pytest.param({"id_token_hint": "refresh"}, "logout_hint_invalid", id="a refresh token"),
        pytest.param({"id_token_hint": "altered"}, "logout_hint_invalid", id="an altered token"),
        pytest.param({"id_token_hint": "foreign"}, "logout_hint_invalid", id="a token of another issuer"),
        pytest.param({"id_token_hint": "", "client_id": "nobody"}, "client_not_found", id="an unknown client"),
        pytest.param({"id_token_hint": ""}, "logout_address_invalid", id="an address without a client"),
    ],
)
@pytest.mark.parametrize("confirmed", [False, True])
async def test_a_bad_logout_request_is_an_error_page_and_ends_nothing(
    bank: Bank,
    changes: dict[str, str],
    message: str,
    confirmed: bool,  # noqa: FBT001 - a table's column
) -> None:
    tokens = await bank.tokens()
    claims = {**payload(tokens["id_token"]), "iss": "https://evil.example"}
    texts = {
        "access": tokens["access_token"],
        "refresh": tokens["refresh_token"],
        "altered": tokens["id_token"][:-4] + "AAAA",
        "foreign": mint(signing_keys().signer("ES256"), typ="JWT", claims=claims),
    }
    parameters = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE, **changes}
    parameters = {name: texts.get(value, value) for name, value in parameters.items()}
    session = await bank.stores.user_sessions.get("sid-1")
    decision = await logout(bank.provider, parameters, session=session, confirmed=confirmed)
    assert isinstance(decision, ErrorPage)
    assert decision.message == message
    assert await bank.stores.user_sessions.get("sid-1") is not None
    assert (await bank.events())[0] == "LOGOUT_ERROR"


async def test_a_bad_request_by_nobody_is_not_stored(bank: Bank) -> None:
    await logout(bank.provider, {"post_logout_redirect_uri": BYE}, session=None)
    assert await bank.events() == []


async def test_plus_stands_for_the_redirect_addresses_and_is_none_itself(bank: Bank) -> None:
    parameters = {"client_id": "spa", "post_logout_redirect_uri": "https://spa.bank.al/"}
    assert isinstance(decide(bank.provider, parameters, session=None), RedirectTo)
    parameters["post_logout_redirect_uri"] = "+"
    assert isinstance(decide(bank.provider, parameters, session=None), ErrorPage)


async def test_an_imported_wildcard_is_a_prefix_here_too(bank: Bank) -> None:
    bank.change_client("app", post_logout_redirect_uris=("https://app.bank.al/out/*",))
    for address, expected in (("https://app.bank.al/out/sq", RedirectTo), ("https://app.bank.al/o", ErrorPage)):
        parameters = {"client_id": "app", "post_logout_redirect_uri": address}
        assert isinstance(decide(bank.provider, parameters, session=None), expected)


async def test_state_is_added_to_an_address_that_has_a_query(bank: Bank) -> None:
    parameters = {"client_id": "app", "post_logout_redirect_uri": f"{BYE}?lang=sq", "state": "s"}
    decision = decide(bank.provider, parameters, session=None)
    assert isinstance(decision, RedirectTo)
    assert decision.url == f"{BYE}?lang=sq&state=s"


async def test_nobody_logged_in_and_nothing_asked_is_the_logged_out_page(bank: Bank) -> None:
    assert decide(bank.provider, {}, session=None) == LoggedOutPage(client_id=None, ends=None)


async def test_a_clients_own_name_for_the_user_is_no_hindrance(bank: Bank) -> None:
    bank.change_client("app", pairwise=Pairwise(sector="app.bank.al"))
    hint = (await bank.tokens())["id_token"]
    session = await bank.stores.user_sessions.get("sid-1")
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": BYE}
    assert isinstance(decide(bank.provider, parameters, session=session), RedirectTo)


async def test_an_encrypted_id_token_is_a_hint_decrypted_or_encrypted_to_us(bank: Bank) -> None:
    hint = (await bank.tokens())["id_token"]
    session = await bank.stores.user_sessions.get("sid-1")
    key = bank.provider.keys.decryptor(None, "RSA-OAEP")
    assert key is not None
    ours = EncryptionKey(public=key.private.public_key(), algorithms=("RSA-OAEP",), kid=key.kid)
    again = encrypted(hint.encode(), ours, algorithm="RSA-OAEP", encoding="A128CBC-HS256", cty="JWT")
    assert isinstance(decide(bank.provider, {"id_token_hint": again}, session=session), LoggedOutPage)
    theirs = EncryptionKey(public=STRANGER, algorithms=("ECDH-ES",))
    unread = encrypted(hint.encode(), theirs, algorithm="ECDH-ES", encoding="A128GCM", cty="JWT")
    assert isinstance(decide(bank.provider, {"id_token_hint": unread}, session=session), ErrorPage)


async def test_no_other_token_of_ours_is_a_hint(bank: Bank) -> None:
    bank.change_client("app", userinfo=Protection(signed="ES256"))
    tokens = await bank.tokens()
    asked = {"token": tokens["access_token"], **credentials("app")}
    accepted = {"Accept": "application/token-introspection+jwt"}
    introspected = (await bank.post("token/introspect", asked, headers=accepted)).text
    claims = payload(tokens["id_token"])
    nameless = mint(signing_keys().signer("ES256"), typ="JWT", claims={**claims, "typ": "Bearer"})
    userinfo = (await bank.userinfo(tokens["access_token"])).text
    for token in (tokens["access_token"], introspected, userinfo, nameless):
        assert isinstance(decide(bank.provider, {"id_token_hint": token}, session=None), ErrorPage)
