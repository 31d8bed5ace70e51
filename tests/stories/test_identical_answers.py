"""Whoever may not log in reads one and the same answer, whatever the reason (RTS (EU) 2018/389 Art. 4(3)(a), V11)."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import httpx
import msgspec
import pytest

from idp.crypto.sealing import AesGcmSealer
from idp.flows.engine import Usability
from idp.flows.step import Challenge, Login, NoConfig, StepServices, Success
from idp.flows.steps.password import UsernamePassword
from idp.flows.tree import Execution
from idp.model.flow import Requirement
from idp.model.flow_kind import FlowKind
from idp.model.policies.credentials import BruteForcePolicy
from idp.model.realm import Realm
from idp.model.user import PasswordCredential, User
from idp.stores.memory import MemoryKernel
from idp.stores.records import KernelStore
from tests.fakes import FakeClock, FakeErrands, FakeMail, FakeUpstreams
from tests.stories.browser import Browser
from tests.stories.settled import Home, Town, headers_of, normalised, opened, with_customers
from tests.stories.world import FakeSms

pytestmark = pytest.mark.anyio

PASSWORD = "e njëjta fjalë për të gjithë"
USERS = ("right.user", "wrong.password", "disabled.user", "locked.user", "forever.locked", "locked.token")
OTHERS = ("expired.user", "no.password", "empty.password")
CASES = {
    "unknown.user": PASSWORD,
    "wrong.password": "another password",
    "disabled.user": PASSWORD,
    "locked.user": PASSWORD,
    "forever.locked": PASSWORD,
    "locked.token": PASSWORD,
    "expired.user": PASSWORD,
    "no.password": PASSWORD,
    "empty.password": "",
    "": PASSWORD,
}


async def prepare(town: Town) -> None:
    attempts = town.site.desks["small-business"].provider.stores.attempts
    policy = BruteForcePolicy(protected=True, failure_factor=1, wait_increment=3600, max_failure_wait=3600)
    forever = msgspec.structs.replace(policy, permanent_lockout=True)
    locks = [("locked.user", "password", policy), ("forever.locked", "password", forever)]
    for username, factor, how in [*locks, ("locked.token", "otp", policy)]:
        user = await town.user(username)
        await attempts.hit(user.id, factor, policy=how, now=int(town.clock()))
        assert (await attempts.locks(user.id)).of(factor).permanent is (how is forever)
    await town.change_user("disabled.user", lambda user: msgspec.structs.replace(user, enabled=False))
    await town.change_user("no.password", lambda user: msgspec.structs.replace(user, credentials=()))
    await town.change_user("expired.user", expired)


def expired(user: User) -> User:
    assert user.password is not None
    return msgspec.structs.replace(
        user, credentials=(msgspec.structs.replace(user.password, temporary=True, expires_at=1),)
    )


async def login_page(town: Town) -> Browser:
    browser = town.browser()
    await browser.open(town.bank.request())
    return browser


async def registration_page(town: Town) -> Browser:
    browser = await login_page(town)
    await browser.open(browser.shown.links["register-soft-token"])
    return browser


async def answered(browser: Browser, username: str, password: str) -> httpx.Response:
    action = browser.shown.forms["kc-form-login"].action
    return await browser.http.post(action, data={"username": username, "password": password})


@pytest.mark.parametrize("begin", [login_page, registration_page])
async def test_nobody_can_tell_why_a_login_was_refused(
    home: Home, tmp_path: Path, begin: Callable[[Town], Awaitable[Browser]]
) -> None:
    async with opened(home, tmp_path, edit=with_customers(*USERS, *OTHERS, password=PASSWORD)) as town:
        await prepare(town)
        answers = {name: await answered(await begin(town), name, word) for name, word in CASES.items()}
        let_in = await answered(await begin(town), "right.user", PASSWORD)
        reasons = [event.error for event in await town.events() if event.type == "LOGIN_ERROR"]
        sent = len(town.sms.messages)
    assert let_in.status_code == 302, "the right password of a free user is let on: the cases above mean something"
    assert sent == len(home.messages) + (begin is registration_page)
    reference = answers["unknown.user"]
    assert reference.status_code == 200
    assert "Emri i përdoruesit ose fjalëkalimi" in reference.text
    for name, answer in answers.items():
        assert answer.status_code == reference.status_code, name
        assert answer.headers.get_list("set-cookie") == [], name
        assert headers_of(answer) == headers_of(reference), name
        assert normalised(answer) == normalised(reference), name
    # The log knows.
    assert sorted(str(reason) for reason in reasons) == sorted(
        ["user_not_found"] * 2
        + ["invalid_user_credentials"] * 3
        + ["user_disabled", "temporary_password_expired"]
        + ["user_temporarily_disabled"] * 3
    )


async def test_a_refused_login_sets_no_cookie_and_goes_nowhere(town: Town) -> None:
    browser = await login_page(town)
    page = await browser.submit("kc-form-login", username="arta.hoxha", password="wrong")
    assert [hop.status_code for hop in browser.hops] == [200]
    assert "set-cookie" not in page.headers
    assert not browser.has_left


async def test_a_token_that_was_never_registered_and_a_wrong_code_are_told_only_behind_the_right_password(
    town: Town,
) -> None:
    browser = await login_page(town)
    page = await browser.submit("kc-form-login", username="besnik.leka", password="wrong")
    assert "soft-token-info" not in page.ids
    assert "kc-otp-login-form" not in page.forms


class CountingPasswords:
    """An `idp.ports.Passwords` that counts what it verifies and knows one right password."""

    def __init__(self) -> None:
        self.verified: list[bool] = []

    def share(self, subscriber: str) -> AbstractContextManager[None]:
        del subscriber
        return nullcontext()

    def place(self) -> AbstractContextManager[None]:
        return nullcontext()

    async def hash(self, password: str) -> bytes:
        return password.encode()

    async def verify(self, password: str, hashed: bytes | None) -> bool:
        self.verified.append(hashed is not None)
        return hashed == password.encode()

    def outdated(self, hashed: bytes) -> bool:
        del hashed
        return False


SEALER = AesGcmSealer([secrets.token_bytes(32)])
POLICY = BruteForcePolicy(protected=True, failure_factor=5, wait_increment=60)
REALM = Realm(name="bank", version="1", brute_force=POLICY)
ARTA = User(
    id="1",
    username="arta",
    created_at=1,
    credentials=(PasswordCredential(id="p", sealed=SEALER.seal(b"right", purpose="password|bank|1"), created_at=1),),
)
NOBODYS = msgspec.structs.replace(ARTA, credentials=())
DISABLED = msgspec.structs.replace(ARTA, enabled=False)


@pytest.mark.parametrize(
    ("user", "typed", "password", "failures"),
    [
        pytest.param(ARTA, "arta", "right", 0, id="right"),
        pytest.param(ARTA, "arta", "wrong", 0, id="wrong password"),
        pytest.param(ARTA, "arta", "", 0, id="empty password"),
        pytest.param(ARTA, "nobody", "right", 0, id="unknown user"),
        pytest.param(ARTA, "", "right", 0, id="no name"),
        pytest.param(NOBODYS, "arta", "right", 0, id="no password"),
        pytest.param(DISABLED, "arta", "right", 0, id="disabled"),
        pytest.param(expired(ARTA), "arta", "right", 0, id="expired first password"),
        pytest.param(ARTA, "arta", "right", 5, id="locked"),
    ],
)
async def test_exactly_one_hash_is_verified_whatever_the_reason(
    clock: FakeClock, user: User, typed: str, password: str, failures: int
) -> None:
    stores = KernelStore(MemoryKernel(clock), clock).realm("bank")
    passwords = CountingPasswords()
    services = StepServices(
        users=stores.users,
        attempts=stores.attempts,
        throttle=stores.throttle,
        first_use=stores.first_use,
        counters=stores.counters,
        latest=stores.latest,
        passwords=passwords,
        sealer=SEALER,
        sms=FakeSms(),
        message_deliveries=stores.message_deliveries,
        mail=FakeMail(),
        upstreams=FakeUpstreams(),
        beside=FakeErrands(),
        random=secrets.token_bytes,
        code_key=secrets.token_bytes(32),
        site="localhost",
        origin="http://localhost:8080",
        action_links="",
        token_application="",
    )
    assert await stores.users.create(user)
    now = int(clock())
    for _ in range(failures):
        await stores.attempts.hit(user.id, "password", policy=POLICY, now=now)
    place = Execution(id="x", authenticator="auth-username-password-form", requirement=Requirement.REQUIRED)
    step = UsernamePassword(place, NoConfig(), realm=REALM, services=services)
    assert step.usable(None) is Usability.READY
    login = Login(realm=REALM, kind=FlowKind.BROWSER, execution="x", ceremony="t", now=now, locale="sq", posted=True)
    outcome = await step.verify(login, {"username": typed, "password": password})
    assert len(passwords.verified) == 1
    is_right = (user, typed, password, failures) == (ARTA, "arta", "right", 0)
    assert isinstance(outcome, Success if is_right else Challenge)
