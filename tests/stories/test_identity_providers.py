"""People log in at another OpenID provider, and come back as customers of this house: the story, and the attacks."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import pytest

from idp.model.trusted.upstream import FederatedIdentity
from idp.model.user import User
from idp.settings.tables import Outbound, Settings
from tests.examples.serving import serving
from tests.fakes import FakeClock
from tests.ports import free_port
from tests.stories.browser import Browser
from tests.stories.settled import OTHER_PHONE, Home, Town, opened
from tests.stories.upstream import Upstream

pytestmark = pytest.mark.anyio

KNOWN = FederatedIdentity(alias="other-bank", subject="S-1", username="drita.kola")
FORMS = [
    {"authenticator": "auth-cookie", "requirement": "ALTERNATIVE", "priority": 10},
    {"authenticator": "identity-provider-redirector", "requirement": "ALTERNATIVE", "priority": 20},
    {"flowAlias": "our forms", "authenticatorFlow": True, "requirement": "ALTERNATIVE", "priority": 30},
]


def simple(document: dict[str, Any]) -> None:
    """A login by password or elsewhere; the guide's flow lets in only whoever has a token."""
    document["browserFlow"] = "ours"
    document["authenticationFlows"] += [
        {"alias": "ours", "topLevel": True, "authenticationExecutions": FORMS},
        {
            "alias": "our forms",
            "topLevel": False,
            "authenticationExecutions": [
                {"authenticator": "auth-username-password-form", "requirement": "REQUIRED", "priority": 10}
            ],
        },
    ]
    for action in document["requiredActions"]:
        action["defaultAction"] = False


def calls_this_machine(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, outbound=Outbound(allow_loopback=True))


class House(Town):
    """The town with another bank beside it."""

    other: Upstream


Edit = Callable[[dict[str, Any], Upstream], None]


@pytest.fixture
def edits() -> list[Edit]:
    return []


@pytest.fixture
async def house(home: Home, tmp_path: Path, anyio_backend: str, edits: list[Edit]) -> AsyncIterator[House]:
    del anyio_backend
    clock = FakeClock(home.now + 300)
    other = Upstream(clock)
    port = free_port()
    with serving(other.application, port):
        other.url = f"http://localhost:{port}"

        def edit(document: dict[str, Any]) -> None:
            simple(document)
            document["identityProviders"] = [other.provider()]
            for change in edits:
                change(document, other)

        async with opened(home, tmp_path, edit=edit, settle=calls_this_machine, clock=clock) as town:
            house = House(town.site, town.clock, town.sms, town.settings)
            house.home, house.other = home, other
            yield house


async def sent_there(house: House) -> Browser:
    browser = house.browser()
    await browser.open(house.bank.request())
    await browser.open(browser.shown.links["social-other-bank"])
    assert browser.arrived is not None
    assert browser.arrived.startswith("https://other-bank.example/auth?")
    return browser


def gone_to(browser: Browser) -> str:
    assert browser.arrived is not None
    return browser.arrived


def linked_to(identity: FederatedIdentity) -> Callable[[User], User]:
    return lambda user: msgspec.structs.replace(user, identities=(identity,))


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


async def test_somebody_new_logs_in_elsewhere_and_is_a_customer_here_from_then_on(house: House) -> None:
    browser = await sent_there(house)
    await browser.open(house.other.answer(gone_to(browser)))
    assert "code" in browser.answer
    user = await house.user("drita.kola")
    assert (user.full_name, user.email, user.email_verified) == ("Drita Kola", "drita@example.al", True)
    assert user.identities == (KNOWN,)
    assert user.credentials == ()
    tokens = (await house.bank.redeem(browser.answer["code"])).json()
    assert await house.userinfo(tokens["access_token"]) == 200
    again = await sent_there(house)
    await again.open(house.other.answer(gone_to(again)))
    assert "code" in again.answer
    assert len([one for one in await house.users() if one.email == "drita@example.al"]) == 1


async def test_what_is_sent_there_is_a_request_that_only_this_browser_can_answer(house: House) -> None:
    browser = await sent_there(house)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(gone_to(browser)).query).items()}
    assert asked["response_type"] == "code"
    assert asked["client_id"] == "our-bank"
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == "openid profile email"
    assert asked["redirect_uri"].endswith("/realms/small-business/broker/other-bank/endpoint")
    assert len(asked["nonce"]) >= 43
    another = await sent_there(house)
    assert parse_qs(urlsplit(gone_to(another)).query)["nonce"] != [asked["nonce"]]


