"""The one place where a login becomes a session and a code believes nothing: each of its doubts, alone."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from idp.crypto.digest import digest
from idp.flows.assembly import AssembledRealm
from idp.flows.step import StepServices
from idp.flows.tree import Execution, leaves
from idp.model.claims.mapper import ClientScope, RoleName
from idp.model.clients.rules import ClientRules
from idp.model.flow import Category, Evidence, Status
from idp.model.flow_kind import FlowKind
from idp.model.oauth import AuthorizationRequest
from idp.model.session import AuthenticationSession, UserSession
from idp.model.user import OtpCredential, PasswordCredential
from idp.oidc.authorization.commit import Committed, commit
from idp.oidc.errors import OAuthError
from idp.oidc.sessions.browser_session import session_of_cookie
from idp.oidc.sessions.browser_state import browser_state
from idp.ports import Taken
from idp.realms.files.placeholders import Surroundings
from idp.realms.loading import load
from tests.fakes import FakeClock
from tests.oidc.harness import ANA, Bank

pytestmark = pytest.mark.anyio

REALM_FILE = Path(__file__).parents[3] / "realms" / "small-business.json"
HOLDER = msgspec.structs.replace(ANA, credentials=(OtpCredential(id="token", sealed=b"", created_at=1),))


class Desk:
    """A bank with the demo's flows, and logins made by hand."""

    def __init__(self, clock: FakeClock, services: StepServices) -> None:
        document = json.loads(REALM_FILE.read_text())
        for action in document["requiredActions"]:
            action["defaultAction"] = False
        surroundings = Surroundings(vault=lambda _realm, _key: "a secret of thirty-two characters")
        realm = load(json.dumps(document), surroundings=surroundings).realm
        self.bank = Bank(clock)
        self.bank.realm = realm
        self.provider = self.bank.provider
        self.clock = clock
        self.services = services
        self.assembled = AssembledRealm(realm, services)
        steps = {step.authenticator: step for step in leaves(self.assembled.flows["bank login"].root)}
        self.cookie = steps["auth-cookie"]
        self.password = steps["auth-username-password-form"]
        self.gate = steps["soft-token-gate"]
        self.otp = steps["auth-otp-form"]

    def evidence(self, step: Execution, category: Category, ceremony: str = "tab") -> Evidence:
        knows = category is Category.KNOWLEDGE
        return Evidence(
            execution=step.id,
            factor="password" if knows else "otp",
            category=category,
            channel="c",
            amr=("pwd",) if knows else ("otp",),
            at=int(self.clock()),
            ceremony=ceremony,
        )

    def login(self, **changed: object) -> AuthenticationSession:
        now = int(self.clock())
        request = AuthorizationRequest(
            client_id="internet-banking",
            redirect_uri="http://localhost:8090/",
            response_mode="query",
            scope=("openid",),
        )
        login = AuthenticationSession(
            tab_id="tab",
            browser="b",
            transaction_id="tx",
            kind=FlowKind.BROWSER,
            flow="bank login",
            realm_version="1",
            client_id="internet-banking",
            created_at=now,
            valid_until=now + 60,
            expires_at=now + 60,
            request=request,
            user_id=ANA.id,
            progress=dict.fromkeys((self.password.id, self.gate.id, self.otp.id), Status.SUCCESS),
            evidence=(
                self.evidence(self.password, Category.KNOWLEDGE),
                self.evidence(self.otp, Category.POSSESSION),
            ),
        )
        return msgspec.structs.replace(login, **changed)

    async def commit(self, login: AuthenticationSession, present: UserSession | None = None) -> Committed:
        return await commit(self.provider, self.assembled, login, present=present, address="203.0.113.7")

    async def refused(self, login: AuthenticationSession, present: UserSession | None = None) -> str:
        with pytest.raises(OAuthError) as error:
            await self.commit(login, present)
        assert "LOGIN" not in await self.bank.events(), "nothing was created"
        return error.value.code.value

    async def session(self, committed: Committed) -> UserSession:
        session = await session_of_cookie(self.provider, committed.cookie)
        assert session is not None
        return session


class Nothing:
    """Stands for every port that a commit has no business with: any use of it fails."""


