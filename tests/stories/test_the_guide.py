"""The bank's guide to its customers, step by step, in both realms."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.model.user import OtpCredential
from tests.stories.world import NEW_PASSWORD, ORIGIN, Customer, RelyingParty, World, provider

pytestmark = pytest.mark.anyio

CUSTOMERS = [
    pytest.param("small-business", "arta.hoxha", "+355692000101", id="small business"),
    pytest.param("sme-corporate", "drita.kola", "+355692000201", id="SME and corporate"),
]


@pytest.mark.parametrize(("realm", "username", "phone"), CUSTOMERS)
async def test_a_customer_follows_the_guide_and_the_bank_receives_tokens(
    world: World, realm: str, username: str, phone: str
) -> None:
    bank = world.client(realm)
    customer = Customer(world, username, phone, realm=realm)
    browser = world.browser()

    # 1-2: Hyr on the bank's site leads to the login page; user name and the password that came by SMS.
    page = await browser.open(bank.request())
    assert page.status == 200
    assert "Hyr" in page.text("kc-login")
    page = await customer.give_password(browser)

    # 3: no Software Token: the information page, and Anullo.
    assert "soft-token-info" in page.ids
    assert "Anullo" in page.text("cancel")
    page = await browser.press("cancel")
    assert "kc-form-login" in page.forms

    # 4-5: Regjistro Software Token, again user name and password, and the code of the message.
    assert "Regjistro Software Token" in page.text("register-soft-token")
    page = await browser.open(page.links["register-soft-token"])
    assert "Dërgo" in page.text("kc-login")
    page = await customer.give_password(browser)
    assert "Verifikimi i kodit" in page.html
    assert phone not in page.html
    assert page.html.count(phone[-2:]) >= 1
    page = await browser.submit("sms-otp-form", code=world.sms.code_to(phone))

    # 6: the QR code and the key for people who cannot scan; the first code of the token confirms it.
    assert "<svg" in page.html
    customer.secret = page.text("secret")
    page = await browser.submit("kc-totp-settings-form", totp=customer.code())
    assert "kc-form-login" in page.forms
    assert "Software Token" in page.message

    # 8: every login: user name, password, verification page, code.
    page = await customer.give_password(browser)
    page = await browser.submit("kc-otp-login-form", otp=customer.next_code())

    # 9: change the password, accept the terms, see the profile; only then the bank gets its code.
    assert not browser.has_left
    page = await browser.submit(
        "kc-passwd-update-form", {"password-new": NEW_PASSWORD, "password-confirm": NEW_PASSWORD}
    )
    assert "Kushte" in page.html
    page = await browser.press("kc-accept")
    assert username in page.html
    await browser.press("kc-confirm")
    assert browser.arrived is not None
    assert browser.arrived.startswith(bank.redirect_uri)
    assert browser.answer["state"] == "a-state"
    assert browser.answer["iss"] == bank.issuer

    response = await bank.redeem(browser.answer["code"])
    assert response.status_code == 200, response.text
    await assert_tokens(world, bank, response.json(), username)


async def assert_tokens(world: World, bank: RelyingParty, tokens: dict[str, str], username: str) -> None:
    transport = httpx.ASGITransport(app=world.site.application)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as http:
        metadata = (await http.get(f"{bank.issuer}/.well-known/openid-configuration")).json()
        keys = KeySet.import_key_set((await http.get(metadata["jwks_uri"])).json())
        claims = jwt.decode(tokens["id_token"], keys, algorithms=["ES256"]).claims
        authorization = {"authorization": f"Bearer {tokens['access_token']}"}
        userinfo = (await http.get(metadata["userinfo_endpoint"], headers=authorization)).json()
    assert claims["iss"] == bank.issuer
    assert claims["aud"] in (bank.client_id, [bank.client_id])
    assert claims["nonce"] == "a-nonce"
    assert claims["acr"] == "mfa-otp"
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert claims["preferred_username"] == username
    assert userinfo["sub"] == claims["sub"]


async def test_what_the_first_access_asked_for_is_not_asked_again(
    world: World, bank: RelyingParty, arta: Customer
) -> None:
    await arta.settle(bank)
    browser = await arta.begin(bank)
    await arta.log_in(browser)
    assert browser.arrived is not None
    assert "code" in browser.answer
    user = await world.user("arta.hoxha")
    assert user.terms is not None
    assert user.terms.version == "2026-11"
    assert user.terms.digest
    assert user.terms.at > 0
    assert user.profile_confirmed_at is not None
    assert user.password is not None
    assert not user.password.temporary


async def test_everything_done_survives_a_restart_and_everything_half_done_is_unusable(tmp_path: Path) -> None:
    async with provider(tmp_path) as world:
        bank = world.client()
        arta = Customer(world, "arta.hoxha", "+355692000101")
        settled = await arta.settle(bank)
        half = await Customer(world, "besnik.leka", "+355692000102").begin(bank)
        assert half.page is not None
        clock, sms, cookies = world.clock, world.sms, settled.http.cookies
    async with provider(tmp_path, clock=clock, sms=sms) as again:
        assert len(sms.messages) == 5, "first passwords are sent once (and one code)"
        browser = again.browser()
        browser.http.cookies = cookies
        await browser.open(again.client().request())
        assert "code" in browser.answer, "the session is found again"
        arta.world = again
        other = await arta.begin(again.client())
        await arta.log_in(other)
        assert "code" in other.answer, "token and password are found again"


async def test_the_cancelled_login_leaves_no_evidence_behind(bank: RelyingParty, arta: Customer) -> None:
    browser = await arta.begin(bank)
    await arta.give_password(browser)
    assert browser.page is not None
    old = browser.page.url
    form = next(form for form in browser.page.forms.values() if "cancel" in form.names)
    await browser.press("cancel")
    page = await browser.open(old)
    assert page.status == 410
    page = await browser.post(form.action, {"cancel": "1"})
    assert page.status == 410


async def test_a_token_enrolled_a_moment_ago_cannot_log_in_with_the_code_that_enrolled_it(
    bank: RelyingParty, arta: Customer
) -> None:
    browser = await arta.begin(bank)
    await arta.register(browser)
    await arta.give_password(browser)
    page = await browser.submit("kc-otp-login-form", otp=arta.code())
    assert not browser.has_left
    assert "kc-otp-login-form" in page.forms
    assert page.message


async def test_the_registered_token_belongs_to_the_customer_alone(
    world: World, bank: RelyingParty, arta: Customer, besnik: Customer
) -> None:
    await arta.settle(bank)
    assert [type(c) for c in (await world.user("arta.hoxha")).credentials].count(OtpCredential) == 1
    assert not (await world.user("besnik.leka")).otps
    browser = await besnik.begin(bank)
    page = await besnik.give_password(browser)
    assert "soft-token-info" in page.ids