async def test_a_session_that_was_begun_elsewhere_opens_the_next_application(house: House) -> None:
    browser = await sent_there(house)
    await browser.open(house.other.answer(gone_to(browser)))
    assert "code" in browser.answer
    await browser.open(house.cards.request())
    assert "code" in browser.answer


async def test_a_login_elsewhere_is_one_element_and_reaches_no_second_level(house: House) -> None:
    browser = await sent_there(house)
    await browser.open(house.other.answer(gone_to(browser)))
    tokens = (await house.bank.redeem(browser.answer["code"])).json()
    assert claims_of(tokens["id_token"])["acr"] == "pwd"


async def test_an_answer_counts_once(house: House) -> None:
    browser = await sent_there(house)
    back = house.other.answer(gone_to(browser))
    await browser.open(back)
    assert "code" in browser.answer
    browser.arrived = None
    page = await browser.open(back)
    assert browser.arrived is None
    assert page.status == 410


async def test_an_answer_of_another_browser_logs_nobody_in(house: House) -> None:
    """A link to somebody else's finished login (login CSRF, RFC 9700 §4.7) is of no use."""
    attacker = await sent_there(house)
    back = house.other.answer(gone_to(attacker))
    victim = house.browser()
    await victim.open(house.bank.request())
    page = await victim.open(back)
    assert page.status == 410
    assert victim.arrived is None


async def test_an_answer_by_the_address_of_another_provider_is_a_mix_up(house: House) -> None:
    browser = await sent_there(house)
    back = house.other.answer(gone_to(browser)).replace("/broker/other-bank/", "/broker/evil/")
    page = await browser.open(back)
    assert "kc-form-login" in page.forms
    assert house.other.redeemed == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"aud": ["our-bank", "another"], "azp": "another"},
        {"nonce": "of-another-login"},
        {"nonce": None},
        {"exp": 1_700_000_000},
        {"iat": 1_700_000_000},
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
        {"at_hash": "AAAA"},
    ],
)
async def test_an_id_token_that_says_something_else_counts_for_nothing(house: House, wrong: dict[str, Any]) -> None:
    house.other.wrong = wrong
    browser = await sent_there(house)
    page = await browser.open(house.other.answer(gone_to(browser)))
    assert "kc-form-login" in page.forms, "the other ways of the flow are still there"
    assert "IDENTITY_PROVIDER_LOGIN_ERROR" in await house.event_types()
    assert "drita.kola" not in {user.username for user in await house.users()}


async def test_an_id_token_of_another_key_counts_for_nothing(house: House) -> None:
    house.other.signs_with = house.other.other_key
    browser = await sent_there(house)
    page = await browser.open(house.other.answer(gone_to(browser)))
    assert "kc-form-login" in page.forms


async def test_an_id_token_that_brings_its_own_key_counts_for_nothing(house: House) -> None:
    house.other.signs_with = house.other.other_key
    house.other.header = {"jwk": house.other.other_key.as_dict(private=False)}
    browser = await sent_there(house)
    page = await browser.open(house.other.answer(gone_to(browser)))
    assert "kc-form-login" in page.forms


@pytest.mark.parametrize("changes", [{"iss": "https://evil.example"}, {"code": "made-up"}])
async def test_an_answer_that_was_tampered_with_counts_for_nothing(house: House, changes: dict[str, str]) -> None:
    browser = await sent_there(house)
    page = await browser.open(house.other.answer(gone_to(browser), **changes))
    assert "kc-form-login" in page.forms


async def test_a_provider_that_is_down_or_refuses_leaves_the_other_ways(house: House) -> None:
    house.other.status = 503
    browser = await sent_there(house)
    page = await browser.open(house.other.answer(gone_to(browser)))
    assert "kc-form-login" in page.forms
    house.other.status = 200
    await browser.open(page.links["social-other-bank"])
    asked = parse_qs(urlsplit(gone_to(browser)).query)
    refused = f"{asked['redirect_uri'][0]}?{urlencode({'error': 'access_denied', 'state': asked['state'][0]})}"
    page = await browser.open(refused)
    assert "kc-form-login" in page.forms
    await browser.open(page.links["social-other-bank"])
    await browser.open(house.other.answer(gone_to(browser)))
    assert "code" in browser.answer