@pytest.fixture
async def desk(clock: FakeClock, anyio_backend: str) -> Desk:
    del anyio_backend
    fields = {field.name: Nothing() for field in msgspec.structs.fields(StepServices)}
    desk = Desk(clock, StepServices(**fields))  # type: ignore[arg-type] # see Nothing
    await desk.bank.customer(HOLDER)
    return desk


async def test_a_proven_login_becomes_a_session_and_a_code(desk: Desk) -> None:
    done = await desk.commit(desk.login())
    session = await desk.session(done)
    assert done.sid == session.sid
    hashed, _, salt = done.parameters["session_state"].partition(".")
    state = browser_state(desk.provider, session.sid)
    assert hashed == digest(f"internet-banking http://localhost:8090 {state} {salt}")
    assert (session.user_id, session.level, session.flow) == (ANA.id, 2, "bank login")
    assert list(session.clients) == ["internet-banking"]
    taken = await desk.bank.stores.codes.take(digest(done.parameters["code"]))
    assert taken is not None
    assert (taken.value.acr, taken.value.amr) == ("mfa-otp", ("pwd", "otp", "mfa"))
    assert taken.value.expires_at == int(desk.clock()) + 60
    assert await desk.bank.events() == ["LOGIN"]


@pytest.mark.parametrize(("configured", "lives"), [(300, 60), (30, 30)])
async def test_the_code_of_a_fapi_2_client_lives_a_minute_whatever_the_realm_says(
    desk: Desk, configured: int, lives: int
) -> None:
    realm = desk.assembled.realm
    lifespans = msgspec.structs.replace(realm.lifespans, access_code=configured)
    client = msgspec.structs.replace(realm.clients["internet-banking"], rules=ClientRules(longest_code=60))
    clients = {**realm.clients, client.client_id: client}
    desk.assembled = AssembledRealm(msgspec.structs.replace(realm, lifespans=lifespans, clients=clients), desk.services)
    done = await desk.commit(desk.login())
    taken = await desk.bank.stores.codes.take(digest(done.parameters["code"]))
    assert taken is not None
    assert taken.value.expires_at == int(desk.clock()) + lives


@pytest.mark.parametrize("lacking", [0, 1])
async def test_progress_without_evidence_is_no_login(desk: Desk, lacking: int) -> None:
    login = desk.login()
    kept = tuple(proof for position, proof in enumerate(login.evidence) if position != lacking)
    assert await desk.refused(msgspec.structs.replace(login, evidence=kept)) == "server_error"
    assert await desk.refused(msgspec.structs.replace(login, evidence=())) == "server_error"


async def test_evidence_of_another_tab_is_none(desk: Desk) -> None:
    strange = desk.evidence(desk.otp, Category.POSSESSION, ceremony="another tab")
    login = desk.login()
    assert await desk.refused(msgspec.structs.replace(login, evidence=(login.evidence[0], strange))) == "server_error"


async def test_evidence_for_another_step_does_not_carry_this_one(desk: Desk) -> None:
    twice = (desk.evidence(desk.password, Category.KNOWLEDGE), desk.evidence(desk.gate, Category.POSSESSION))
    assert await desk.refused(desk.login(evidence=twice)) == "server_error"


async def test_evidence_without_progress_is_an_unfinished_login(desk: Desk) -> None:
    login = desk.login()
    for step in (desk.password, desk.gate, desk.otp):
        progress = {place: status for place, status in login.progress.items() if place != step.id}
        assert await desk.refused(msgspec.structs.replace(login, progress=progress)) == "server_error"
    attempted = {**login.progress, desk.otp.id: Status.ATTEMPTED}
    assert await desk.refused(msgspec.structs.replace(login, progress=attempted)) == "server_error"


@pytest.mark.parametrize("action", ["UPDATE_PASSWORD", "VERIFY_PROFILE", "NO_SUCH_ACTION"])
async def test_a_required_action_that_came_up_meanwhile_stops_the_login(desk: Desk, action: str) -> None:
    await desk.bank.change_customer(required_actions=(action,))
    assert await desk.refused(desk.login()) == "server_error"


