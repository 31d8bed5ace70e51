"""Logins in progress, one a tab: begun, shown, answered, started over, ended. All of it against the store.

A POST answers exactly one outstanding challenge (tab, execution, nonce), and takes it: of any number of requests with
the same nonce one is judged, the others are shown where the login stands. A tab belongs to the browser that began it.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import assert_never

import msgspec

from idp.audit.events import Recorder
from idp.audit.transaction import lines_are_of
from idp.crypto.digest import same
from idp.flows.assembly import AssembledRealm
from idp.flows.brokering.visits import arrived, back_from, gone_away, sent_by, sent_to
from idp.flows.messages.action_links import ActionLink
from idp.flows.messages.notices import Notices
from idp.flows.openings import Openings
from idp.flows.outcomes import Result
from idp.flows.runner import Runner
from idp.flows.step import Form, Message, StepEvent
from idp.flows.trace import path_of
from idp.flows.turns import Ask, Detoured, Finished, Refused, StartOver
from idp.flows.views import Completed, Gone, GoOn, Page, Registered, Rejected, View
from idp.model.event import Event
from idp.model.flow_kind import FlowKind
from idp.model.oauth import AuthorizationRequest
from idp.model.session import AuthenticationSession, Notice, Outstanding, UserSession
from idp.model.trusted.upstream import Arrival
from idp.model.user import User
from idp.ports import AuthenticationSessions, Clock, OverloadedError, RandomBytes, Users

_MOST_TRIES = 20  # of a compare-and-set that gives way to nothing but another answer
_LATE = 3600  # seconds after a login has expired in which its request can still be begun again

Assemblies = Callable[[str], Awaitable[AssembledRealm | None]]


class Tabs:
    """The logins of one realm."""

    def __init__(
        self,
        *,
        realm: str,
        sessions: AuthenticationSessions,
        users: Users,
        assemblies: Assemblies,
        current: Callable[[], AssembledRealm],
        recorder: Recorder,
        clock: Clock,
        random: RandomBytes,
        nonce_key: bytes,
        notices: Notices | None = None,
        openings: Openings | None = None,
    ) -> None:
        self._realm = realm
        self._sessions = sessions
        self._users = users
        self._assemblies = assemblies
        self._current = current
        self._recorder = recorder
        self._clock = clock
        self._random = random
        self._nonce_key = nonce_key
        self.notices = notices
        self._openings = openings or Openings()

    def opened(
        self,
        *,
        kind: FlowKind,
        client_id: str,
        browser: str,
        locale: str,
        request: AuthorizationRequest | None,
        transaction_id: str | None = None,
        notice: Notice | None = None,
    ) -> AuthenticationSession | None:
        """Make a login of the current version, not yet stored; None if the realm has no flow of that kind."""
        assembled = self._current()
        flow = assembled.flow_for(kind, assembled.realm.client(client_id))
        if flow is None:
            return None
        transaction = transaction_id or self._random(12).hex()
        lines_are_of(transaction)
        now = self._now()
        valid_until = now + assembled.realm.lifespans.login
        upstream, visiting = sent_by(assembled, flow, request)
        return AuthenticationSession(
            tab_id=self._random(16).hex(),
            browser=browser,
            transaction_id=transaction,
            kind=kind,
            flow=flow.alias,
            realm_version=assembled.realm.version,
            client_id=client_id,
            created_at=now,
            valid_until=valid_until,
            expires_at=valid_until + _LATE,
            request=request,
            locale=locale,
            notice=notice,
            upstream=upstream,
            visiting=visiting,
        )

    def answered_by(self, session: AuthenticationSession, sso: UserSession, user: User) -> AuthenticationSession:
        """Return the login with an existing user session behind it: what that has proven need not be proven again."""
        return msgspec.structs.replace(
            session,
            user_id=user.id,
            attempted_username=user.username,
            sso_sid=sso.sid,
            earlier=sso.evidence,
            transaction_id=sso.transaction_id,
        )

    async def begin(self, session: AuthenticationSession, *, address: str) -> View:
        """Take a login to its first page and store it; one that needs no page is completed without being stored.

        Raises `OverloadedError` if whoever has that address has begun too many.
        """
        result = await self._advanced(session, answer=None, answers=None, address=address)
        match result.turn:
            case Ask():
                if not self._openings.admits(address, self._now()):
                    raise OverloadedError
                session = self._outstanding(result.session, result.turn)
                await self._sessions.create(session)
                return self._page(session, result.turn)
            case Finished():
                return Completed(session=result.session)
            case Refused():
                return await self._rejected(result, result.turn, address=address)
            case StartOver():
                return Rejected(session=session, error="server_error", reason="the flow restarts at its beginning")
            case Detoured():
                return Rejected(session=session, error="server_error", reason="somebody came whom nobody had sent")
            case _:
                assert_never(result.turn)

    async def show(self, tab_id: str, *, browser: str, address: str) -> View:
        """Show where a login stands. Sends nothing, counts nothing, makes nothing."""
        session = await self._mine(tab_id, browser)
        if isinstance(session, Gone):
            return session
        if self._now() >= session.valid_until:
            return await self.start_over(session, Message(key="login_expired", kind="info"))
        session = back_from(self._current(), session)
        result = await self._advanced(session, answer=None, answers=None, address=address)
        match result.turn:
            case Ask():
                after = gone_away(self._outstanding(result.session, result.turn), result.turn)
                if after != session and not await self._sessions.replace(after):
                    return GoOn(session=session)  # another request was faster: look again
                return self._page(after, result.turn)
            case _:
                return await self._ended(result, address=address)

    async def answer(self, tab_id: str, *, browser: str, nonce: str, form: Form, address: str) -> View:
        """Judge an answer, if it answers the outstanding challenge and no other request has answered it."""
        session = await self._mine(tab_id, browser)
        if isinstance(session, Gone):
            return session
        if self._now() >= session.valid_until:
            return await self.start_over(session, Message(key="login_expired", kind="info"))
        outstanding = session.outstanding
        if outstanding is None or not same(self._nonce(session, outstanding), nonce):
            return await self._stale(session)
        taken = msgspec.structs.replace(session, outstanding=None, notice=None, answers=session.answers + 1)
        if not await self._sessions.replace(taken):
            return GoOn(session=session)
        taken = msgspec.structs.replace(taken, revision=session.revision + 1)
        result = await self._advanced(taken, answer=form, answers=outstanding.execution, address=address)
        match result.turn:
            case Ask():
                return await self._asked(result.session, result.turn, answered=outstanding.execution)
            case _:
                return await self._ended(result, address=address)

    async def follow(self, link: ActionLink, form: Form, *, browser: str, locale: str, address: str) -> View:
        """Answer the login that waits for a link: in its own browser there, in another one in a tab of that browser.

        The other browser gets no session and no answer to a client: its tab belongs to no request, and it ends on a
        page of ours. What was proven before the link was asked for stays in the browser that proved it.
        """
        session = await self._sessions.get(link.tab)
        if session is None or session.ended or session.outstanding is None:
            return Gone()
        if session.outstanding.execution != link.execution or self._now() >= session.valid_until:
            return Gone()
        if not browser or not same(session.browser, browser):
            if session.evidence or not browser:
                return Gone()
            session = self._copied(session, browser=browser, locale=locale)
            await self._sessions.create(session)
        assert session.outstanding is not None
        nonce = self._nonce(session, session.outstanding)
        return await self.answer(session.tab_id, browser=browser, nonce=nonce, form=form, address=address)

    def _copied(self, session: AuthenticationSession, *, browser: str, locale: str) -> AuthenticationSession:
        assert session.outstanding is not None
        copied = msgspec.structs.replace(
            session, tab_id=self._random(16).hex(), browser=browser, locale=locale, request=None, answers=0, revision=0
        )
        salt = self._random(24).hex()
        outstanding = Outstanding(execution=session.outstanding.execution, salt=salt)
        return msgspec.structs.replace(copied, outstanding=outstanding)

    async def start_over(self, session: AuthenticationSession, message: Message | None) -> View:
        """End a tab and begin its request again in a new one, without any evidence, on the present version.

        The request is immutable and the flow is chosen from it again: what a policy decided survives (CVE-2026-94218).
        """
        kind = FlowKind.BROWSER if session.request is not None else session.kind
        return await self.go_to(session, kind, _notice(message) if message is not None else None)

    async def go_to(self, session: AuthenticationSession, kind: FlowKind, notice: Notice | None = None) -> View:
        """End a tab and begin a flow of `kind` for its request in a new one."""
        fresh = self._another(session, kind, notice=notice)
        if fresh is None:
            return Gone()
        if session.kind is FlowKind.REGISTRATION:  # whoever has just made an account need not type its name again
            fresh = msgspec.structs.replace(fresh, attempted_username=session.attempted_username)
        return await self._in_place_of(session, fresh)

    def _another(
        self, session: AuthenticationSession, kind: FlowKind, *, notice: Notice | None = None, flow: str = ""
    ) -> AuthenticationSession | None:
        fresh = self.opened(
            kind=kind,
            client_id=session.client_id,
            browser=session.browser,
            locale=session.locale,
            request=session.request,
            transaction_id=session.transaction_id,
            notice=notice,
        )
        if fresh is None or not flow:
            return fresh
        return msgspec.structs.replace(fresh, flow=flow) if flow in self._current().flows else None

    async def _in_place_of(self, session: AuthenticationSession, fresh: AuthenticationSession) -> View:
        await self._sessions.create(fresh)  # first: a process killed here leaves the old tab as it was
        if not await self._kept(_ended(session, continues=fresh.tab_id)):
            return GoOn(session=session)
        return GoOn(session=fresh)

    async def choose_locale(self, session: AuthenticationSession, locale: str) -> None:
        """Show the rest of a login in another language; lost if another request is faster, which is fine."""
        if session.locale != locale:
            await self._sessions.replace(msgspec.structs.replace(session, locale=locale))

    async def of_browser(self, tab_id: str, browser: str) -> AuthenticationSession | None:
        """Return a login that is in progress in this browser."""
        session = await self._mine(tab_id, browser)
        return None if isinstance(session, Gone) else session

    async def _mine(self, tab_id: str, browser: str) -> AuthenticationSession | Gone:
        """Find a tab. Knowing its id is not enough (CVE-2023-0264): the browser's own cookie must match."""
        session = await self._sessions.get(tab_id)
        if session is None or not browser or not same(session.browser, browser):
            return Gone()
        lines_are_of(session.transaction_id)
        return Gone(continues=session.continues) if session.ended else session

    async def _advanced(
        self, session: AuthenticationSession, *, answer: Form | None, answers: str | None, address: str
    ) -> Result:
        assembled = await self._assemblies(session.realm_version)
        if assembled is None or session.flow not in assembled.flows:
            return Result(session=session, turn=StartOver(message=Message(key="session_restarted", kind="info")))
        runner = Runner(assembled, users=self._users)
        session = msgspec.structs.replace(session, address=address)
        result = await runner.advance(session, now=self._now(), answer=answer, answers=answers)
        for event in result.events:
            await self._record(result.session, event, address=address)
            if self.notices is not None:
                user_id = event.user_id or result.session.user_id
                await self.notices.of_event(assembled.realm, event, user_id, now=self._now())
        return result

    async def _asked(self, session: AuthenticationSession, ask: Ask, *, answered: str) -> View:
        after = self._outstanding(session, ask)
        entered_action = ask.execution.id.startswith("action-") and ask.execution.id != answered
        if entered_action:  # each required action has its own time (Keycloak's accessCodeLifespanUserAction)
            until = max(after.valid_until, self._now() + self._current().realm.lifespans.user_action)
            after = msgspec.structs.replace(after, valid_until=until, expires_at=until + _LATE)
        # A wrong answer is the page again; a right one goes on by redirect, so that a reload never posts again. A page
        # that may be seen only once cannot be redirected to.
        is_shown = ask.execution.id == answered or ask.challenge.once
        if not is_shown and ask.challenge.message is not None:
            after = msgspec.structs.replace(after, notice=_notice(ask.challenge.message))
        if not await self._kept(after):
            return GoOn(session=session)
        return self._page(after, ask) if is_shown else GoOn(session=after)

    async def _kept(self, session: AuthenticationSession) -> bool:
        """Store what an answer led to, unless another answer was taken or the tab was ended meanwhile.

        A mere look at the login (a second press of the button, a reload, another language) gives way: its code is
        spent, and a double click must not cost the person the login.
        """
        for _ in range(_MOST_TRIES):
            if await self._sessions.replace(session):
                return True
            stored = await self._sessions.get(session.tab_id)
            if stored is None or stored.ended or stored.answers != session.answers:
                return False
            session = msgspec.structs.replace(session, revision=stored.revision, locale=stored.locale)
        return False

    async def _ended(self, result: Result, *, address: str) -> View:
        session = result.session
        match result.turn:
            case Finished():
                if session.kind is FlowKind.FIRST_BROKER_LOGIN:
                    return await self._arrived(session)
                if not session.kind.ends_in_session and session.request is not None:
                    return await self.go_to(session, FlowKind.BROWSER, session.notice)
                if not await self._kept(_ended(session, continues=None)):
                    return GoOn(session=session)
                return Completed(session=session) if session.kind.ends_in_session else Registered(session=session)
            case Refused():
                return await self._rejected(result, result.turn, address=address)
            case StartOver():
                return await self.start_over(session, result.turn.message)
            case Detoured():
                return await self._detoured(session, result.turn.arrival)
            case Ask():
                return GoOn(session=session)
            case _:
                assert_never(result.turn)

    async def _detoured(self, session: AuthenticationSession, came: Arrival) -> View:
        """Begin the first broker login of who came, in a new tab; the login itself waits in its request."""
        upstream = self._current().realm.upstreams.get(came.identity.alias)
        flow = upstream.first_login_flow if upstream is not None else ""
        fresh = self._another(session, FlowKind.FIRST_BROKER_LOGIN, flow=flow)
        if fresh is None:
            return await self.start_over(session, Message(key="upstream_unknown"))
        return await self._in_place_of(session, msgspec.structs.replace(fresh, arrival=came))

    async def _arrived(self, session: AuthenticationSession) -> View:
        """Go on with the login from which somebody was sent away: they have come, as a user of the realm."""
        fresh, came = self._another(session, FlowKind.BROWSER), session.arrival
        if fresh is None or came is None or session.user_id is None:
            return await self.start_over(session, None)
        back = arrived(fresh, session, came)
        return await self._in_place_of(session, back)

    async def visit(self, tab_id: str, alias: str, *, browser: str, address: str) -> View:
        """Send somebody from a login to an upstream provider that they chose."""
        session = await self._mine(tab_id, browser)
        if isinstance(session, Gone):
            return session
        going = sent_to(self._current(), session, alias)
        if going is None or self._now() >= session.valid_until:
            return GoOn(session=session)
        result = await self._advanced(going, answer=None, answers=None, address=address)
        if not isinstance(result.turn, Ask):
            return await self._ended(result, address=address)
        after = gone_away(self._outstanding(result.session, result.turn), result.turn)
        return self._page(after, result.turn) if await self._kept(after) else GoOn(session=session)

    async def _rejected(self, result: Result, refused: Refused, *, address: str) -> Rejected:
        await self._kept(_ended(result.session, continues=None))
        detail = await self._explained(result, refused)
        event = StepEvent(type="LOGIN_ERROR", error=refused.event_error or refused.error, detail=detail)
        await self._record(result.session, event, address=address)
        return Rejected(session=result.session, error=refused.error, reason=refused.reason)

    async def _explained(self, result: Result, refused: Refused) -> dict[str, str]:
        """Return what leads an operator from the reference on the page to the reason (`idp explain`)."""
        session = result.session
        assembled = await self._assemblies(session.realm_version)
        return {
            "reason": refused.reason,
            "flow": session.flow,
            "realm_version": session.realm_version,
            **({"at": result.at} if result.at else {}),
            **({"path": path_of(assembled, session)} if assembled is not None and session.progress else {}),
            "considered": msgspec.json.encode(result.considered).decode(),
        }

    async def _stale(self, session: AuthenticationSession) -> GoOn:
        """Answer a form that was already answered, or that was never shown: show the present page, judge nothing."""
        notice = Notice(key="page_expired")
        await self._sessions.replace(msgspec.structs.replace(session, notice=notice))
        return GoOn(session=session)

    def _outstanding(self, session: AuthenticationSession, ask: Ask) -> AuthenticationSession:
        present = session.outstanding
        if present is not None and present.execution == ask.execution.id:
            return session
        salt = self._random(24).hex()
        return msgspec.structs.replace(session, outstanding=Outstanding(execution=ask.execution.id, salt=salt))

    def _page(self, session: AuthenticationSession, ask: Ask) -> Page:
        assert session.outstanding is not None, "a page that is shown has a challenge that can be answered"
        return Page(session=session, ask=ask, nonce=self._nonce(session, session.outstanding))

    def _nonce(self, session: AuthenticationSession, outstanding: Outstanding) -> str:
        """Return what the page's form must bring back: the store holds only what it is derived from."""
        parts = ("page-nonce", self._realm, session.tab_id, outstanding.execution, outstanding.salt)
        return hmac.digest(self._nonce_key, "|".join(parts).encode(), "sha256").hex()

    async def _record(self, session: AuthenticationSession, event: StepEvent, *, address: str) -> None:
        await self._recorder.record(
            Event(
                type=event.type,
                at=self._now(),
                realm=self._realm,
                transaction_id=session.transaction_id,
                user_id=event.user_id or session.user_id,
                client_id=session.client_id or None,
                address=address,
                error=event.error,
                detail=event.detail,
            )
        )

    def _now(self) -> int:
        return int(self._clock())


def _notice(message: Message) -> Notice:
    return Notice(key=message.key, params=message.params, kind=message.kind)


def _ended(session: AuthenticationSession, *, continues: str | None) -> AuthenticationSession:
    """Return what stays of an ended tab: nothing of what was typed, proven or remembered."""
    return msgspec.structs.replace(
        session,
        ended=True,
        continues=continues,
        user_id=None,
        attempted_username=None,
        progress={},
        states={},
        evidence=(),
        outstanding=None,
        request=None,
        arrival=None,
    )