async def test_who_comes_back_without_an_answer_has_every_way_again(house: House) -> None:
    browser = await sent_there(house)
    page = await browser.open(house.bank.request())
    first = house.browser()
    first.http.cookies = browser.http.cookies
    assert "social-other-bank" in page.links
    await browser.open(page.links["social-other-bank"])
    page = await browser.open(page.url)
    assert "kc-form-login" in page.forms, "the page is not a trap that sends away again"


async def test_an_account_that_exists_is_linked_only_by_its_owner(house: House) -> None:
    """Whoever controls an address at the other bank gets no account here by it (pre-hijacking, CVE-2023-6291)."""
    arta = await house.user("arta.hoxha")
    house.other.claims |= {"sub": "S-9", "email": arta.email, "preferred_username": "somebody"}
    browser = await sent_there(house)
    page = await browser.open(house.other.answer(gone_to(browser)))
    assert "kc-link-account" in page.forms
    assert "arta" not in page.html.lower().replace(arta.email.lower(), "")
    await browser.press("kc-link")
    page = await browser.submit("kc-form-login", password="not hers at all")
    assert "kc-form-login" in page.forms
    assert (await house.user("arta.hoxha")).identities == ()
    page = await browser.submit("kc-form-login", password=house.home.password)
    assert "kc-otp-login-form" in page.forms, "she has a token: the password alone links nothing"
    house.clock.advance(60)
    await browser.submit("kc-otp-login-form", otp=house.arta.next_code())
    assert "code" in browser.answer
    linked = await house.user("arta.hoxha")
    assert [one.subject for one in linked.identities] == ["S-9"]
    assert "FEDERATED_IDENTITY_LINK" in await house.event_types()


def linking_by_password_alone(document: dict[str, Any], other: Upstream) -> None:
    del other
    document["firstBrokerLoginFlow"] = "link"
    names = ("idp-confirm-link", "idp-username-password-form")
    lines = [
        {"authenticator": name, "requirement": "REQUIRED", "priority": priority} for priority, name in enumerate(names)
    ]
    document["authenticationFlows"].append({"alias": "link", "topLevel": True, "authenticationExecutions": lines})


@pytest.mark.parametrize("edits", [[linking_by_password_alone]])
async def test_no_flow_links_an_account_without_the_strong_factor_of_its_owner(house: House, edits: list[Edit]) -> None:
    """An administrator may leave the second factor out of the flow; its end is no line of it (CVE-2026-3429)."""
    del edits
    arta = await house.user("arta.hoxha")
    house.other.claims |= {"sub": "S-9", "email": arta.email}
    browser = await sent_there(house)
    await browser.open(house.other.answer(gone_to(browser)))
    await browser.press("kc-link")
    await browser.submit("kc-form-login", password=house.home.password)
    assert browser.answer["error"] == "access_denied"
    assert (await house.user("arta.hoxha")).identities == ()


async def test_who_proves_to_be_somebody_else_links_nothing_to_the_account_that_was_found(house: House) -> None:
    arta = await house.user("arta.hoxha")
    house.other.claims |= {"sub": "S-9", "email": arta.email}
    browser = await sent_there(house)
    await browser.open(house.other.answer(gone_to(browser)))
    await browser.press("kc-link")
    forged = {"username": "besnik.leka", "password": house.sms.last_to(OTHER_PHONE).split()[-1], "credentialId": ""}
    page = await browser.post(browser.shown.forms["kc-form-login"].action, forged)
    assert "kc-form-login" in page.forms, "a right password, of somebody else"
    assert (await house.user("arta.hoxha")).identities == ()
    assert (await house.user("besnik.leka")).identities == ()


async def test_who_says_that_the_account_is_not_theirs_begins_again(house: House) -> None:
    arta = await house.user("arta.hoxha")
    house.other.claims |= {"sub": "S-9", "email": arta.email}
    browser = await sent_there(house)
    await browser.open(house.other.answer(gone_to(browser)))
    page = await browser.press("restart")
    assert "kc-form-login" in page.forms
    assert (await house.user("arta.hoxha")).identities == ()