async def test_a_user_who_was_disabled_locked_or_removed_meanwhile_is_not_let_in(desk: Desk) -> None:
    assert await desk.refused(desk.login(user_id="nobody")) == "access_denied"
    assert await desk.refused(desk.login(user_id=None)) == "access_denied"
    await desk.bank.change_customer(enabled=False)
    assert await desk.refused(desk.login()) == "access_denied"
    await desk.bank.change_customer(enabled=True)
    for _ in range(5):
        await desk.bank.lock_customer()
    assert await desk.refused(desk.login()) == "access_denied"


async def test_a_client_that_was_disabled_in_its_version_is_not_answered(desk: Desk) -> None:
    assert await desk.refused(desk.login(client_id="gone")) == "unauthorized_client"


async def test_another_user_than_the_one_asked_about_is_told_as_not_logged_in(desk: Desk) -> None:
    request = desk.login().request
    assert request is not None
    hinted = msgspec.structs.replace(request, hinted_user_id="besnik")
    assert await desk.refused(desk.login(request=hinted)) == "login_required"
    mine = msgspec.structs.replace(request, hinted_user_id=ANA.id)
    assert (await desk.commit(desk.login(request=mine))).parameters["code"]


def silent(desk: Desk, sid: str, **changed: object) -> AuthenticationSession:
    """Return a login of another tab that a session has answered: what it has proven counts for every step."""
    return desk.login(sso_sid=sid, tab_id="another tab", **changed)


async def test_a_session_that_answered_gives_its_time_and_level_and_no_new_cookie(desk: Desk) -> None:
    present = await desk.session(await desk.commit(desk.login()))
    desk.clock.advance(100)
    done = await desk.commit(silent(desk, present.sid, evidence=present.evidence), present)
    assert done.cookie is None
    assert done.sid == present.sid
    taken = await desk.bank.stores.codes.take(digest(done.parameters["code"]))
    assert taken is not None
    assert taken.value.auth_time == present.auth_time


async def test_the_proofs_of_a_login_are_one_act_at_the_time_of_the_last(desk: Desk) -> None:
    """OpenID Connect Core §2: when the authentication occurred; a slow login is not stale when it ends."""
    login = desk.login()
    slow = msgspec.structs.replace(login.evidence[0], at=login.evidence[1].at - 60)
    done = await desk.commit(msgspec.structs.replace(login, evidence=(slow, login.evidence[1])))
    session = await desk.session(done)
    assert {proof.at for proof in session.evidence} == {session.auth_time} == {int(desk.clock())}
    taken = await desk.bank.stores.codes.take(digest(done.parameters["code"]))
    assert taken is not None
    assert taken.value.auth_time == session.auth_time


async def test_a_proof_in_a_session_does_not_make_another_newer(desk: Desk) -> None:
    present = await desk.session(await desk.commit(desk.login()))
    desk.clock.advance(100)
    renewed = msgspec.structs.replace(present.evidence[1], at=int(desk.clock()), ceremony="another tab")
    done = await desk.commit(silent(desk, present.sid, evidence=(present.evidence[0], renewed)), present)
    taken = await desk.bank.stores.codes.take(digest(done.parameters["code"]))
    assert taken is not None
    assert taken.value.auth_time == present.auth_time
    assert [proof.at for proof in (await desk.session(done)).evidence] == [present.auth_time, int(desk.clock())]


async def test_a_session_that_answered_must_still_be_this_browsers_and_this_users(desk: Desk) -> None:
    present = await desk.session(await desk.commit(desk.login()))
    await_login = silent(desk, present.sid, evidence=present.evidence)
    for strange in (
        None,
        msgspec.structs.replace(present, sid="another"),
        msgspec.structs.replace(present, user_id="somebody else"),
    ):
        with pytest.raises(OAuthError, match="login_required"):
            await desk.commit(await_login, strange)
    await desk.bank.stores.user_sessions.end(present.sid)
    with pytest.raises(OAuthError, match="login_required"):
        await desk.commit(await_login, present)


async def test_a_session_from_before_a_password_change_answers_nothing_more(desk: Desk) -> None:
    # Its page was open, at a question perhaps, while the owner of the account changed the password.
    present = await desk.session(await desk.commit(desk.login()))
    desk.clock.advance(30)
    waiting = silent(desk, present.sid, evidence=present.evidence)
    await desk.bank.change_customer(not_before=int(desk.clock()))
    desk.clock.advance(30)
    with pytest.raises(OAuthError, match="login_required"):
        await desk.commit(waiting, present)


