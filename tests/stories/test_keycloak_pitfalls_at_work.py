"""Keycloak's pitfalls T-20 to T-36: users, guessing, tabs, versions (the others: `test_keycloak_pitfalls`)."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest

from idp.crypto.passwords import Argon2Passwords
from idp.flows.assembly import AssembledRealm
from idp.flows.steps.otp import Otp
from idp.flows.tree import Execution
from idp.model.flow import Requirement
from idp.model.policies.credentials import BruteForcePolicy
from idp.model.policies.lockout import Attempt
from idp.ports import Passwords
from idp.realms.files.placeholders import Surroundings, file_vault
from idp.realms.history import Authorship
from idp.realms.loading import LoadedRealm, load_file
from tests.flows.bench import (
    Bench,
    Edit,
    demo_realm,
    step,
)
from tests.patience import until
from tests.stories.browser import Browser
from tests.stories.rearranged import (
    FORM,
    OTP,
    PASSWORD,
    SMS,
    action_of,
    claims_of,
    customer,
    forms,
    redeemed,
    settled,
    without_chance,
)
from tests.stories.world import BANK, ORIGIN, Customer, RelyingParty, World, prepared, provider

pytestmark = pytest.mark.anyio


# --- T-20: a locked or disabled user


async def lock(world: World) -> None:
    """Somebody guesses at the password until it is locked."""
    stranger = world.browser()
    await stranger.open(world.client().request())
    for _ in range(5):
        await stranger.submit("kc-form-login", username="arta.hoxha", password="i gabuar")


async def disable(world: World) -> None:
    await world.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, enabled=False))


@pytest.mark.parametrize("shut_out", [lock, disable], ids=["locked", "disabled"])
async def test_t20_every_path_refuses_a_user_who_may_not_go_on(tmp_path: Path, shut_out: Any) -> None:
    async with provider(tmp_path, edit=settled()) as world:
        bank, arta = world.client(), customer(world)
        browser = await arta.begin(bank)
        await arta.log_in(browser)
        tokens = (await bank.redeem(browser.answer["code"])).json()
        await browser.open(bank.request())
        unredeemed = browser.answer["code"]
        half = await arta.begin(bank, prompt="login")
        await arta.give_password(half)

        await shut_out(world)

        await browser.open(bank.request(prompt="none"))
        assert browser.answer["error"] == "login_required", "single sign-on"
        page = await browser.open(bank.request())
        assert "kc-form-login" in page.forms, "single sign-on, with pages"
        redeem = await bank.redeem(unredeemed)
        assert (redeem.status_code, redeem.json()["error"]) == (400, "invalid_grant"), "the code"
        refresh = await bank.post("token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        assert (refresh.status_code, refresh.json()["error"]) == (400, "invalid_grant"), "the refresh token"
        assert not (await bank.post("token/introspect", token=tokens["access_token"])).json()["active"]
        await half.submit("kc-otp-login-form", otp=arta.next_code())
        assert "code" not in (half.answer if half.has_left else {}), "a login half done"


# --- T-21, T-22: guessing


async def test_t21_of_a_hundred_parallel_wrong_codes_five_are_evaluated_and_counted() -> None:
    bench = Bench()
    user = await bench.add_user(token=True)
    realm = demo_realm()
    attempts = CountingAttempts(bench)
    services = msgspec.structs.replace(bench.services, attempts=attempts)
    place = Execution(id="otp", authenticator="auth-otp-form", requirement=Requirement.REQUIRED)
    otp = Otp(place, Otp.config_type(), realm=realm, services=services)
    logins = [bench.login(user, realm=realm, ceremony=f"tab-{number}") for number in range(100)]
    wrong = "000000" if bench.otp() != "000000" else "000001"
    await asyncio.gather(*(otp.verify(login, {"otp": wrong}) for login in logins))
    assert sum(attempt.admitted for attempt in attempts.made) == 5
    lock = (await bench.stores.attempts.locks(user.id)).of("otp")
    assert lock.attempts == 5
    assert lock.locked(bench.now)


class CountingAttempts:
    """An `idp.ports.Attempts` over the memory store, which lets others in between and remembers its answers."""

    def __init__(self, bench: Bench) -> None:
        self._attempts = bench.stores.attempts
        self.made: list[Attempt] = []

    async def hit(self, subject: str, factor: str, *, policy: BruteForcePolicy, now: int) -> Attempt:
        await asyncio.sleep(0)
        attempt = await self._attempts.hit(subject, factor, policy=policy, now=now)
        await asyncio.sleep(0)
        self.made.append(attempt)
        return attempt

    async def clear(self, subject: str, factor: str) -> None:
        await self._attempts.clear(subject, factor)

    async def locks(self, subject: str) -> Any:
        return await self._attempts.locks(subject)


async def test_t22_a_lock_ends_the_page_of_the_code_and_the_login_begins_at_its_first_factor(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=settled()) as world:
        bank, arta = world.client(), customer(world)
        browser = await arta.begin(bank)
        page = await arta.give_password(browser)
        kept = action_of(page)
        for _ in range(5):
            assert "kc-otp-login-form" in page.forms
            page = await browser.submit("kc-otp-login-form", otp="000000")
        assert "kc-form-login" in page.forms, "the fifth wrong code ends the login"
        world.clock.advance(61)
        gone = await browser.post(kept, {"otp": arta.code()})
        assert not browser.has_left
        assert "kc-otp-login-form" not in gone.forms, "waiting out the lock on the open page gives no further guess"
        browser = await arta.begin(bank)
        await arta.log_in(browser)
        assert "code" in browser.answer, "from the first factor on, after the lock"


# --- T-24, T-25: who exists is not told


async def test_t24_one_hash_is_verified_for_everybody_who_cannot_log_in() -> None:
    real = Argon2Passwords(workers=1, queue=8, memory_kib=1024, iterations=1)
    counting = CountingPasswords(real)
    try:
        bench = Bench(passwords=counting)
        await bench.add_user()
        assembled = AssembledRealm(demo_realm(), bench.services)
        for form in (
            {"username": "ana", "password": ""},
            {"username": "ana", "password": "e gabuar"},
            {"username": "nobody", "password": "e gabuar"},
            {"username": "nobody", "password": ""},
            {"username": "", "password": ""},
        ):
            walk = bench.run(assembled.realm)
            await walk.show()
            counting.verified = 0
            await walk.enter(**form)
            assert counting.verified == 1, form
    finally:
        real.close()


class CountingPasswords:
    """An `idp.ports.Passwords` that counts how often a hash is computed to compare with."""

    def __init__(self, real: Passwords) -> None:
        self._real = real
        self.verified = 0

    def share(self, subscriber: str) -> AbstractContextManager[None]:
        del subscriber
        return nullcontext()

    def place(self) -> AbstractContextManager[None]:
        return nullcontext()

    async def hash(self, password: str) -> bytes:
        return await self._real.hash(password)

    async def verify(self, password: str, hashed: bytes | None) -> bool:
        self.verified += 1
        return await self._real.verify(password, hashed)

    def outdated(self, hashed: bytes) -> bool:
        return self._real.outdated(hashed)


async def test_t24_t25_unknown_user_wrong_and_empty_password_are_one_page_with_the_error_at_one_place(
    world: World,
) -> None:
    seen = []
    for name, password in (("arta.hoxha", "e gabuar"), ("arta.hoxha", ""), ("arta.hoxho", "e gabuar"), ("nobody", "")):
        browser = world.browser()
        await browser.open(world.client().request())
        page = await browser.submit("kc-form-login", username=name, password=password)
        assert page.message
        seen.append((page.status, without_chance(page).replace(f'value="{name}"', 'value="…"')))
    assert len(set(seen)) == 1
    html = seen[0][1]
    assert html.count('aria-invalid="true"') == 2, "both fields, whichever was wrong"


# --- T-26 to T-30: tabs, cookies, back


async def test_t26_when_one_tab_has_finished_the_other_completes_too(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=settled()) as world:
        bank, arta = world.client(), customer(world)
        browser = await arta.begin(bank, state="first")
        first = browser.page
        await browser.open(bank.request(state="second"))
        await arta.log_in(browser)
        assert browser.answer["state"] == "second"
        second = await redeemed(bank, browser.answer)

        browser.page = first
        await arta.log_in(browser)
        assert browser.answer["state"] == "first"
        assert (await redeemed(bank, browser.answer))["sid"] == second["sid"], "one browser, one session"
        await browser.open(bank.request(prompt="none", state="third"))
        assert "code" in browser.answer


async def test_t27_a_deep_link_without_any_cookie_leads_back_to_the_application(world: World) -> None:
    bank = world.client()
    arta = Customer(world, "arta.hoxha", "+355692000101")
    browser = await arta.begin(bank)
    link = action_of(browser.page)
    stranger = world.browser()
    for page in (await stranger.open(link), await stranger.post(link, {"username": "x", "password": "y"})):
        assert page.status == 410
        assert f'href="{BANK}/small-business"' in page.html
        assert page.message
    nothing = await world.browser().open(f"{bank.issuer}/login-actions/authenticate")
    assert nothing.status == 410


async def test_t28_asking_silently_in_another_tab_does_not_destroy_a_login(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=settled()) as world:
        bank, arta = world.client(), customer(world)
        browser = await arta.begin(bank)
        page = await arta.give_password(browser)
        await browser.open(bank.request(prompt="none"))
        assert browser.answer["error"] == "login_required"
        browser.page = page
        await browser.submit("kc-otp-login-form", otp=arta.next_code())
        assert "code" in browser.answer


async def test_t29_back_to_the_user_name_and_another_user_mixes_nobody(tmp_path: Path) -> None:
    pages = (step("auth-username-form"), step("auth-password-form"), OTP)
    async with provider(tmp_path, edit=settled(forms(*pages))) as world:
        bank, arta, besnik = world.client(), customer(world), customer(world, "besnik.leka")
        browser = await arta.begin(bank)
        username_page = browser.page
        password_page = await browser.submit("kc-form-login", username=arta.username)
        browser.page = username_page  # back, and another name: that page was answered already
        page = await browser.submit("kc-form-login", username=besnik.username)
        assert page.text("kc-attempted-username") == arta.username
        # Forward: the password page of the first user, with the other's name slipped into the form.
        form = password_page.forms["kc-form-login"]
        page = await browser.post(form.action, {"username": besnik.username, "password": PASSWORD})
        assert "kc-otp-login-form" in page.forms
        await browser.submit("kc-otp-login-form", otp=arta.next_code())
        assert (await redeemed(bank, browser.answer))["preferred_username"] == arta.username


async def test_t30_a_form_sent_twice_is_judged_once_and_sends_one_message(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=settled(forms(FORM, SMS))) as world:
        arta = customer(world)
        browser = await arta.begin(world.client())
        password = action_of(browser.page)
        await arta.give_password(browser)
        page = await browser.reload()
        for _ in range(3):
            page = await browser.post(password, {"username": arta.username, "password": PASSWORD})
            assert "sms-otp-form" in page.forms
        assert len(world.sms.messages) == 1
        code = action_of(page)
        await browser.post(code, {"code": "000000"})
        for _ in range(9):
            page = await browser.post(code, {"code": "000000"})
        assert "sms-otp-form" in page.forms
        locks = await world.site.desks["small-business"].provider.stores.attempts.locks(
            (await world.user("arta.hoxha")).id
        )
        assert locks.of("sms-otp").attempts == 1


# --- T-31: versions


@pytest.mark.parametrize("restarted", [False, True], ids=["while serving", "across a restart"])
async def test_t31_a_login_finishes_on_the_version_it_began_with(tmp_path: Path, *, restarted: bool) -> None:
    old, new = settled(forms(FORM, OTP)), settled(forms(FORM, SMS))
    async with provider(tmp_path, edit=old) as world:
        bank, arta = world.client(), customer(world)
        browser = await arta.begin(bank)
        await arta.give_password(browser)
        if not restarted:
            await publish(world, edited(tmp_path, new))
            await finish_on_the_old_version(bank, arta, browser)
            return
        cookies, clock, sms = browser.http.cookies, world.clock, world.sms
        shown = browser.page
    async with provider(tmp_path, edit=new, clock=clock, sms=sms) as again:
        arta.world = bank.world = again
        browser = again.browser()
        browser.http.cookies, browser.page = cookies, shown
        await finish_on_the_old_version(bank, arta, browser)


async def publish(world: World, found: LoadedRealm) -> None:
    """Publish as the command line does, and wait until the server has noticed."""
    published = world.site.desks["small-business"].published
    before = published.realm().version
    await published.history.publish(found.document, Authorship(author="Ana", reason="a test"), base=before)
    await until(lambda: published.realm().version != before)


def edited(folder: Path, edit: Edit) -> LoadedRealm:
    settings = prepared(folder, edit)
    surroundings = Surroundings(vault=file_vault(Path(settings.secrets.vault)), environment={"BANK_URL": BANK})
    return load_file(Path(settings.realms.files[0]), surroundings=surroundings)


async def finish_on_the_old_version(bank: RelyingParty, arta: Customer, browser: Browser) -> None:
    await browser.submit("kc-otp-login-form", otp=arta.next_code())
    assert (await redeemed(bank, browser.answer))["amr"] == ["pwd", "otp", "mfa"]
    later = await arta.begin(bank)
    page = await arta.give_password(later)
    assert "sms-otp-form" in page.forms, "a new login begins on the new version"


# --- T-34 to T-36


async def test_t34_an_unknown_required_action_refuses_the_login_and_names_itself_to_the_operator(
    tmp_path: Path,
) -> None:
    async with provider(tmp_path, edit=settled()) as world:
        arta = customer(world)
        await world.change_user("arta.hoxha", wanting("VERIFY_EMAIL"))
        browser = await arta.begin(world.client())
        await arta.log_in(browser)
        assert browser.answer["error"] == "access_denied"
        assert "VERIFY_EMAIL" not in json.dumps(browser.answer)
        (event, *_) = await world.events()
        assert (event.type, event.error) == ("LOGIN_ERROR", "access_denied")
        assert "VERIFY_EMAIL" in event.detail["reason"]


def wanting(alias: str) -> Any:
    return lambda user: msgspec.structs.replace(user, required_actions=(*user.required_actions, alias))


async def test_t34_a_required_action_that_the_realm_has_disabled_is_not_asked_for(tmp_path: Path) -> None:
    def edit(found: dict[str, Any]) -> None:
        settled()(found)
        for action in found["requiredActions"]:
            action["enabled"] = action["alias"] != "VERIFY_PROFILE"

    async with provider(tmp_path, edit=edit) as world:
        arta = customer(world)
        await world.change_user("arta.hoxha", wanting("VERIFY_PROFILE"))
        browser = await arta.begin(world.client())
        await arta.log_in(browser)
        assert "code" in browser.answer


async def test_t35_a_seed_in_the_form_is_nobodys_seed(world: World) -> None:
    arta = Customer(world, "arta.hoxha", "+355692000101")
    bank = world.client()
    browser = await arta.begin(bank)
    assert browser.page is not None
    await browser.open(browser.page.links["register-soft-token"])
    await arta.give_password(browser)
    page = await browser.submit("sms-otp-form", code=world.sms.code_to(arta.phone))
    genuine = page.text("secret")
    form = page.forms["kc-totp-settings-form"]
    assert genuine not in json.dumps(form.values), "the seed does not travel in the form"
    assert "totpSecret" not in form.names
    arta.secret = "A" * 32
    page = await browser.post(form.action, {"totp": arta.code(), "totpSecret": arta.secret, "secret": arta.secret})
    assert "kc-totp-settings-form" in page.forms
    assert (await world.user("arta.hoxha")).otps == ()
    arta.secret = genuine
    await browser.submit("kc-totp-settings-form", totp=arta.code())
    assert len((await world.user("arta.hoxha")).otps) == 1


REDEMPTIONS = [
    pytest.param({"redirect_uri": f"{BANK}/small-business/other"}, id="another redirect address"),
    pytest.param({"redirect_uri": ""}, id="no redirect address"),
    pytest.param({"code_verifier": "x" * 64}, id="another verifier"),
    pytest.param({"code_verifier": ""}, id="no verifier"),
]


@pytest.mark.parametrize("changed", REDEMPTIONS)
async def test_t36_a_code_is_bound_to_its_address_and_verifier(tmp_path: Path, changed: dict[str, str]) -> None:
    async with provider(tmp_path, edit=settled(forms(FORM))) as world:
        bank = world.client()
        refused = await bank.redeem(await _code(world, bank), **changed)
        assert refused.status_code == 400
        assert refused.json()["error"] == "invalid_grant"


async def test_t36_a_code_is_bound_to_its_client_and_realm(tmp_path: Path) -> None:
    async with provider(tmp_path, edit=settled(forms(FORM))) as world:
        bank = world.client()
        for thief in (world.client(client_id="cards"), world.client("sme-corporate")):
            code = await _code(world, bank)
            thief.verifier = bank.verifier
            refused = await thief.redeem(code, redirect_uri=bank.redirect_uri)
            assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        assert claims_of(await bank.redeem(await _code(world, bank)))["aud"] == "internet-banking"
        assert bank.issuer.startswith(ORIGIN)


async def _code(world: World, bank: RelyingParty) -> str:
    arta = customer(world)
    browser = await arta.begin(bank)
    await arta.give_password(browser)
    return browser.answer["code"]