async def test_what_the_provider_does_not_say_is_asked_before_an_account_is_made(house: House) -> None:
    house.other.claims.pop("family_name")
    browser = await sent_there(house)
    page = await browser.open(house.other.answer(gone_to(browser)))
    assert "profile-form" in page.forms
    await browser.submit("profile-form", {"kc-confirm": "1"}, lastName="Kola", email="other@example.al")
    assert "code" in browser.answer
    user = await house.user("drita.kola")
    assert (user.last_name, user.email, user.email_verified) == ("Kola", "other@example.al", False)


async def test_a_disabled_user_does_not_come_in_by_another_door(house: House) -> None:
    await house.change_user("arta.hoxha", linked_to(KNOWN))
    await house.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, enabled=False))
    browser = await sent_there(house)
    await browser.open(house.other.answer(gone_to(browser)))
    assert "code" not in browser.answer


async def test_an_address_that_is_not_verified_there_is_not_verified_here(house: House) -> None:
    house.other.claims["email_verified"] = False
    browser = await sent_there(house)
    await browser.open(house.other.answer(gone_to(browser)))
    assert not (await house.user("drita.kola")).email_verified


async def test_an_application_may_name_the_provider(house: House) -> None:
    browser = house.browser()
    await browser.open(house.bank.request(kc_idp_hint="other-bank"))
    assert gone_to(browser).startswith("https://other-bank.example/auth?")
    page = await house.browser().open(house.bank.request(kc_idp_hint="nobody"))
    assert "kc-form-login" in page.forms


def of_those_who_are_linked(document: dict[str, Any], other: Upstream) -> None:
    document["identityProviders"] = [{**other.provider(), "linkOnly": True}]


def with_mappers(document: dict[str, Any], other: Upstream) -> None:
    document["identityProviders"] = [other.provider(syncMode="FORCE")]
    document["identityProviderMappers"] = [
        {"name": name, "identityProviderAlias": "other-bank", "identityProviderMapper": kind, "config": config}
        for name, kind, config in (
            ("city", "oidc-user-attribute-idp-mapper", {"claim": "address.locality", "user.attribute": "city"}),
            ("phone", "oidc-user-attribute-idp-mapper", {"claim": "phone", "user.attribute": "phoneNumber"}),
            ("mail", "oidc-user-attribute-idp-mapper", {"claim": "contact", "user.attribute": "email"}),
            ("from", "hardcoded-attribute-idp-mapper", {"attribute": "from", "attribute.value": "other"}),
            ("name", "oidc-username-idp-mapper", {"template": "${ALIAS}.${CLAIM.sub}"}),
        )
    ]


@pytest.mark.parametrize("edits", [[of_those_who_are_linked]])
async def test_a_provider_for_those_who_are_linked_makes_no_accounts(house: House, edits: list[Edit]) -> None:
    del edits
    browser = house.browser()
    page = await browser.open(house.bank.request())
    assert "social-other-bank" not in page.links
    page = await browser.open(house.bank.request(kc_idp_hint="other-bank"))
    page = await browser.open(house.other.answer(gone_to(browser)))
    assert "kc-form-login" in page.forms
    await house.change_user("arta.hoxha", linked_to(KNOWN))
    await browser.open(house.bank.request(kc_idp_hint="other-bank"))
    await browser.open(house.other.answer(gone_to(browser)))
    assert "code" in browser.answer


@pytest.mark.parametrize("edits", [[with_mappers]])
async def test_mappers_take_over_what_they_name_and_never_where_codes_are_sent_to(
    house: House, edits: list[Edit]
) -> None:
    del edits
    house.other.claims |= {"address": {"locality": "Tiranë"}, "phone": "+355699999999", "contact": "arta@example.al"}
    browser = await sent_there(house)
    await browser.open(house.other.answer(gone_to(browser)))
    user = await house.user("other-bank.S-1")
    assert (user.attribute("city"), user.attribute("from"), user.phone) == ("Tiranë", "other", "")
    assert user.email == "drita@example.al", "somebody else's address would catch their letters"
    house.other.claims["address"] = {"locality": "Durrës"}
    again = await sent_there(house)
    await again.open(house.other.answer(gone_to(again)))
    assert (await house.user("other-bank.S-1")).attribute("city") == "Durrës"