async def test_a_login_by_the_old_password_is_worth_nothing_after_its_change(desk: Desk) -> None:
    waiting = desk.login()
    desk.clock.advance(30)
    await desk.bank.change_customer(not_before=int(desk.clock()))
    assert await desk.refused(waiting) == "login_required"
    assert (await desk.commit(desk.login())).parameters["code"]


async def test_a_password_that_was_replaced_counts_no_more_although_it_was_proven_afterwards(desk: Desk) -> None:
    # The step asked a node that had not heard of the change yet.
    login = desk.login()
    kept = PasswordCredential(id="kept", sealed=b"", created_at=0)
    by = tuple(
        msgspec.structs.replace(one, credential_id=kept.id if one.factor == "password" else one.credential_id)
        for one in login.evidence
    )
    assert by != login.evidence
    login = msgspec.structs.replace(login, evidence=by)
    replaced = msgspec.structs.replace(kept, id="replaced")
    await desk.bank.change_customer(credentials=(replaced,))
    assert await desk.refused(login) == "login_required"
    await desk.bank.change_customer(credentials=(kept,))
    assert (await desk.commit(login)).parameters["code"]


async def test_a_login_that_calls_a_session_its_own_without_the_cookie_step_is_refused(desk: Desk) -> None:
    present = await desk.session(await desk.commit(desk.login()))
    forged = desk.login(sso_sid=present.sid, progress={}, evidence=present.evidence)
    with pytest.raises(OAuthError, match="server_error"):
        await desk.commit(forged, present)


async def test_who_logs_in_again_keeps_the_sid_and_every_application_and_loses_the_old_cookie(desk: Desk) -> None:
    first = await desk.commit(desk.login())
    present = await desk.session(first)
    desk.clock.advance(100)
    again = await desk.commit(desk.login(client_id="cards"), present)
    assert again.sid == first.sid
    assert again.cookie != first.cookie
    assert await session_of_cookie(desk.provider, first.cookie) is None
    session = await desk.session(again)
    assert set(session.clients) == {"internet-banking", "cards"}
    assert session.auth_time == int(desk.clock())


async def test_somebody_elses_session_in_the_browser_is_ended_and_nothing_of_it_is_kept(desk: Desk) -> None:
    present = await desk.session(await desk.commit(desk.login()))
    assert await desk.bank.stores.users.create(msgspec.structs.replace(HOLDER, id="besnik", username="besnik"))
    done = await desk.commit(desk.login(user_id="besnik", client_id="cards"), present)
    session = await desk.session(done)
    assert session.sid != present.sid
    assert list(session.clients) == ["cards"]
    assert await desk.bank.stores.user_sessions.get(present.sid) is None
    assert "LOGOUT" in await desk.bank.events()


async def test_a_session_that_changed_under_our_hands_is_not_written_over(desk: Desk) -> None:
    present = await desk.session(await desk.commit(desk.login()))
    stale = msgspec.structs.replace(present, revision=present.revision + 7)
    done = await desk.commit(desk.login(), stale)
    assert done.sid != present.sid
    assert await desk.bank.stores.user_sessions.get(present.sid) is not None


@pytest.mark.parametrize("holds", [True, False])
async def test_a_scope_for_holders_of_a_role_is_granted_to_them_only(desk: Desk, *, holds: bool) -> None:
    vault = ClientScope(name="vault", roles=(RoleName(name="keeper"),))
    realm = desk.assembled.realm
    desk.assembled.realm = msgspec.structs.replace(
        realm, client_scopes={**realm.client_scopes, "vault": vault}, roles={RoleName(name="keeper"): ()}
    )
    if holds:
        await desk.bank.change_customer(realm_roles=("keeper",))
    login = desk.login()
    assert login.request is not None
    request = msgspec.structs.replace(login.request, scope=("openid", "vault"))
    done = await desk.commit(msgspec.structs.replace(login, request=request))
    code = await desk.bank.stores.codes.take(digest(done.parameters["code"]))
    assert isinstance(code, Taken)
    assert code.value.scope == (("openid", "vault") if holds else ("openid",))
